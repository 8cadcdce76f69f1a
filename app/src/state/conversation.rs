//! Questions of one video and their answers, stored ones and the one being written.

use futures::StreamExt;
use futures::future::{AbortHandle, Abortable};
use leptos::prelude::*;
use leptos::task::spawn_local;
use timeline::course::Outcome;
use timeline::events::Usage;
use timeline::video::{SpanInText, TokenRecord};
use timeline::{AnswerEvent, Course, QuestionRecord, Span, Timestamp, VideoId};

use super::bench::Bench;
use super::session::Session;
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
    /// Windows of a long video are searched: the one being read, its number, how many there are.
    Searching(Span, u32, u32),
    /// An answer stands; these stretches are looked at closer.
    Closer(Vec<Span>),
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
        !matches!(self, Self::Done(_) | Self::Stopped | Self::Interrupted | Self::Failed(_))
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
    /// The answer that stands while a closer look may replace it.
    stands: StoredValue<Option<Stands>>,
}

/// An answer with its times and moments.
#[derive(Clone)]
struct Stands {
    answer: String,
    spans: Vec<SpanInText>,
    tokens: Vec<TokenRecord>,
}

impl Entry {
    fn new(key: u32, record: QuestionRecord, status: Status) -> Self {
        Self {
            key,
            record: RwSignal::new(record),
            thought: RwSignal::new(String::new()),
            searched: RwSignal::new(false),
            status: RwSignal::new(status),
            stands: StoredValue::new(None),
        }
    }

    /// Another answer may take the place of this one.
    fn stand(self) {
        let stands = self.record.with_untracked(|record| Stands {
            answer: record.answer.clone(),
            spans: record.spans.clone(),
            tokens: record.tokens.clone(),
        });
        self.stands.set_value(Some(stands));
    }

    /// Brings back the answer that stands, if another was to take its place; says whether.
    fn restore(self) -> bool {
        let Some(stands) = self.stands.try_update_value(Option::take).flatten() else { return false };
        self.record.try_update(|record| {
            (record.answer, record.spans, record.tokens) = (stands.answer, stands.spans, stands.tokens);
        });
        true
    }

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
    session: Session,
    abort: StoredValue<Option<AbortHandle>>,
    owner: StoredValue<Option<WeakOwner>>,
}

impl Conversation {
    /// Puts the conversation into the context. Leaving the workbench stops an answer being written.
    pub fn provide(bench: Bench, records: Vec<QuestionRecord>) -> Self {
        let entries = (0_u32..).zip(records).map(|(key, record)| {
            let status = if record.complete { Status::Done(None) } else { Status::Interrupted };
            Entry::new(key, record, status)
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
            session: Session::expect(),
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
            // Whatever became of a closer look, the answer before it is one.
            let status = if entry.restore() { Status::Done(None) } else { status };
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
            course: Course::default(),
            complete: false,
            asked_ms: platform::now_ms() as i64,
        };
        let make = || Entry::new(key, record, Status::Waiting(0));
        // Signals belong to whoever is current; a click handler's owner may go before the entry does.
        let owner = self.owner.with_value(|owner| owner.as_ref().and_then(WeakOwner::upgrade));
        let entry = match owner {
            Some(owner) => owner.with(make),
            None => make(),
        };
        self.entries.update(|entries| entries.push(entry));
        entry
    }

    /// Decodes the frames that the answer waits for and sends them, or says that the file is not at hand.
    fn send_frames(self, video: &VideoId, entry: Entry, instants: Vec<Timestamp>) {
        let (video, question) = (video.clone(), entry.record.with_untracked(|record| record.id));
        let reading = self.session.frames_at(&video, instants);
        spawn_local(async move {
            let frames = match reading {
                Some(reading) => reading.await.unwrap_or_default(),
                None => Vec::new(),
            };
            // Where the server does not hear of it, it waits no longer than it said.
            let _unheard = api::append_close_ups(video, question, frames).await;
        });
    }

    async fn write(self, entry: Entry, video: VideoId, question: String) -> Result<Usage, ApiError> {
        let mut stream = api::ask(video.clone(), question, true).await?.into_inner();
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
                    // The answer that stands is read meanwhile.
                    AnswerEvent::Reading { done, total } => entry.status.update(|status| {
                        if !matches!(status, Status::Closer(_)) {
                            *status = Status::Reading(done, total);
                        }
                    }),
                    AnswerEvent::Searching { span, window, windows } => {
                        entry.status.set(Status::Searching(span, window, windows));
                    }
                    AnswerEvent::Closer { spans, .. } => {
                        entry.stand();
                        entry.status.set(Status::Closer(spans));
                    }
                    AnswerEvent::Wanted { instants } => self.send_frames(&video, entry, instants),
                    AnswerEvent::Again => {
                        entry.thought.update(String::clear);
                        entry.record.update(|record| {
                            record.answer.clear();
                            record.spans.clear();
                            record.tokens.clear();
                        });
                        self.bench.spans.set(Vec::new());
                    }
                    AnswerEvent::Course(course) => {
                        let is_answered = course.rounds.last().is_some_and(|round| round.outcome == Outcome::Answered);
                        if is_answered {
                            entry.stands.set_value(None);
                        } else {
                            entry.restore();
                        }
                        entry.record.update(|record| record.course = course);
                    }
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
