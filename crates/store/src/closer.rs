//! What closer looks need beside the frames of the plan: frames at instants of their own, and where flashes were. No part of the
//! index, and nothing that "complete" depends on.

use rusqlite::params;
use timeline::{Span, Timestamp, VideoId};

use crate::blobs::BlobId;
use crate::error::Result;
use crate::library::Library;

/// A frame of a closer look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseUp {
    /// The instant it was wanted for.
    pub at: Timestamp,
    /// Its presentation timestamp, not later.
    pub pts: Timestamp,
    /// Where its bytes are.
    pub blob: BlobId,
}

impl Library {
    /// Keeps the frames that are shown at some instants, each with its timestamp and picture: all of them or none, on the disk
    /// when it returns. An instant that is already there keeps its frame.
    ///
    /// # Errors
    /// When there is no such video or the disk refuses.
    pub fn append_close_ups(&self, video: &VideoId, frames: &[(Timestamp, Timestamp, &[u8])]) -> Result<Vec<CloseUp>> {
        let mut writer = self.write()?;
        let transaction = writer.transaction().map_err(|e| self.sql(e))?;
        self.require(&transaction, video)?;
        let blobs: Vec<_> = frames.iter().map(|(.., bytes)| (BlobId::of(bytes), *bytes)).collect();
        let contents: Vec<_> = blobs.iter().map(|(blob, bytes)| (blob, *bytes)).collect();
        self.blobs.put(&contents)?;
        let mut kept = Vec::new();
        for ((at, pts, _), (blob, _)) in frames.iter().zip(&blobs) {
            let sql = "INSERT OR IGNORE INTO close_ups (video, at_us, pts_us, blob) VALUES (?1, ?2, ?3, ?4)";
            let values = params![video.0, at.micros(), pts.micros(), blob.0];
            if transaction.execute(sql, values).map_err(|e| self.sql(e))? > 0 {
                kept.push(CloseUp { at: *at, pts: *pts, blob: blob.clone() });
            }
        }
        transaction.commit().map_err(|e| self.sql(e))?;
        Ok(kept)
    }

    /// All frames of closer looks into a video, ascending by instant.
    ///
    /// # Errors
    /// When the database cannot be read. An unknown video has none.
    pub fn close_ups(&self, video: &VideoId) -> Result<Vec<CloseUp>> {
        let reader = self.read()?;
        let sql = "SELECT at_us, pts_us, blob FROM close_ups WHERE video = ?1 ORDER BY at_us";
        let mut statement = reader.prepare_cached(sql).map_err(|e| self.sql(e))?;
        let rows = statement.query_map([&video.0], |row| {
            let (at, pts) = (Timestamp::from_micros(row.get(0)?), Timestamp::from_micros(row.get(1)?));
            Ok(CloseUp { at, pts, blob: BlobId(row.get(2)?) })
        });
        rows.map_err(|e| self.sql(e))?.collect::<rusqlite::Result<_>>().map_err(|e| self.sql(e))
    }

    /// Keeps where pictures were interrupted for a moment, on the disk when it returns; one that is told twice is kept once.
    ///
    /// # Errors
    /// When there is no such video or the disk refuses.
    pub fn append_flashes(&self, video: &VideoId, flashes: &[Span]) -> Result<()> {
        let mut writer = self.write()?;
        let transaction = writer.transaction().map_err(|e| self.sql(e))?;
        self.require(&transaction, video)?;
        for flash in flashes {
            let sql = "INSERT OR IGNORE INTO flashes (video, start_us, end_us) VALUES (?1, ?2, ?3)";
            let values = params![video.0, flash.start.micros(), flash.end.micros()];
            transaction.execute(sql, values).map_err(|e| self.sql(e))?;
        }
        transaction.commit().map_err(|e| self.sql(e))
    }

    /// Where a video's pictures were interrupted, ascending.
    ///
    /// # Errors
    /// When the database cannot be read. An unknown video has none.
    pub fn flashes(&self, video: &VideoId) -> Result<Vec<Span>> {
        let reader = self.read()?;
        let sql = "SELECT start_us, end_us FROM flashes WHERE video = ?1 ORDER BY start_us";
        let mut statement = reader.prepare_cached(sql).map_err(|e| self.sql(e))?;
        let rows = statement.query_map([&video.0], |row| {
            Ok(Span::new(Timestamp::from_micros(row.get(0)?), Timestamp::from_micros(row.get(1)?)))
        });
        rows.map_err(|e| self.sql(e))?.collect::<rusqlite::Result<_>>().map_err(|e| self.sql(e))
    }
}
