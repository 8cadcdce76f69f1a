//! Files that the server decodes: offered where the browser cannot, followed while the server works on them. They are the
//! server's; what this page adds is in [`uploads`](super::uploads).

use std::collections::BTreeMap;

use futures::StreamExt;
use leptos::prelude::*;
use leptos::task::spawn_local;
use send_wrapper::SendWrapper;
use timeline::{IngestCause, IngestId, IngestInfo, IngestOptions, IngestState, VideoId};
use web_sys::File;

use super::ingest::backoff_ms;
use super::queue::FileQueue;
use super::session::Session;
use super::trouble::Trouble;
use super::uploads::Upload;
use crate::api::ndjson::Lines;
use crate::api::{self, ApiError};
use crate::extraction::ExtractError;
use crate::platform;

/// Endings that a video may have whose first bytes say nothing to the page. A text file called `.mp4` is no video.
const STRANGE_ENDINGS: [&str; 13] =
    ["mpg", "mpeg", "m2v", "vob", "dv", "mxf", "rm", "rmvb", "h264", "h265", "hevc", "ivf", "y4m"];

/// A file that this browser cannot decode and the server may.
#[derive(Clone)]
pub struct Offer {
    /// The file.
    pub file: SendWrapper<File>,
    /// Why the browser cannot.
    pub why: Trouble,
    /// Whether the server keeps it afterwards.
    pub keeps_files: bool,
}

/// The signals, in the context of every page.
#[derive(Clone, Copy)]
pub struct Ingests {
    /// Under way or failed, as the server told last.
    pub list: RwSignal<Vec<IngestInfo>>,
    /// What this page sends, by ingest.
    pub uploads: RwSignal<BTreeMap<IngestId, Upload>>,
    /// The file that is offered to the server right now.
    pub offer: RwSignal<Option<Offer>>,
    /// Why the last wish came to nothing.
    pub trouble: RwSignal<Option<Trouble>>,
    /// What the user began here last; its video is opened as soon as there is one.
    pub wanted: RwSignal<Option<IngestId>>,
    pub(super) session: Session,
    queue: FileQueue,
    /// Local files of uploads, also of those that are over.
    pub(super) files: StoredValue<BTreeMap<IngestId, SendWrapper<File>>>,
    /// Counts wishes to follow; none while nobody follows.
    following: StoredValue<Option<u32>>,
}

impl Ingests {
    /// Puts the signals into the context. Call it once, in the root, so that they live as long as the page.
    pub fn provide(session: Session, queue: FileQueue) -> Self {
        let ingests = Self {
            list: RwSignal::new(Vec::new()),
            uploads: RwSignal::new(BTreeMap::new()),
            offer: RwSignal::new(None),
            trouble: RwSignal::new(None),
            wanted: RwSignal::new(None),
            session,
            queue,
            files: StoredValue::new(BTreeMap::new()),
            following: StoredValue::new(None),
        };
        provide_context(ingests);
        ingests
    }

    /// The signals in the context.
    pub fn expect() -> Self {
        expect_context()
    }

    /// The ingest that a video is made by, as the server told last.
    pub fn of_video(self, video: &VideoId) -> Option<IngestInfo> {
        self.list.with(|list| list.iter().find(|info| info.video.as_ref() == Some(video)).cloned())
    }

    /// Opens a file in the browser; where that cannot decode it, goes on with an upload that was begun, or offers one. Of several
    /// files none is opened: they wait in the library for each other.
    pub async fn open(self, mut files: Vec<File>) -> Option<VideoId> {
        self.offer.set(None);
        self.trouble.set(None);
        if files.len() > 1 {
            self.session.trouble.set(None);
            self.queue.add(files);
            return None;
        }
        let file = files.pop()?;
        let opened = self.session.open(file.clone()).await;
        if let (None, Some(Trouble::Extract(error))) = (&opened, self.session.trouble.get_untracked())
            && may_be_decoded(&error, &file)
        {
            self.consider(file, error).await;
        }
        opened
    }

    async fn consider(self, file: File, error: ExtractError) {
        // A server that does not answer cannot decode either: then the browser's own reason is all there is to say.
        let Ok(IngestOptions { max_bytes, keeps_files, .. }) = api::ingest_options().await else { return };
        let bytes = file.size() as u64;
        if bytes > max_bytes {
            let cause = IngestCause::TooLarge { bytes, limit: max_bytes };
            self.trouble.set(Some(ApiError::Ingest { cause, message: String::new() }.into()));
            return;
        }
        self.session.trouble.set(None);
        let begun = |info: &IngestInfo| info.name == file.name() && info.bytes == Some(bytes);
        if self.list.with_untracked(|list| list.iter().any(begun)) && self.go_on(&file).await {
            return;
        }
        self.offer.set(Some(Offer { file: SendWrapper::new(file), why: error.into(), keeps_files }));
    }

    /// Gets a file from the web.
    pub fn open_url(self, url: String) {
        self.begin(async move { api::open_url(url).await });
    }

    /// Opens a file of the server's folders.
    pub fn open_server_file(self, folder: u32, path: String) {
        self.begin(async move { api::open_server_file(folder, path).await });
    }

    fn begin(self, wish: impl Future<Output = Result<IngestInfo, ApiError>> + 'static) {
        self.trouble.set(None);
        spawn_local(async move {
            match wish.await {
                Ok(info) => self.want(info),
                Err(error) => self.trouble.set(Some(error.into())),
            }
        });
    }

    /// Takes note of an ingest that the user began here.
    pub(super) fn want(self, info: IngestInfo) {
        self.wanted.set(Some(info.id.clone()));
        self.take(info);
        self.follow();
    }

    /// Tries one again that failed.
    pub fn retry(self, id: IngestId) {
        self.begin(async move { api::retry_ingest(id).await });
    }

    /// Asks the server what is under way, and listens for as long as it works on something.
    pub fn follow(self) {
        let before = self.following.get_value();
        self.following.set_value(Some(before.unwrap_or_default().wrapping_add(1)));
        if before.is_some() {
            return;
        }
        spawn_local(async move {
            let mut tries = 0;
            loop {
                let wish = self.following.get_value();
                match self.listen().await {
                    Ok(()) if self.following.get_value() == wish => break,
                    Ok(()) => tries = 0,
                    Err(error) if error.is_passing() => tries += 1,
                    // Whatever the user wants to do next tells the same.
                    Err(_told_elsewhere) => break,
                }
                platform::sleep(backoff_ms(tries)).await;
            }
            self.following.set_value(None);
        });
    }

    async fn listen(self) -> Result<(), ApiError> {
        let mut stream = api::ingests().await?.into_inner();
        let mut lines = Lines::default();
        while let Some(chunk) = stream.next().await {
            for list in lines.push::<Vec<IngestInfo>>(&chunk?) {
                for info in &list {
                    self.hand_over(info);
                }
                self.list.set(list);
            }
        }
        Ok(())
    }

    /// Takes note of one ingest before the server's list comes.
    fn take(self, info: IngestInfo) {
        self.hand_over(&info);
        self.list.update(|list| match list.iter_mut().find(|known| known.id == info.id) {
            Some(known) => *known = info,
            None => list.push(info),
        });
    }

    /// The local file of an upload becomes that of its video: some browsers play what they cannot decode for a page.
    fn hand_over(self, info: &IngestInfo) {
        let Some(video) = &info.video else { return };
        if let Some(Some(file)) = self.files.try_update_value(|files| files.remove(&info.id)) {
            self.session.keep_file(video.clone(), file.take());
        }
    }
}

/// Whether the server may have more luck with a file than this browser.
fn may_be_decoded(error: &ExtractError, file: &File) -> bool {
    match error {
        ExtractError::UnsupportedCodec { .. }
        | ExtractError::UnsupportedContainer { .. }
        | ExtractError::NoWebCodecs => true,
        ExtractError::NotAVideo => {
            let name = file.name().to_lowercase();
            name.rsplit_once('.').is_some_and(|(_, ending)| STRANGE_ENDINGS.contains(&ending))
        }
        _ => false,
    }
}

/// Whether an ingest is something to show in the library: videos have their own cards.
pub fn is_on_the_way(info: &IngestInfo) -> bool {
    info.state != IngestState::Done && (info.video.is_none() || matches!(info.state, IngestState::Failed { .. }))
}
