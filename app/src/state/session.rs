//! What outlives a page: local files, runs under way, the model. A file dropped in the library goes on being read while
//! its workbench opens, and while the user looks at another video.

use std::collections::BTreeMap;
use std::rc::Rc;

use futures::future::LocalBoxFuture;
use leptos::prelude::*;
use send_wrapper::SendWrapper;
use timeline::resize::Size;
use timeline::{Budget, FrameIn, ModelInfo, NewVideo, Timestamp, VideoId, VideoSummary};
use web_sys::File;

use super::ingest::Run;
use super::tracks::TrackNews;
use super::trouble::Trouble;
use crate::api::{self, ApiError};
use crate::extraction::{ExtractError, ExtractHandle, Extractor, Probe, There, use_extractor};
use crate::platform;

/// A file the user picked in this tab.
#[derive(Clone)]
pub struct LocalFile {
    /// The file; it lives on the page's thread only.
    pub file: SendWrapper<File>,
    /// Where `<video>` finds it.
    pub url: String,
}

/// The page's memory, in the context of every page.
#[derive(Clone, Copy)]
pub struct Session {
    /// Local files by video.
    pub files: RwSignal<BTreeMap<VideoId, LocalFile>>,
    /// What is damaged in files opened in this tab, by video.
    pub damages: RwSignal<BTreeMap<VideoId, Vec<String>>>,
    /// Extractions by video, ended ones included.
    pub runs: RwSignal<BTreeMap<VideoId, Run>>,
    /// What became of the subtitles inside local files, by video.
    pub tracks: RwSignal<BTreeMap<VideoId, Vec<TrackNews>>>,
    /// The file being opened right now, by name.
    pub opening: RwSignal<Option<String>>,
    /// Why the last file was refused.
    pub trouble: RwSignal<Option<Trouble>>,
    /// The model that answers.
    pub model: Resource<Result<ModelInfo, ApiError>>,
    extractor: StoredValue<Option<SendWrapper<Rc<dyn Extractor>>>>,
    pub(super) handles: StoredValue<BTreeMap<VideoId, SendWrapper<Rc<dyn ExtractHandle>>>>,
}

impl Session {
    /// Puts the session into the context. Call it once, in the root, so that it lives as long as the page.
    pub fn provide() -> Self {
        let session = Self {
            files: RwSignal::new(BTreeMap::new()),
            damages: RwSignal::new(BTreeMap::new()),
            runs: RwSignal::new(BTreeMap::new()),
            tracks: RwSignal::new(BTreeMap::new()),
            opening: RwSignal::new(None),
            trouble: RwSignal::new(None),
            model: Resource::new_blocking(|| (), |()| api::model_info()),
            extractor: StoredValue::new(use_extractor().map(SendWrapper::new)),
            handles: StoredValue::new(BTreeMap::new()),
        };
        provide_context(session);
        session
    }

    /// The session in the context.
    pub fn expect() -> Self {
        expect_context()
    }

    /// The extractor, or the error to show where there is none.
    pub(super) fn extractor(self) -> Result<Rc<dyn Extractor>, ExtractError> {
        self.extractor
            .with_value(|extractor| extractor.as_ref().map(|wrapped| Rc::clone(&**wrapped)))
            .ok_or(ExtractError::NoWebCodecs)
    }

    /// Remembers the local file of a video, so that it can be played and read.
    pub fn keep_file(self, video: VideoId, file: File) {
        let Some(url) = platform::object_url(&file) else { return };
        let before =
            self.files.try_update(|files| files.insert(video, LocalFile { file: SendWrapper::new(file), url }));
        if let Some(Some(before)) = before {
            platform::revoke_object_url(&before.url);
        }
    }

    /// The local file of a video, where it is at hand.
    pub(super) fn file(self, video: &VideoId) -> Option<File> {
        self.files.with_untracked(|files| files.get(video).map(|local| (*local.file).clone()))
    }

    /// The frames of a video that a player shows at some instants, out of its local file; none where that is not at hand.
    pub(super) fn frames_at(
        self,
        video: &VideoId,
        instants: Vec<Timestamp>,
    ) -> Option<LocalBoxFuture<'static, Result<Vec<FrameIn>, ExtractError>>> {
        Some(self.extractor().ok()?.frames_at(self.file(video)?, instants))
    }

    /// Forgets everything about a deleted video.
    pub fn forget(self, video: &VideoId) {
        self.cancel(video);
        self.runs.update(|runs| drop(runs.remove(video)));
        self.tracks.update(|tracks| drop(tracks.remove(video)));
        self.damages.update(|damages| drop(damages.remove(video)));
        if let Some(Some(file)) = self.files.try_update(|files| files.remove(video)) {
            platform::revoke_object_url(&file.url);
        }
    }

    /// Opens the file a user dropped, picked or pasted; gives the new video's name when it is being read.
    pub async fn open(self, file: File) -> Option<VideoId> {
        self.trouble.set(None);
        self.opening.set(Some(file.name()));
        let opened = self.create(file).await;
        self.opening.set(None);
        opened.map_err(|trouble| self.trouble.set(Some(trouble))).ok()
    }

    /// Opens the bundled clip.
    pub async fn open_sample(self) -> Option<VideoId> {
        self.trouble.set(None);
        self.opening.set(Some("sample.mp4".to_owned()));
        match platform::sample().await {
            Ok(file) => self.open(file).await,
            Err(_no_sample) => {
                self.opening.set(None);
                self.trouble.set(Some(Trouble::Sample));
                None
            }
        }
    }

    /// Makes a video of a file and begins to read it.
    pub(super) async fn create(self, file: File) -> Result<VideoId, Trouble> {
        if file.size() < 1.0 {
            return Err(ExtractError::Empty.into());
        }
        let probe = self.extractor()?.probe(file.clone()).await?;
        let model = api::model_info().await?;
        let budget = budget_of(&probe, &model)?;
        let new = NewVideo {
            title: file.name(),
            file_bytes: file.size() as u64,
            duration: probe.duration,
            width: probe.width,
            height: probe.height,
            codec: probe.codec,
            planned_frames: budget.frames,
        };
        let video = api::create_video(new).await?;
        self.keep_file(video.clone(), file);
        if !probe.warnings.is_empty() {
            self.damages.update(|damages| drop(damages.insert(video.clone(), probe.warnings)));
        }
        self.read(video.clone(), model.plan, There::default());
        Ok(video)
    }
}

fn budget_of(probe: &Probe, model: &ModelInfo) -> Result<Budget, ExtractError> {
    let size = Size { height: probe.height, width: probe.width };
    Budget::of(probe.duration, size, model.plan, model.resize)
        .map_err(|_shape| ExtractError::BadShape { width: probe.width, height: probe.height })
}

/// Whether a file picked again is the one the video was made from: same size, and then the name hardly matters.
pub fn is_same_file(summary: &VideoSummary, file: &File) -> bool {
    summary.video.file_bytes == file.size() as u64
}
