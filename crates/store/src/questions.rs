//! Questions and what became of them.

use rusqlite::{Row, params};
use timeline::video::{SpanInText, TokenRecord};
use timeline::{Coarse, Course, Evidence, QuestionRecord, VideoId};

use crate::error::{Error, Result};
use crate::library::{Library, now_ms};

/// An answer as far as it has come.
#[derive(Debug, Clone, Copy)]
pub struct AnswerUpdate<'a> {
    /// The text so far.
    pub answer: &'a str,
    /// Times found in it.
    pub spans: &'a [SpanInText],
    /// Its tokens with their moments.
    pub tokens: &'a [TokenRecord],
    /// Whether it came to its end.
    pub complete: bool,
    /// How it came about, when that is to be kept in the same step.
    pub course: Option<&'a Course>,
}

impl Library {
    /// Keeps a question and numbers it.
    ///
    /// # Errors
    /// When there is no such video or the database cannot be written.
    pub fn add_question(&self, video: &VideoId, question: &str) -> Result<i64> {
        let writer = self.write()?;
        let sql = "INSERT INTO questions (video, question, asked_ms) SELECT id, ?2, ?3 FROM videos WHERE id = ?1";
        match writer.execute(sql, params![video.0, question, now_ms()]).map_err(|e| self.sql(e))? {
            0 => Err(Error::UnknownVideo(video.clone())),
            _ => Ok(writer.last_insert_rowid()),
        }
    }

    /// Keeps an answer as far as it has come.
    ///
    /// # Errors
    /// When the question is gone or the database cannot be written.
    pub fn save_answer(&self, question: i64, update: AnswerUpdate<'_>) -> Result<()> {
        let sql = "UPDATE questions SET answer = ?2, spans = ?3, tokens = ?4, complete = ?5,
            course = COALESCE(?6, course) WHERE id = ?1";
        let AnswerUpdate { answer, spans, tokens, complete, course } = update;
        let course = course.map(json).transpose()?;
        let values = params![question, answer, json(spans)?, json(tokens)?, complete, course];
        match self.write()?.execute(sql, values).map_err(|e| self.sql(e))? {
            0 => Err(Error::UnknownQuestion(question)),
            _ => Ok(()),
        }
    }

    /// Keeps the cues that were found for a question.
    ///
    /// # Errors
    /// When the question is gone or the database cannot be written.
    pub fn save_evidence(&self, question: i64, evidence: &[Evidence]) -> Result<()> {
        self.note(question, "UPDATE questions SET evidence = ?2 WHERE id = ?1", evidence)
    }

    /// Keeps how coarsely a question's video was seen.
    ///
    /// # Errors
    /// When the question is gone or the database cannot be written.
    pub fn save_coarse(&self, question: i64, coarse: Coarse) -> Result<()> {
        self.note(question, "UPDATE questions SET coarse = ?2 WHERE id = ?1", &coarse)
    }

    /// Keeps what was done for an answer beside one reading of the video.
    ///
    /// # Errors
    /// When the question is gone or the database cannot be written.
    pub fn save_course(&self, question: i64, course: &Course) -> Result<()> {
        self.note(question, "UPDATE questions SET course = ?2 WHERE id = ?1", course)
    }

    fn note<T: serde::Serialize + ?Sized>(&self, question: i64, sql: &str, value: &T) -> Result<()> {
        let values = params![question, json(value)?];
        match self.write()?.execute(sql, values).map_err(|e| self.sql(e))? {
            0 => Err(Error::UnknownQuestion(question)),
            _ => Ok(()),
        }
    }

    /// Questions of a video, in the order asked.
    ///
    /// # Errors
    /// When the database cannot be read. An unknown video has no questions.
    pub fn questions(&self, video: &VideoId) -> Result<Vec<QuestionRecord>> {
        let reader = self.read()?;
        let sql =
            "SELECT id, question, answer, spans, tokens, complete, asked_ms, evidence, coarse, course FROM questions
            WHERE video = ?1 ORDER BY id";
        let mut statement = reader.prepare_cached(sql).map_err(|e| self.sql(e))?;
        let rows = statement.query_map([&video.0], read).map_err(|e| self.sql(e))?;
        rows.map(|row| {
            let (mut record, [spans, tokens, evidence, coarse, course]) = row.map_err(|e| self.sql(e))?;
            record.spans = parse(&spans)?;
            record.tokens = parse(&tokens)?;
            record.evidence = parse(&evidence)?;
            record.coarse = parse(&coarse)?;
            record.course = parse(&course)?;
            Ok(record)
        })
        .collect()
    }

    /// Removes a question of a video.
    ///
    /// # Errors
    /// When the video has no such question or the database cannot be written.
    pub fn delete_question(&self, video: &VideoId, question: i64) -> Result<()> {
        let sql = "DELETE FROM questions WHERE id = ?1 AND video = ?2";
        match self.write()?.execute(sql, params![question, video.0]).map_err(|e| self.sql(e))? {
            0 => Err(Error::UnknownQuestion(question)),
            _ => Ok(()),
        }
    }
}

/// The record without its JSON columns, and those.
fn read(row: &Row<'_>) -> rusqlite::Result<(QuestionRecord, [String; 5])> {
    let record = QuestionRecord {
        id: row.get(0)?,
        question: row.get(1)?,
        answer: row.get(2)?,
        spans: Vec::<SpanInText>::new(),
        tokens: Vec::<TokenRecord>::new(),
        evidence: Vec::<Evidence>::new(),
        coarse: None,
        course: Course::default(),
        complete: row.get(5)?,
        asked_ms: row.get(6)?,
    };
    Ok((record, [row.get(3)?, row.get(4)?, row.get(7)?, row.get(8)?, row.get(9)?]))
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Row(e.to_string()))
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| Error::Row(e.to_string()))
}
