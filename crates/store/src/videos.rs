//! Videos: what the library says of each, creation, renaming, deletion.

use rusqlite::{OptionalExtension, Row, params};
use timeline::{NewVideo, Timestamp, VideoId};

use crate::blobs::BlobId;
use crate::error::{Error, Result};
use crate::library::{Library, now_ms};

/// A video as the database knows it. Whether its index is ready depends on the model, so that is not decided here.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoRow {
    /// Its name.
    pub id: VideoId,
    /// What was said when it was created, title changes applied.
    pub video: NewVideo,
    /// Whether all frames have been received.
    pub finished: bool,
    /// Fingerprint of the model for which every segment was encoded.
    pub ready_for: Option<String>,
    /// Frames of the plan that are kept.
    pub frames: u32,
    /// Frames kept for the overview alone, and those between frames of the plan.
    pub beside: u32,
    /// Questions asked of it.
    pub questions: u32,
    /// Milliseconds since 1970.
    pub created_ms: i64,
}

const SELECT: &str = "SELECT id, title, file_bytes, duration_us, width, height, codec, planned_frames, finished,
    ready_for, created_ms, (SELECT count(*) FROM frames WHERE video = videos.id AND role IN (0, 2)),
    (SELECT count(*) FROM questions WHERE video = videos.id),
    (SELECT count(*) FROM frames WHERE video = videos.id AND role IN (1, 3)) FROM videos";

fn read(row: &Row<'_>) -> rusqlite::Result<VideoRow> {
    Ok(VideoRow {
        id: VideoId(row.get(0)?),
        video: NewVideo {
            title: row.get(1)?,
            // Stored bit for bit: SQLite's integers are signed.
            file_bytes: row.get::<_, i64>(2)?.cast_unsigned(),
            duration: Timestamp::from_micros(row.get(3)?),
            width: row.get(4)?,
            height: row.get(5)?,
            codec: row.get(6)?,
            planned_frames: row.get(7)?,
        },
        finished: row.get(8)?,
        ready_for: row.get(9)?,
        created_ms: row.get(10)?,
        frames: row.get(11)?,
        questions: row.get(12)?,
        beside: row.get(13)?,
    })
}

impl Library {
    /// Adds a video and names it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn create_video(&self, video: &NewVideo) -> Result<VideoId> {
        self.insert(video, false)
    }

    /// Adds a video that is in no list and is removed when the library is opened again.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn create_guest(&self, video: &NewVideo) -> Result<VideoId> {
        self.insert(video, true)
    }

    fn insert(&self, video: &NewVideo, guest: bool) -> Result<VideoId> {
        let id = VideoId(uuid::Uuid::now_v7().to_string());
        let sql = "INSERT INTO videos (id, title, file_bytes, duration_us, width, height, codec, planned_frames,
            created_ms, guest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let values = params![
            id.0,
            video.title,
            video.file_bytes.cast_signed(),
            video.duration.micros(),
            video.width,
            video.height,
            video.codec,
            video.planned_frames,
            now_ms(),
            guest
        ];
        self.write()?.execute(sql, values).map_err(|e| self.sql(e))?;
        Ok(id)
    }

    /// All videos but guests, the latest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn videos(&self) -> Result<Vec<VideoRow>> {
        let reader = self.read()?;
        let sql = format!("{SELECT} WHERE NOT guest ORDER BY created_ms DESC, id DESC");
        let mut statement = reader.prepare_cached(&sql).map_err(|e| self.sql(e))?;
        let rows = statement.query_map([], read).map_err(|e| self.sql(e))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|e| self.sql(e))
    }

    /// One video.
    ///
    /// # Errors
    /// When there is no such video or the database cannot be read.
    pub fn video(&self, id: &VideoId) -> Result<VideoRow> {
        let reader = self.read()?;
        let mut statement = reader.prepare_cached(&format!("{SELECT} WHERE id = ?1")).map_err(|e| self.sql(e))?;
        let row = statement.query_row([&id.0], read).optional().map_err(|e| self.sql(e))?;
        row.ok_or_else(|| Error::UnknownVideo(id.clone()))
    }

    /// Gives a video another title.
    ///
    /// # Errors
    /// When there is no such video or the database cannot be written.
    pub fn rename(&self, id: &VideoId, title: &str) -> Result<()> {
        self.update(id, "UPDATE videos SET title = ?2 WHERE id = ?1", title)
    }

    /// Notes that all frames have been received. The overview has served: from here on the video is what it would be
    /// without one. Its blobs stay until the next start sweeps them, for an answer may still look at them.
    ///
    /// # Errors
    /// When there is no such video or the database cannot be written.
    pub fn finish(&self, id: &VideoId) -> Result<()> {
        let mut writer = self.write()?;
        let transaction = writer.transaction().map_err(|e| self.sql(e))?;
        let run = |sql| transaction.execute(sql, [&id.0]).map_err(|e| self.sql(e));
        if run("UPDATE videos SET finished = 1 WHERE id = ?1")? == 0 {
            return Err(Error::UnknownVideo(id.clone()));
        }
        run("DELETE FROM frames WHERE video = ?1 AND role = 1")?;
        run("UPDATE frames SET role = 0 WHERE video = ?1 AND role = 2")?;
        transaction.commit().map_err(|e| self.sql(e))
    }

    /// Notes for which model every segment has been encoded; none when frames were added since.
    ///
    /// # Errors
    /// When there is no such video or the database cannot be written.
    pub fn set_ready_for(&self, id: &VideoId, fingerprint: Option<&str>) -> Result<()> {
        self.update(id, "UPDATE videos SET ready_for = ?2 WHERE id = ?1", fingerprint)
    }

    /// Removes a video, its questions, and the blobs that no other video shows.
    ///
    /// # Errors
    /// When there is no such video or the disk refuses.
    pub fn delete(&self, id: &VideoId) -> Result<()> {
        let mut writer = self.write()?;
        let transaction = writer.transaction().map_err(|e| self.sql(e))?;
        let orphans = {
            let sql = "SELECT blob FROM
                (SELECT blob FROM frames WHERE video = ?1 UNION SELECT blob FROM close_ups WHERE video = ?1) AS own
                WHERE NOT EXISTS (SELECT 1 FROM frames WHERE blob = own.blob AND video <> ?1)
                AND NOT EXISTS (SELECT 1 FROM close_ups WHERE blob = own.blob AND video <> ?1)";
            let mut statement = transaction.prepare(sql).map_err(|e| self.sql(e))?;
            let rows = statement.query_map([&id.0], |row| row.get(0).map(BlobId)).map_err(|e| self.sql(e))?;
            rows.collect::<rusqlite::Result<Vec<_>>>().map_err(|e| self.sql(e))?
        };
        if transaction.execute("DELETE FROM videos WHERE id = ?1", [&id.0]).map_err(|e| self.sql(e))? == 0 {
            return Err(Error::UnknownVideo(id.clone()));
        }
        transaction.commit().map_err(|e| self.sql(e))?;
        // After the commit: a crash in between leaves files without rows, which the next start sweeps.
        self.blobs.remove(&orphans)
    }

    fn update(&self, id: &VideoId, sql: &str, value: impl rusqlite::ToSql) -> Result<()> {
        match self.write()?.execute(sql, params![id.0, value]).map_err(|e| self.sql(e))? {
            0 => Err(Error::UnknownVideo(id.clone())),
            _ => Ok(()),
        }
    }
}
