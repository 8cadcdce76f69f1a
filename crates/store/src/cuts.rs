//! Where the shots of a video begin.

use rusqlite::params;
use timeline::{Timestamp, VideoId};

use crate::error::Result;
use crate::library::Library;

impl Library {
    /// Keeps the first frames of shots, on the disk when it returns; gives those that were not there, ascending.
    ///
    /// # Errors
    /// When there is no such video or the disk refuses.
    pub fn append_cuts(&self, video: &VideoId, cuts: &[Timestamp]) -> Result<Vec<Timestamp>> {
        let mut writer = self.write()?;
        let transaction = writer.transaction().map_err(|e| self.sql(e))?;
        self.require(&transaction, video)?;
        let mut added = Vec::new();
        for cut in cuts {
            let sql = "INSERT OR IGNORE INTO cuts (video, pts_us) VALUES (?1, ?2)";
            if transaction.execute(sql, params![video.0, cut.micros()]).map_err(|e| self.sql(e))? > 0 {
                added.push(*cut);
            }
        }
        transaction.commit().map_err(|e| self.sql(e))?;
        added.sort_unstable();
        Ok(added)
    }

    /// The first frames of a video's shots, ascending, less that of the first.
    ///
    /// # Errors
    /// When the database cannot be read. An unknown video has none.
    pub fn cuts(&self, video: &VideoId) -> Result<Vec<Timestamp>> {
        let reader = self.read()?;
        let sql = "SELECT pts_us FROM cuts WHERE video = ?1 ORDER BY pts_us";
        let mut statement = reader.prepare_cached(sql).map_err(|e| self.sql(e))?;
        let rows =
            statement.query_map([&video.0], |row| row.get(0).map(Timestamp::from_micros)).map_err(|e| self.sql(e))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|e| self.sql(e))
    }
}
