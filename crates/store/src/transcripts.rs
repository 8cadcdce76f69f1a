//! Transcripts of videos: taken in whole, corrected cue by cue or all at once, never half.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use timeline::cues::Retiming;
use timeline::{Cue, CueRecord, Span, Timestamp, Transcript, TranscriptInfo, VideoId};

use crate::error::{Error, Result};
use crate::library::{Library, now_ms};

const SELECT: &str =
    "SELECT id, name, language, created_ms, heard_us, (SELECT count(*) FROM cues WHERE transcript = transcripts.id)
    FROM transcripts";

fn read_info(row: &Row<'_>) -> rusqlite::Result<TranscriptInfo> {
    Ok(TranscriptInfo {
        id: row.get(0)?,
        name: row.get(1)?,
        language: row.get(2)?,
        created_ms: row.get(3)?,
        heard: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_micros),
        cues: row.get(5)?,
    })
}

fn read_cue(row: &Row<'_>) -> rusqlite::Result<CueRecord> {
    let at = |column| row.get(column).map(Timestamp::from_micros);
    Ok(CueRecord { id: row.get(0)?, cue: Cue { span: Span { start: at(1)?, end: at(2)? }, text: row.get(3)? } })
}

impl Library {
    /// Keeps a transcript under a name; one of the same name is replaced in the same step, and keeps its number.
    ///
    /// # Errors
    /// When there is no such video or the database cannot be written.
    pub fn put_transcript(&self, video: &VideoId, name: &str, transcript: &Transcript) -> Result<TranscriptInfo> {
        self.change(|transaction| {
            self.require(transaction, video)?;
            let sql = "INSERT INTO transcripts (video, name, language, created_ms) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT (video, name) DO UPDATE SET language = ?3, created_ms = ?4, heard_us = NULL RETURNING id";
            let values = params![video.0, name, transcript.language, now_ms()];
            let id: i64 = transaction.query_row(sql, values, |row| row.get(0)).map_err(|e| self.sql(e))?;
            transaction.execute("DELETE FROM cues WHERE transcript = ?1", [id]).map_err(|e| self.sql(e))?;
            self.insert_cues(transaction, id, &transcript.cues)?;
            self.info(transaction, video, id)
        })
    }

    /// Adds cues to a transcript that is being heard. Says in which language it is, and up to where it holds what was said; nothing
    /// when it is whole.
    ///
    /// # Errors
    /// When the video has no such transcript or the database cannot be written.
    pub fn append_cues(
        &self,
        video: &VideoId,
        id: i64,
        cues: &[Cue],
        language: Option<&str>,
        heard: Option<Timestamp>,
    ) -> Result<()> {
        self.change(|transaction| {
            self.info(transaction, video, id)?;
            let sql = "UPDATE transcripts SET language = coalesce(?2, language), heard_us = ?3 WHERE id = ?1";
            transaction.execute(sql, params![id, language, heard.map(Timestamp::micros)]).map_err(|e| self.sql(e))?;
            self.insert_cues(transaction, id, cues)
        })
    }

    /// The transcripts of a video, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read. An unknown video has none.
    pub fn transcripts(&self, video: &VideoId) -> Result<Vec<TranscriptInfo>> {
        let reader = self.read()?;
        let mut statement =
            reader.prepare_cached(&format!("{SELECT} WHERE video = ?1 ORDER BY id")).map_err(|e| self.sql(e))?;
        let rows = statement.query_map([&video.0], read_info).map_err(|e| self.sql(e))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|e| self.sql(e))
    }

    /// One transcript of a video and its cues, ascending by start.
    ///
    /// # Errors
    /// When the video has no such transcript or the database cannot be read.
    pub fn transcript(&self, video: &VideoId, id: i64) -> Result<(TranscriptInfo, Vec<CueRecord>)> {
        let reader = self.read()?;
        let info = self.info(&reader, video, id)?;
        Ok((info, self.cues(&reader, id)?))
    }

    /// Gives a cue another text.
    ///
    /// # Errors
    /// When the video has no such transcript, that has no such cue, or the database cannot be written.
    pub fn edit_cue(&self, video: &VideoId, transcript: i64, cue: i64, text: &str) -> Result<()> {
        self.change(|transaction| {
            self.info(transaction, video, transcript)?;
            let sql = "UPDATE cues SET text = ?3 WHERE id = ?2 AND transcript = ?1";
            self.one(cue, transaction.execute(sql, params![transcript, cue, text]))
        })
    }

    /// Removes a cue.
    ///
    /// # Errors
    /// As for [`edit_cue`](Self::edit_cue).
    pub fn delete_cue(&self, video: &VideoId, transcript: i64, cue: i64) -> Result<()> {
        self.change(|transaction| {
            self.info(transaction, video, transcript)?;
            let sql = "DELETE FROM cues WHERE id = ?2 AND transcript = ?1";
            self.one(cue, transaction.execute(sql, params![transcript, cue]))
        })
    }

    /// Corrects the times of all cues of a transcript at once.
    ///
    /// # Errors
    /// When the video has no such transcript or the database cannot be written.
    pub fn retime(&self, video: &VideoId, transcript: i64, by: Retiming) -> Result<()> {
        self.change(|transaction| {
            self.info(transaction, video, transcript)?;
            let sql = "UPDATE cues SET start_us = ?2, end_us = ?3 WHERE id = ?1";
            let mut update = transaction.prepare_cached(sql).map_err(|e| self.sql(e))?;
            for CueRecord { id, cue } in self.cues(transaction, transcript)? {
                let (start, end) = (by.moment(cue.span.start), by.moment(cue.span.end));
                update.execute(params![id, start.micros(), end.micros()]).map_err(|e| self.sql(e))?;
            }
            Ok(())
        })
    }

    /// Removes a transcript with its cues.
    ///
    /// # Errors
    /// When the video has no such transcript or the database cannot be written.
    pub fn delete_transcript(&self, video: &VideoId, id: i64) -> Result<()> {
        let sql = "DELETE FROM transcripts WHERE id = ?1 AND video = ?2";
        match self.write()?.execute(sql, params![id, video.0]).map_err(|e| self.sql(e))? {
            0 => Err(Error::UnknownTranscript(id)),
            _ => Ok(()),
        }
    }

    /// All of what `work` does or nothing.
    fn change<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut writer = self.write()?;
        let transaction = writer.transaction().map_err(|e| self.sql(e))?;
        let done = work(&transaction)?;
        transaction.commit().map_err(|e| self.sql(e))?;
        Ok(done)
    }

    fn insert_cues(&self, transaction: &Transaction<'_>, transcript: i64, cues: &[Cue]) -> Result<()> {
        let sql = "INSERT INTO cues (transcript, start_us, end_us, text) VALUES (?1, ?2, ?3, ?4)";
        let mut insert = transaction.prepare_cached(sql).map_err(|e| self.sql(e))?;
        for cue in cues {
            let values = params![transcript, cue.span.start.micros(), cue.span.end.micros(), cue.text];
            insert.execute(values).map_err(|e| self.sql(e))?;
        }
        Ok(())
    }

    fn info(&self, connection: &Connection, video: &VideoId, id: i64) -> Result<TranscriptInfo> {
        let mut statement =
            connection.prepare_cached(&format!("{SELECT} WHERE id = ?1 AND video = ?2")).map_err(|e| self.sql(e))?;
        let row = statement.query_row(params![id, video.0], read_info).optional().map_err(|e| self.sql(e))?;
        row.ok_or(Error::UnknownTranscript(id))
    }

    fn cues(&self, connection: &Connection, transcript: i64) -> Result<Vec<CueRecord>> {
        let sql = "SELECT id, start_us, end_us, text FROM cues WHERE transcript = ?1 ORDER BY start_us, id";
        let mut statement = connection.prepare_cached(sql).map_err(|e| self.sql(e))?;
        let rows = statement.query_map([transcript], read_cue).map_err(|e| self.sql(e))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|e| self.sql(e))
    }

    fn one(&self, cue: i64, changed: rusqlite::Result<usize>) -> Result<()> {
        match changed.map_err(|e| self.sql(e))? {
            0 => Err(Error::UnknownCue(cue)),
            _ => Ok(()),
        }
    }
}
