//! Where frames point in a space of pictures and sentences. Another model's are of no use: they go when its first are kept.

use rusqlite::params;
use timeline::{Timestamp, VideoId};

use crate::error::Result;
use crate::library::Library;

impl Library {
    /// Keeps the directions of some of a video's frames, as `model` gives them, on the disk when it returns.
    ///
    /// # Errors
    /// When there is no such video or the disk refuses.
    pub fn save_directions(&self, video: &VideoId, model: &str, directions: &[(Timestamp, Vec<f32>)]) -> Result<()> {
        let mut writer = self.write()?;
        let transaction = writer.transaction().map_err(|e| self.sql(e))?;
        self.require(&transaction, video)?;
        let others = "DELETE FROM directions WHERE video = ?1 AND model != ?2";
        transaction.execute(others, params![video.0, model]).map_err(|e| self.sql(e))?;
        for (pts, direction) in directions {
            let bytes: Vec<u8> = direction.iter().flat_map(|part| part.to_le_bytes()).collect();
            let sql = "INSERT OR REPLACE INTO directions (video, pts_us, model, direction) VALUES (?1, ?2, ?3, ?4)";
            transaction.execute(sql, params![video.0, pts.micros(), model, bytes]).map_err(|e| self.sql(e))?;
        }
        transaction.commit().map_err(|e| self.sql(e))
    }

    /// The directions of a video's frames as `model` gave them, ascending by time.
    ///
    /// # Errors
    /// When the database cannot be read. An unknown video has none.
    pub fn directions(&self, video: &VideoId, model: &str) -> Result<Vec<(Timestamp, Vec<f32>)>> {
        let reader = self.read()?;
        let sql = "SELECT pts_us, direction FROM directions WHERE video = ?1 AND model = ?2 ORDER BY pts_us";
        let mut statement = reader.prepare_cached(sql).map_err(|e| self.sql(e))?;
        let rows = statement.query_map(params![video.0, model], |row| {
            let bytes: Vec<u8> = row.get(1)?;
            let (parts, _) = bytes.as_chunks::<4>();
            let direction = parts.iter().map(|part| f32::from_le_bytes(*part)).collect();
            Ok((Timestamp::from_micros(row.get(0)?), direction))
        });
        rows.map_err(|e| self.sql(e))?.collect::<rusqlite::Result<_>>().map_err(|e| self.sql(e))
    }

    /// The frames of a video whose directions are kept, ascending.
    ///
    /// # Errors
    /// When the database cannot be read. An unknown video has none.
    pub fn directed(&self, video: &VideoId, model: &str) -> Result<Vec<Timestamp>> {
        let reader = self.read()?;
        let sql = "SELECT pts_us FROM directions WHERE video = ?1 AND model = ?2 ORDER BY pts_us";
        let mut statement = reader.prepare_cached(sql).map_err(|e| self.sql(e))?;
        let rows = statement.query_map(params![video.0, model], |row| row.get(0).map(Timestamp::from_micros));
        rows.map_err(|e| self.sql(e))?.collect::<rusqlite::Result<_>>().map_err(|e| self.sql(e))
    }
}
