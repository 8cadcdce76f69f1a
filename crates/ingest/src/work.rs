//! From a file to a video: fetched if it has to be, decoded when its turn comes, closed, and removed unless files are kept.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use demux::SubtitleError;
use futures::StreamExt;
use shots::TransNet;
use timeline::cues::embedded::Track;
use timeline::{IngestId, IngestInfo, IngestSource, ProgressEvent, Timestamp, VideoId};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::ffmpeg::{self, Video};
use crate::jobs::{Ingest, Work};
use crate::record::{Record, Stage};
use crate::tracks::tracks;
use crate::upload::name_of;
use crate::{cuts, decode, fetch, partial};

impl Ingest {
    /// Takes a file at a web address.
    ///
    /// # Errors
    /// When it is no address, leads into a private network by itself, or the disk refuses.
    pub async fn fetch(&self, url: &str) -> Result<IngestInfo> {
        let url = fetch::parse(url, self.shared.settings.allow_private)?;
        let name = fetch::file_name(&url);
        let source = IngestSource::Url { url: url.to_string() };
        let id = name_of(&[b"url", url.as_str().as_bytes()]);
        self.take(Record { id, name, source, bytes: None, stage: Stage::Receiving, video: None, etag: None }).await
    }

    /// Takes a file of the server's own folders, where it lies.
    ///
    /// # Errors
    /// When there is no such file in there, or the disk refuses.
    pub async fn open_file(&self, folder: u32, path: String) -> Result<IngestInfo> {
        let wanted = path.clone();
        let (file, about) = self
            .blocking(move |shared| {
                let file = shared.roots.find(folder, &wanted)?;
                let about = std::fs::metadata(&file).map_err(Error::io(&file))?;
                Ok((file, about))
            })
            .await?;
        let changed = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let place = file.as_os_str().as_encoded_bytes();
        let id = name_of(&[b"folder", place, &about.len().to_le_bytes(), &changed.as_nanos().to_le_bytes()]);
        let name = file.file_name().map_or_else(|| path.clone(), |name| name.to_string_lossy().into_owned());
        let source = IngestSource::Folder { folder, path };
        let bytes = Some(about.len());
        self.take(Record { id, name, source, bytes, stage: Stage::Whole, video: None, etag: None }).await
    }

    async fn take(&self, record: Record) -> Result<IngestInfo> {
        let id = record.id.clone();
        if let Some(there) = self.known(&id).await? {
            return Ok(there);
        }
        self.begin(record).await?;
        self.start(&id);
        self.info(&id)
    }

    pub(crate) async fn work(self, id: IngestId, cancel: CancellationToken) {
        let outcome = tokio::select! {
            outcome = self.take_in(&id, &cancel) => outcome,
            () = cancel.cancelled() => Err(Error::Stopped),
        };
        let ended = match outcome {
            Ok(()) => self.done(&id).await,
            // Cancelled, and all is gone; or the server ends, and the next one goes on.
            Err(Error::Stopped | Error::Unknown) => Ok(()),
            Err(Error::Engine(engine::Error::UnknownVideo(video))) => self.forget_video(&video).await,
            Err(error) => self.failed(&id, &error).await,
        };
        if let Err(error) = ended {
            tracing::error!(%id, %error, "the end of an ingest could not be noted");
        }
        // Gone if it was cancelled.
        let _gone = self.with(&id, |job| job.work = Work::Nothing);
        self.tell();
    }

    /// Frames first: once they are in, the video is done for whoever watches, and the next file has its turn.
    async fn take_in(&self, id: &IngestId, cancel: &CancellationToken) -> Result<()> {
        if self.with(id, |job| job.record.stage != Stage::Shots)? {
            self.bring(id, cancel).await?;
            // Before it is done: who looks in between must not miss it.
            self.with(id, |job| job.fresh = true)?;
        }
        let Some(network) = &self.shared.settings.shots else { return Ok(()) };
        self.with(id, |job| job.work = Work::Looking)?;
        self.change(id, |record, _| record.stage = Stage::Shots).await?;
        use engine::Error::UnknownVideo;
        match self.find_cuts(id, network, cancel).await {
            Ok(()) => Ok(()),
            Err(ended @ (Error::Stopped | Error::Unknown | Error::Engine(UnknownVideo(_)))) => Err(ended),
            // The video is whole without them.
            Err(error) => {
                tracing::warn!(%id, %error, "where the shots of a file begin could not be found");
                Ok(())
            }
        }
    }

    async fn find_cuts(&self, id: &IngestId, network: &Arc<TransNet>, cancel: &CancellationToken) -> Result<()> {
        let _turn = self.shared.look.acquire().await.map_err(|_| Error::Stopped)?;
        let record = self.with(id, |job| job.record.clone())?;
        let name = record.video.ok_or(Error::Unknown)?;
        let path = self.path(id, &record.source).await?;
        let video = self.blocking(move |_| Ok(ffmpeg::probe(&path)?)).await?;
        cuts::find_cuts(&self.shared.engine, &name, &video, network, cancel).await
    }

    async fn bring(&self, id: &IngestId, cancel: &CancellationToken) -> Result<()> {
        let record = self.with(id, |job| job.record.clone())?;
        if let (IngestSource::Url { url }, Stage::Receiving) = (&record.source, &record.stage) {
            self.load(id, url).await?;
            self.change(id, |record, received| (record.stage, record.bytes) = (Stage::Whole, Some(received))).await?;
        }
        self.with(id, |job| job.work = Work::Waiting)?;
        self.tell();
        let _turn = self.shared.turn.acquire().await.map_err(|_| Error::Stopped)?;
        self.with(id, |job| job.work = Work::Decoding)?;
        self.tell();
        let path = self.path(id, &record.source).await?;
        let (video, subtitles) = self.blocking(move |_| Ok((ffmpeg::probe(&path)?, tracks(&path)))).await?;
        let (name, there) = match self.there(record.video.as_ref()).await {
            Some((name, there)) => (name, there),
            None => (self.create(id, &video, record.name).await?, HashSet::new()),
        };
        self.take_subtitles(&name, subtitles).await?;
        let tells_cuts = self.shared.settings.shots.is_none();
        decode::fill(&self.shared.engine, &name, &video, &there, tells_cuts, cancel).await
    }

    /// The text tracks of the file become transcripts of the video; one that cannot keeps no frame from coming.
    async fn take_subtitles(
        &self,
        video: &VideoId,
        found: Vec<std::result::Result<Track, SubtitleError>>,
    ) -> Result<()> {
        for track in found {
            let taken = match track {
                Ok(track) => self.shared.engine.put_track(video, track).await,
                Err(error) => {
                    tracing::warn!(%video, %error, "subtitles of a file were left out");
                    continue;
                }
            };
            match taken {
                Ok(_receipt) => {}
                Err(error @ (engine::Error::Subtitles(_) | engine::Error::TooManyTranscripts { .. })) => {
                    tracing::warn!(%video, %error, "subtitles of a file were left out");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Where the bytes are. A path in a folder is looked up again: what it means may have changed.
    pub(crate) async fn path(&self, id: &IngestId, source: &IngestSource) -> Result<PathBuf> {
        match source {
            IngestSource::Upload | IngestSource::Url { .. } => Ok(partial::path(&self.folder(id))),
            IngestSource::Folder { folder, path } => {
                let (folder, path) = (*folder, path.clone());
                self.blocking(move |shared| shared.roots.find(folder, &path)).await
            }
        }
    }

    async fn create(&self, id: &IngestId, video: &Video, title: String) -> Result<VideoId> {
        let name = decode::create(&self.shared.engine, video, title).await?;
        let known = name.clone();
        self.change(id, |record, _| record.video = Some(known)).await?;
        Ok(name)
    }

    /// A video that an earlier run began, and the frames it brought.
    async fn there(&self, video: Option<&VideoId>) -> Option<(VideoId, HashSet<Timestamp>)> {
        let events = self.shared.engine.progress(video?).ok()?;
        match std::pin::pin!(events).next().await? {
            ProgressEvent::Snapshot { frames, .. } => Some((video?.clone(), frames.into_iter().collect())),
            _ => None,
        }
    }

    async fn done(&self, id: &IngestId) -> Result<()> {
        self.change(id, |record, _| record.stage = Stage::Done).await?;
        if !self.shared.settings.keep_files {
            let folder = self.folder(id);
            self.blocking(move |_| partial::discard(&folder)).await?;
        }
        tracing::info!(%id, "a file was decoded");
        Ok(())
    }

    async fn failed(&self, id: &IngestId, error: &Error) -> Result<()> {
        tracing::warn!(%id, %error, "a file could not be taken");
        let video = self.with(id, |job| job.record.video.clone())?;
        let empty = match &video {
            Some(video) => self.shared.engine.video(video).await.is_ok_and(|about| about.frames == 0),
            None => false,
        };
        let (cause, message) = (error.cause(), error.to_string());
        let passing = cause.is_passing();
        self.change(id, move |record, _| {
            record.stage = Stage::Failed { cause, message };
            if empty {
                record.video = None;
            }
        })
        .await?;
        if let Some(video) = video.filter(|_| empty || !passing) {
            self.close(&video).await?;
        }
        if !passing {
            let folder = self.folder(id);
            self.blocking(move |_| partial::discard(&folder)).await?;
            self.with(id, |job| job.received = 0)?;
        }
        Ok(())
    }
}
