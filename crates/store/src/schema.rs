//! The tables, and how an older database becomes a current one (`PRAGMA user_version` counts the steps taken).

use std::path::Path;

use rusqlite::Connection;

use crate::error::{Error, Result};

/// One step per released shape; a step is never edited once released, a further one is added.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE videos (
        id TEXT PRIMARY KEY,
        title TEXT NOT NULL,
        file_bytes INTEGER NOT NULL,
        duration_us INTEGER NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        codec TEXT NOT NULL,
        planned_frames INTEGER NOT NULL,
        finished INTEGER NOT NULL DEFAULT 0,
        -- Fingerprint of the model for which every segment was encoded.
        ready_for TEXT,
        created_ms INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE frames (
        video TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
        pts_us INTEGER NOT NULL,
        blob TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        PRIMARY KEY (video, pts_us)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX frames_by_blob ON frames (blob);
    CREATE TABLE questions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        video TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
        question TEXT NOT NULL,
        answer TEXT NOT NULL DEFAULT '',
        spans TEXT NOT NULL DEFAULT '[]',
        tokens TEXT NOT NULL DEFAULT '[]',
        complete INTEGER NOT NULL DEFAULT 0,
        asked_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX questions_by_video ON questions (video, id);
",
    "
    -- A video that came with a question and goes with the run.
    ALTER TABLE videos ADD COLUMN guest INTEGER NOT NULL DEFAULT 0;
",
    "
    CREATE TABLE transcripts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        video TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        language TEXT,
        created_ms INTEGER NOT NULL,
        UNIQUE (video, name)
    ) STRICT;
    CREATE TABLE cues (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        transcript INTEGER NOT NULL REFERENCES transcripts (id) ON DELETE CASCADE,
        start_us INTEGER NOT NULL,
        end_us INTEGER NOT NULL,
        text TEXT NOT NULL
    ) STRICT;
    CREATE INDEX cues_by_transcript ON cues (transcript, start_us, id);
    -- Cues in which the words of a question stand.
    ALTER TABLE questions ADD COLUMN evidence TEXT NOT NULL DEFAULT '[]';
",
    "
    -- 0: sent for the plan; 1: a key frame of the overview, gone when the plan is complete; 2: both in one.
    ALTER TABLE frames ADD COLUMN role INTEGER NOT NULL DEFAULT 0;
    -- How coarsely the end of the video was seen, when not all frames were there.
    ALTER TABLE questions ADD COLUMN coarse TEXT NOT NULL DEFAULT 'null';
",
    "
    -- First frames of shots.
    CREATE TABLE cuts (
        video TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
        pts_us INTEGER NOT NULL,
        PRIMARY KEY (video, pts_us)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Up to where a transcript that is being heard holds what was said; nothing when it is whole.
    ALTER TABLE transcripts ADD COLUMN heard_us INTEGER;
",
    "
    -- What happens in a video: how far looking through it has come, and what was found.
    CREATE TABLE outlines (
        video TEXT PRIMARY KEY REFERENCES videos (id) ON DELETE CASCADE,
        language TEXT NOT NULL,
        state TEXT NOT NULL,
        done INTEGER NOT NULL DEFAULT 0,
        total INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE scenes (
        video TEXT NOT NULL REFERENCES outlines (video) ON DELETE CASCADE,
        start_us INTEGER NOT NULL,
        end_us INTEGER NOT NULL,
        title TEXT NOT NULL,
        novelty REAL NOT NULL,
        PRIMARY KEY (video, start_us)
    ) STRICT, WITHOUT ROWID;
",
    "
    -- Frames of closer looks, a row an instant; no part of the index.
    CREATE TABLE close_ups (
        video TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
        at_us INTEGER NOT NULL,
        pts_us INTEGER NOT NULL,
        blob TEXT NOT NULL,
        PRIMARY KEY (video, at_us)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX close_ups_by_blob ON close_ups (blob);
    -- Where the picture was another for a moment and then the same again.
    CREATE TABLE flashes (
        video TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
        start_us INTEGER NOT NULL,
        end_us INTEGER NOT NULL,
        PRIMARY KEY (video, start_us)
    ) STRICT, WITHOUT ROWID;
    -- What was done for an answer beside one reading of the video.
    ALTER TABLE questions ADD COLUMN course TEXT NOT NULL DEFAULT '{}';
",
    "
    -- Where frames point in a space of pictures and sentences (32-bit floats, little-endian), as a model has it.
    CREATE TABLE directions (
        video TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
        pts_us INTEGER NOT NULL,
        model TEXT NOT NULL,
        direction BLOB NOT NULL,
        PRIMARY KEY (video, model, pts_us)
    ) STRICT;
",
];

/// Opens a connection with the settings every one of ours has: write-ahead log, fsync on every commit.
pub(crate) fn connect(path: &Path) -> Result<Connection> {
    let at = |e| Error::sql_at(path, e);
    let connection = Connection::open(path).map_err(at)?;
    connection.busy_timeout(std::time::Duration::from_secs(10)).map_err(at)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(at)?;
    // FULL: a commit in the log is synced before it is acknowledged; NORMAL could lose it in a power cut.
    connection.pragma_update(None, "synchronous", "FULL").map_err(at)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(at)?;
    Ok(connection)
}

/// Brings the database to the current shape, each step in its own transaction.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let at = |e| Error::sql_at(path, e);
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(at)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(Error::TooNew { path: path.to_owned(), found, known });
    }
    for (step, sql) in (1_i64..).zip(MIGRATIONS).skip(usize::try_from(found).unwrap_or(0)) {
        let transaction = connection.transaction().map_err(at)?;
        transaction.execute_batch(sql).map_err(at)?;
        transaction.pragma_update(None, "user_version", step).map_err(at)?;
        transaction.commit().map_err(at)?;
    }
    Ok(())
}

/// Looks for damage that opening alone does not show.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<()> {
    let verdict: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|e| Error::sql_at(path, e))?;
    if verdict == "ok" { Ok(()) } else { Err(Error::Damaged { path: path.to_owned(), reason: verdict }) }
}
