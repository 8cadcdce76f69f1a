//! What happens in a video: the scenes that were found so far, and how far looking has come.

use rusqlite::{OptionalExtension, params};
use timeline::{OutlineState, Scene, Span, Timestamp, TitleLanguage, VideoId};

use crate::error::Result;
use crate::library::Library;

/// How far a video has been looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutlineRow {
    /// The language of the titles.
    pub language: TitleLanguage,
    /// Running ones go on when the library is opened again.
    pub state: OutlineState,
    /// Moments looked at.
    pub done: u32,
    /// Moments to look at; zero until that is known.
    pub total: u32,
}

impl Library {
    /// Begins to look through a video: what was found before is gone, unless it was in the same language and cut off.
    ///
    /// # Errors
    /// When there is no such video or the disk refuses.
    pub fn begin_outline(&self, video: &VideoId, language: TitleLanguage) -> Result<OutlineRow> {
        let mut writer = self.write()?;
        let transaction = writer.transaction().map_err(|e| self.sql(e))?;
        self.require(&transaction, video)?;
        let known = "SELECT 1 FROM outlines WHERE video = ?1 AND language = ?2 AND state = 'stopped'";
        let goes_on = transaction.prepare(known).and_then(|mut s| s.exists(params![video.0, language.tag()]));
        if goes_on.map_err(|e| self.sql(e))? {
            let sql = "UPDATE outlines SET state = 'running' WHERE video = ?1";
            transaction.execute(sql, [&video.0]).map_err(|e| self.sql(e))?;
        } else {
            transaction.execute("DELETE FROM outlines WHERE video = ?1", [&video.0]).map_err(|e| self.sql(e))?;
            let sql = "INSERT INTO outlines (video, language, state) VALUES (?1, ?2, 'running')";
            transaction.execute(sql, params![video.0, language.tag()]).map_err(|e| self.sql(e))?;
        }
        transaction.commit().map_err(|e| self.sql(e))?;
        drop(writer);
        Ok(self.outline(video)?.unwrap_or(OutlineRow { language, state: OutlineState::Running, done: 0, total: 0 }))
    }

    /// Keeps how far it has come, and the scene that was found last; both or neither are on the disk when it returns. Of scenes
    /// with the same beginning the last one stays.
    ///
    /// # Errors
    /// When the disk refuses. An outline that is gone stays gone.
    pub fn advance_outline(&self, video: &VideoId, done: u32, total: u32, scene: Option<&Scene>) -> Result<()> {
        let mut writer = self.write()?;
        let transaction = writer.transaction().map_err(|e| self.sql(e))?;
        let sql = "UPDATE outlines SET done = ?2, total = ?3 WHERE video = ?1";
        let there = transaction.execute(sql, params![video.0, done, total]).map_err(|e| self.sql(e))? > 0;
        if let (Some(scene), true) = (scene, there) {
            let sql =
                "INSERT OR REPLACE INTO scenes (video, start_us, end_us, title, novelty) VALUES (?1, ?2, ?3, ?4, ?5)";
            let span = scene.span;
            let values =
                params![video.0, span.start.micros(), span.end.micros(), scene.title, f64::from(scene.novelty)];
            transaction.execute(sql, values).map_err(|e| self.sql(e))?;
        }
        transaction.commit().map_err(|e| self.sql(e))
    }

    /// Takes note that looking has ended.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn end_outline(&self, video: &VideoId, state: OutlineState) -> Result<()> {
        let sql = "UPDATE outlines SET state = ?2 WHERE video = ?1";
        self.write()?.execute(sql, params![video.0, state_tag(state)]).map(drop).map_err(|e| self.sql(e))
    }

    /// How far a video has been looked through; none when nobody asked for it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn outline(&self, video: &VideoId) -> Result<Option<OutlineRow>> {
        let reader = self.read()?;
        let sql = "SELECT language, state, done, total FROM outlines WHERE video = ?1";
        let row = reader.query_row(sql, [&video.0], |row| {
            let (language, state): (String, String) = (row.get(0)?, row.get(1)?);
            let language = TitleLanguage::from_tag(&language).unwrap_or(TitleLanguage::En);
            Ok(OutlineRow { language, state: state_of(&state), done: row.get(2)?, total: row.get(3)? })
        });
        row.optional().map_err(|e| self.sql(e))
    }

    /// The scenes found in a video, ascending.
    ///
    /// # Errors
    /// When the database cannot be read. An unknown video has none.
    pub fn scenes(&self, video: &VideoId) -> Result<Vec<Scene>> {
        let reader = self.read()?;
        let sql = "SELECT start_us, end_us, title, novelty FROM scenes WHERE video = ?1 ORDER BY start_us";
        let mut statement = reader.prepare_cached(sql).map_err(|e| self.sql(e))?;
        let scene = |row: &rusqlite::Row<'_>| {
            let span = Span::new(Timestamp::from_micros(row.get(0)?), Timestamp::from_micros(row.get(1)?));
            #[expect(clippy::cast_possible_truncation, reason = "it was written from the same width")]
            let novelty = row.get::<_, f64>(3)? as f32;
            Ok(Scene { span, title: row.get(2)?, novelty })
        };
        let rows = statement.query_map([&video.0], scene).map_err(|e| self.sql(e))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|e| self.sql(e))
    }

    /// Videos whose looking through was cut off.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn running_outlines(&self) -> Result<Vec<VideoId>> {
        let reader = self.read()?;
        let mut statement =
            reader.prepare("SELECT video FROM outlines WHERE state = 'running'").map_err(|e| self.sql(e))?;
        let rows = statement.query_map([], |row| row.get(0).map(VideoId)).map_err(|e| self.sql(e))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|e| self.sql(e))
    }
}

const STATES: [(OutlineState, &str); 3] =
    [(OutlineState::Running, "running"), (OutlineState::Done, "done"), (OutlineState::Stopped, "stopped")];

fn state_tag(state: OutlineState) -> &'static str {
    STATES.iter().find(|(known, _)| *known == state).map_or("stopped", |(_, tag)| *tag)
}

fn state_of(tag: &str) -> OutlineState {
    STATES.iter().find(|(_, known)| *known == tag).map_or(OutlineState::Stopped, |(state, _)| *state)
}
