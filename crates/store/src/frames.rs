//! Frames: appended once per timestamp however often they are sent, found again by moment.

use std::collections::BTreeMap;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{OptionalExtension, Row, params};
use timeline::{Timestamp, VideoId};

use crate::blobs::BlobId;
use crate::error::{Error, Result};
use crate::library::Library;

/// What a frame was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The plan, in its turn.
    Plan,
    /// The overview; nobody wants it once the frames of the plan are there.
    Overview,
    /// The overview; the plan wants it too and it will not be sent again.
    Both,
    /// What came and went between two frames of the plan.
    Between,
}

impl Role {
    fn number(self) -> i64 {
        match self {
            Self::Plan => 0,
            Self::Overview => 1,
            Self::Both => 2,
            Self::Between => 3,
        }
    }
}

impl FromSql for Role {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(Self::Plan),
            1 => Ok(Self::Overview),
            2 => Ok(Self::Both),
            3 => Ok(Self::Between),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

/// A frame to keep.
#[derive(Debug, Clone, Copy)]
pub struct NewFrame<'a> {
    /// Its presentation timestamp.
    pub pts: Timestamp,
    /// What it was sent for.
    pub role: Role,
    /// The picture as it came.
    pub bytes: &'a [u8],
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// A frame that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameRow {
    /// Its presentation timestamp.
    pub pts: Timestamp,
    /// What it was sent for.
    pub role: Role,
    /// Where its bytes are.
    pub blob: BlobId,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// What an append did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Frames that were not there before, or for the overview only, ascending in time.
    pub added: Vec<FrameRow>,
    /// Frames of the plan that the video has now.
    pub total: u32,
}

fn read(row: &Row<'_>) -> rusqlite::Result<FrameRow> {
    Ok(FrameRow {
        pts: Timestamp::from_micros(row.get(0)?),
        blob: BlobId(row.get(1)?),
        width: row.get(2)?,
        height: row.get(3)?,
        role: row.get(4)?,
    })
}

impl Library {
    /// Keeps frames: all of them or none, on the disk when it returns. A timestamp that is already there keeps its picture;
    /// what was for the overview and is now sent for the plan belongs to the plan.
    ///
    /// # Errors
    /// When there is no such video or the disk refuses.
    pub fn append_frames(&self, video: &VideoId, frames: &[NewFrame<'_>]) -> Result<Appended> {
        let mut writer = self.write()?;
        let transaction = writer.transaction().map_err(|e| self.sql(e))?;
        self.require(&transaction, video)?;

        // Only what is not there yet touches the disk; of two frames of one moment the first counts.
        let (mut fresh, mut taken) = (BTreeMap::new(), BTreeMap::new());
        {
            let sql = "SELECT pts_us, blob, width, height, role FROM frames WHERE video = ?1 AND pts_us = ?2";
            let mut find = transaction.prepare_cached(sql).map_err(|e| self.sql(e))?;
            for frame in frames {
                let found = find.query_row(params![video.0, frame.pts.micros()], read).optional();
                match found.map_err(|e| self.sql(e))? {
                    Some(row) if frame.role == Role::Plan && row.role != Role::Plan => {
                        taken.insert(frame.pts, FrameRow { role: Role::Plan, ..row });
                    }
                    Some(_) => {}
                    None => {
                        fresh.entry(frame.pts).or_insert_with(|| (BlobId::of(frame.bytes), frame));
                    }
                }
            }
        }
        if !fresh.is_empty() {
            let contents: Vec<_> = fresh.values().map(|(blob, frame)| (blob, frame.bytes)).collect();
            self.blobs.put(&contents)?;
            let sql = "INSERT INTO frames (video, pts_us, blob, width, height, role) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let mut insert = transaction.prepare_cached(sql).map_err(|e| self.sql(e))?;
            for (pts, (blob, frame)) in &fresh {
                let values = params![video.0, pts.micros(), blob.0, frame.width, frame.height, frame.role.number()];
                insert.execute(values).map_err(|e| self.sql(e))?;
            }
        }
        for pts in taken.keys() {
            let sql = "UPDATE frames SET role = 0 WHERE video = ?1 AND pts_us = ?2";
            transaction.execute(sql, params![video.0, pts.micros()]).map_err(|e| self.sql(e))?;
        }
        if !fresh.is_empty() || !taken.is_empty() {
            let sql = "UPDATE videos SET ready_for = NULL WHERE id = ?1";
            transaction.execute(sql, [&video.0]).map_err(|e| self.sql(e))?;
        }
        let total = transaction
            .query_row("SELECT count(*) FROM frames WHERE video = ?1 AND role IN (0, 2)", [&video.0], |row| row.get(0))
            .map_err(|e| self.sql(e))?;
        transaction.commit().map_err(|e| self.sql(e))?;
        for (pts, (blob, NewFrame { role, width, height, .. })) in fresh {
            taken.insert(pts, FrameRow { pts, role: *role, blob, width: *width, height: *height });
        }
        Ok(Appended { added: taken.into_values().collect(), total })
    }

    /// All frames of a video, ascending in time.
    ///
    /// # Errors
    /// When the database cannot be read. An unknown video has no frames.
    pub fn frames(&self, video: &VideoId) -> Result<Vec<FrameRow>> {
        let reader = self.read()?;
        let sql = "SELECT pts_us, blob, width, height, role FROM frames WHERE video = ?1 ORDER BY pts_us";
        let mut statement = reader.prepare_cached(sql).map_err(|e| self.sql(e))?;
        let rows = statement.query_map([&video.0], read).map_err(|e| self.sql(e))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|e| self.sql(e))
    }

    /// The frame a player shows at a moment: the last not later than it, or the first of all.
    ///
    /// # Errors
    /// When the video is unknown or has no frames.
    pub fn frame_at(&self, video: &VideoId, at: Timestamp) -> Result<FrameRow> {
        let row = {
            let reader = self.read()?;
            let sql = "SELECT pts_us, blob, width, height, role FROM frames WHERE video = ?1
                ORDER BY pts_us <= ?2 DESC, CASE WHEN pts_us <= ?2 THEN -pts_us ELSE pts_us END LIMIT 1";
            let mut statement = reader.prepare_cached(sql).map_err(|e| self.sql(e))?;
            statement.query_row(params![video.0, at.micros()], read).optional().map_err(|e| self.sql(e))?
        };
        match row {
            Some(row) => Ok(row),
            None => self.video(video).and(Err(Error::NoFrames(video.clone()))),
        }
    }

    /// The bytes of a frame, verified.
    ///
    /// # Errors
    /// When the file is missing or altered.
    pub fn blob(&self, id: &BlobId) -> Result<Vec<u8>> {
        self.blobs.get(id)
    }
}
