//! Several files at once: they wait for each other, since two decoders on one machine are no faster than one after the other.

use leptos::prelude::*;
use leptos::task::spawn_local;
use send_wrapper::SendWrapper;
use timeline::VideoId;
use web_sys::File;

use super::ingest::Run;
use super::session::Session;
use super::trouble::Trouble;
use crate::platform;

/// How often the queue looks whether the file before is read.
const LOOK_MS: u32 = 250;

/// A file that is not a video of the library yet.
#[derive(Clone)]
pub struct Waiting {
    /// Names it among those that wait.
    pub key: u32,
    /// The file.
    pub file: SendWrapper<File>,
    /// Why it could not be opened when its turn came.
    pub trouble: Option<Trouble>,
}

/// The files that wait, in the context of every page. They are the page's: a reload forgets them.
#[derive(Clone, Copy)]
pub struct FileQueue {
    /// First come, first read.
    pub list: RwSignal<Vec<Waiting>>,
    session: Session,
    keys: StoredValue<u32>,
    working: StoredValue<bool>,
}

impl FileQueue {
    /// Puts the queue into the context. Call it once, in the root.
    pub fn provide(session: Session) -> Self {
        let list = RwSignal::new(Vec::new());
        let queue = Self { list, session, keys: StoredValue::new(0), working: StoredValue::new(false) };
        provide_context(queue);
        queue
    }

    /// The queue in the context.
    pub fn expect() -> Self {
        expect_context()
    }

    /// Adds files at the end.
    pub fn add(self, files: Vec<File>) {
        let waiting = files.into_iter().map(|file| {
            self.keys.update_value(|key| *key += 1);
            Waiting { key: self.keys.get_value(), file: SendWrapper::new(file), trouble: None }
        });
        let waiting: Vec<_> = waiting.collect();
        self.list.update(|list| list.extend(waiting));
        self.work();
    }

    /// Takes one out.
    pub fn remove(self, key: u32) {
        self.list.update(|list| list.retain(|waiting| waiting.key != key));
    }

    fn work(self) {
        if self.working.get_value() {
            return;
        }
        self.working.set_value(true);
        spawn_local(async move {
            while let Some(Waiting { key, file, .. }) = self.next() {
                while self.session.runs.with_untracked(|runs| runs.values().any(Run::is_active)) {
                    platform::sleep(LOOK_MS).await;
                }
                if self.has(key) {
                    self.read(key, file.take()).await;
                }
            }
            self.working.set_value(false);
        });
    }

    async fn read(self, key: u32, file: File) {
        match self.session.create(file).await {
            Ok(VideoId(_)) => self.remove(key),
            Err(trouble) => self.list.update(|list| {
                if let Some(waiting) = list.iter_mut().find(|waiting| waiting.key == key) {
                    waiting.trouble = Some(trouble);
                }
            }),
        }
    }

    fn next(self) -> Option<Waiting> {
        self.list.with_untracked(|list| list.iter().find(|waiting| waiting.trouble.is_none()).cloned())
    }

    fn has(self, key: u32) -> bool {
        self.list.with_untracked(|list| list.iter().any(|waiting| waiting.key == key))
    }
}
