//! Questions of one video and their answers, stored ones and the one being written.

use futures::StreamExt;
use futures::future::{AbortHandle, Abortable};
use leptos::prelude::*;
use leptos::task::spawn_local;
use timeline::events::Usage;
use timeline::video::TokenRecord;
use timeline::{AnswerEvent, QuestionRecord, Span, VideoId};

use super::bench::Bench;
use super::trouble::Trouble;
use crate::api::ndjson::Lines;
use crate::api::{self, ApiError};
use crate::platform;

/// Where an answer stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Asked; nothing heard yet but how many questions come first.
    Waiting(u32),
    /// The prompt is being read: tokens done, tokens in all.
    Reading(u32, u32),
    /// Words arrive.
    Writing,
    /// Complete; what it took, when it was asked in this session.
    Done(Option<Usage>),
    /// The user stopped it.
    Stopped,
    /// An earlier session left it unfinished.
    Interrupted,
    /// It failed.
    Failed(Trouble),
}

impl Status {
    /// Whether words may still come.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Waiting(_) | Self::Reading(..) | Self::Writing)
    }
}

/// A question with its answer.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Counts up within the page: a key that exists before the server has given one.
    pub key: u32,
    /// Question and answer so far.
    pub record: RwSignal<QuestionRecord>,
    /// What a thinking model said to itself before the answer; heard in this session only.
    pub thought: RwSignal<String>,
    /// Whether the subtitles were searched for the words it asks for; heard in this session only.
    pub searched: RwSignal<bool>,
    /// Where the answer stands.
    pub status: RwSignal<Status>,
}

impl Entry {
    /// The first words are here.
    fn begin_writing(self) {
        if self.status.with_untracked(|status| *status != Status::Writing) {
            self.status.set(Status::Writing);
        }
    }

    /// The spans of its answer, and of the subtitles found for it.
    pub fn spans(self) -> Vec<Span> {
        self.record.with_untracked(|record| {
            let found = record.evidence.iter().map(|found| found.span);
            record.spans.iter().map(|s| s.span).chain(found).collect()
        })
    }
}

/// The conversation's signals, in the context of the workbench.
#[derive(Clone, Copy)]
pub struct Conversation {
    /// Oldest first.
    pub entries: RwSignal<Vec<Entry>>,
    /// Whether an answer is being written.
    pub busy: RwSignal<bool>,
    /// Why a question was not even asked.
    pub refusal: RwSignal<Option<Trouble>>,
    bench: Bench,
    abort: StoredValue<Option<AbortHandle>>,
    owner: StoredValue<Option<WeakOwner>>,
}

impl Conversation {
    /// Puts the conversation into the context. Leaving the workbench stops an answer being written.
    pub fn provide(bench: Bench, records: Vec<QuestionRecord>) -> Self {
        let entries = (0_u32..).zip(records).map(|(key, record)| {
            let status = if record.complete { Status::Done(None) } else { Status::Interrupted };
            Entry {
                key,
                record: RwSignal::new(record),
                thought: RwSignal::new(String::new()),
                searched: RwSignal::new(false),
                status: RwSignal::new(status),
            }
        });
        let entries: Vec<Entry> = entries.collect();
        if let Some(last) = entries.last() {
            bench.spans.set(last.spans());
        }
        let conversation = Self {
            entries: RwSignal::new(entries),
            busy: RwSignal::new(false),
            refusal: RwSignal::new(None),
            bench,
            abort: StoredValue::new(None),
            // Weak: an owner that owned itself would never be cleaned up.
            owner: StoredValue::new(Owner::current().map(|owner| owner.downgrade())),
        };
        on_cleanup(move || {
            if let Some(abort) = conversation.abort.try_get_value().flatten() {
                abort.abort();
            }
        });
        provide_context(conversation);
        conversation
    }

    /// The conversation in the context.
    pub fn expect() -> Self {
        expect_context()
    }

    /// Asks; false when the question cannot be asked as it is.
    pub fn ask(self, question: &str) -> bool {
        let question = question.trim().to_owned();
        if let Err(error) = api::check_question(&question) {
            self.refusal.set(Some(error.into()));
            return false;
        }
        if self.busy.get_untracked() {
            return false;
        }
        self.refusal.set(None);
        self.busy.set(true);
        self.bench.spans.set(Vec::new());
        self.bench.lit.set(None);
        let entry = self.push(question.clone());
        let (handle, registration) = AbortHandle::new_pair();
        self.abort.set_value(Some(handle));
        let video = self.bench.id();
        spawn_local(async move {
            let outcome = Abortable::new(self.write(entry, video, question), registration).await;
            let status = match outcome {
                Ok(Ok(usage)) => Status::Done(Some(usage)),
                Ok(Err(error)) => Status::Failed(error.into()),
                Err(_aborted) => Status::Stopped,
            };
            // Gone when the workbench was left meanwhile.
            entry.record.try_update(|record| record.complete = matches!(status, Status::Done(_)));
            entry.status.try_set(status);
            self.busy.try_set(false);
        });
        true
    }

    /// Stops the answer being written, here and on the server.
    pub fn stop(self) {
        if let Some(abort) = self.abort.try_update_value(Option::take).flatten() {
            abort.abort();
        }
    }

    /// Removes a question, here at once and on the server; it comes back when the server refuses.
    pub fn delete(self, entry: Entry) {
        if entry.status.with_untracked(Status::is_open) {
            self.stop();
        }
        let before = self.entries.get_untracked();
        self.entries.update(|entries| entries.retain(|other| other.key != entry.key));
        self.bench.spans.set(Vec::new());
        self.bench.lit.set(None);
        let (video, id) = (self.bench.id(), entry.record.with_untracked(|record| record.id));
        if id < 0 {
            return;
        }
        spawn_local(async move {
            match api::delete_question(video, id).await {
                Ok(()) | Err(ApiError::UnknownQuestion) => {}
                Err(error) => {
                    self.entries.try_set(before);
                    self.refusal.try_set(Some(error.into()));
                }
            }
        });
    }

    fn push(self, question: String) -> Entry {
        let key = self.entries.with_untracked(|entries| entries.last().map_or(0, |last| last.key + 1));
        let record = QuestionRecord {
            id: -1,
            question,
            answer: String::new(),
            spans: Vec::new(),
            tokens: Vec::new(),
            evidence: Vec::new(),
            coarse: None,
            complete: false,
            asked_ms: platform::now_ms() as i64,
        };
        let make = || {
            let status = RwSignal::new(Status::Waiting(0));
            let (thought, searched) = (RwSignal::new(String::new()), RwSignal::new(false));
            Entry { key, record: RwSignal::new(record), thought, searched, status }
        };
        // Signals belong to whoever is current; a click handler's owner may go before the entry does.
        let owner = self.owner.with_value(|owner| owner.as_ref().and_then(WeakOwner::upgrade));
        let entry = match owner {
            Some(owner) => owner.with(make),
            None => make(),
        };
        self.entries.update(|entries| entries.push(entry));
        entry
    }

    async fn write(self, entry: Entry, video: VideoId, question: String) -> Result<Usage, ApiError> {
        let mut stream = api::ask(video, question).await?.into_inner();
        let mut lines = Lines::default();
        let mut outcome = Err(ApiError::Interrupted);
        // Read to the end, past the last event: a stream given up early is an aborted request.
        while let Some(chunk) = stream.next().await {
            for event in lines.push(&chunk?) {
                match event {
                    AnswerEvent::Started { question } => entry.record.update(|record| record.id = question),
                    AnswerEvent::Found { evidence } => {
                        entry.searched.set(true);
                        entry.record.update(|record| record.evidence = evidence);
                        self.bench.spans.set(entry.spans());
                    }
                    AnswerEvent::Coarse(coarse) => entry.record.update(|record| record.coarse = Some(coarse)),
                    AnswerEvent::Waiting { ahead } => entry.status.set(Status::Waiting(ahead)),
                    AnswerEvent::Reading { done, total } => entry.status.set(Status::Reading(done, total)),
                    AnswerEvent::Thought { text } => {
                        entry.begin_writing();
                        entry.thought.update(|thought| thought.push_str(&text));
                    }
                    AnswerEvent::Token { text, pin, looked } => {
                        entry.begin_writing();
                        entry.record.update(|record| {
                            record.answer.push_str(&text);
                            record.tokens.push(TokenRecord { text, pin, looked });
                        });
                    }
                    AnswerEvent::Span(span) => {
                        self.bench.spans.update(|spans| spans.push(span.span));
                        entry.record.update(|record| {
                            // A stretch may be announced again when more of it has been written.
                            record.spans.retain(|known| known.to <= span.from || known.from >= span.to);
                            record.spans.push(span);
                        });
                    }
                    AnswerEvent::Done { usage } => {
                        self.bench.spans.set(entry.spans());
                        outcome = Ok(usage);
                    }
                    AnswerEvent::Error { code, message, tokens } => {
                        outcome = Err(ApiError::from_code(&code, message, tokens));
                    }
                }
            }
        }
        outcome
    }
}
