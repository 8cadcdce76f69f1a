//! What is to be found: the official files as they are published.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::window::Window;

/// A set of queries with its own file format and its own way of counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Benchmark {
    /// Lines of `VIDEO start end##sentence`.
    CharadesSta,
    /// `{video: {duration, timestamps, sentences}}`, one of the validation splits.
    ActivityNet,
    /// `{video: {duration, spans, queries}}`.
    TimeLens,
    /// Lines of `{qid, query, duration, vid, relevant_windows, relevant_clip_ids, saliency_scores}`.
    QvHighlights,
    /// A list of `{query_id, video_id, duration, query, gt, …}`.
    VueTr,
    /// A list of `{path, question, answer: "13.4-28.1", duration}`.
    TvgBench,
    /// Ours: a list of `{id, video, query, spans_us, duration_us}`; no spans where the event is not in the video.
    Plain,
}

impl Benchmark {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::CharadesSta,
        Self::ActivityNet,
        Self::TimeLens,
        Self::QvHighlights,
        Self::VueTr,
        Self::TvgBench,
        Self::Plain,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::CharadesSta => "charades-sta",
            Self::ActivityNet => "activitynet-captions",
            Self::TimeLens => "timelens-bench",
            Self::QvHighlights => "qvhighlights",
            Self::VueTr => "vue-tr",
            Self::TvgBench => "tvgbench",
            Self::Plain => "plain",
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::CharadesSta => "lines of VIDEO start end##sentence",
            Self::ActivityNet => "{video: {duration, timestamps, sentences}}",
            Self::TimeLens => "{video: {duration, spans, queries}}",
            Self::QvHighlights => "lines of {qid, query, duration, vid, relevant_windows}",
            Self::VueTr => "a list of {query_id, video_id, duration, query, gt}",
            Self::TvgBench => "a list of {path, question, answer, duration}",
            Self::Plain => "a list of {id, video, query, spans_us}",
        }
    }
}

impl FromStr for Benchmark {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|benchmark| benchmark.name() == name)
            .ok_or_else(|| Error::UnknownBenchmark { name: name.to_owned(), all: Self::ALL.map(Self::name).join(", ") })
    }
}

/// Something to find in a video.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Its name in prediction files.
    pub id: String,
    /// The video's name, without folder or ending.
    pub video: String,
    /// What to find.
    pub text: String,
    /// Seconds the video lasts, where the file says so.
    pub duration: Option<f64>,
    /// Where it is; nowhere, if empty.
    pub wanted: Vec<Window>,
    /// QVHighlights: how well clips of two seconds fit, by three people.
    pub(crate) clips: Vec<(usize, [f64; 3])>,
    /// VUE-TR: groups of queries it belongs to.
    pub(crate) groups: Vec<String>,
}

impl Query {
    fn new(id: impl ToString, video: &str, text: &str, duration: Option<f64>, wanted: Vec<Window>) -> Self {
        let (id, video, text) = (id.to_string(), video.to_owned(), text.trim().to_owned());
        Self { id, video, text, duration, wanted, clips: Vec::new(), groups: Vec::new() }
    }
}

/// Reads the text of an annotation file.
///
/// # Errors
/// When it is not in the benchmark's format, by line or entry.
pub fn read(benchmark: Benchmark, text: &str) -> Result<Vec<Query>> {
    let queries = match benchmark {
        Benchmark::CharadesSta => charades(text)?,
        Benchmark::ActivityNet => {
            by_video(benchmark, text, |video: Captions| (video.duration, video.timestamps, video.sentences))?
        }
        Benchmark::TimeLens => by_video(benchmark, text, |video: Events| (video.duration, video.spans, video.queries))?,
        Benchmark::QvHighlights => lines(benchmark, text)?.into_iter().map(Highlights::query).collect(),
        Benchmark::VueTr => list(benchmark, text)?.into_iter().map(Retrieval::query).collect(),
        Benchmark::TvgBench => list(benchmark, text)?
            .into_iter()
            .enumerate()
            .map(|(i, entry): (_, Question)| entry.query(i))
            .collect::<Result<_>>()?,
        Benchmark::Plain => list(benchmark, text)?.into_iter().map(Plain::query).collect(),
    };
    match queries.iter().find(|query| query.wanted.iter().any(|window| !window.is_finite())) {
        Some(query) => Err(refuse(benchmark, &query.id, "its times are no numbers")),
        None if queries.is_empty() => Err(Error::Empty),
        None => Ok(queries),
    }
}

fn refuse(benchmark: Benchmark, place: impl std::fmt::Display, message: impl std::fmt::Display) -> Error {
    Error::format(place, message, benchmark.name(), benchmark.wanted())
}

fn charades(text: &str) -> Result<Vec<Query>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let query = |(number, line): (usize, &str)| {
        let (times, sentence) = line.split_once("##")?;
        let mut words = times.split_whitespace();
        let (video, start, end) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Query::new(number, video, sentence, None, vec![Window(start, end)]))
    };
    let query = |line: (usize, &str)| {
        query(line).ok_or_else(|| refuse(Benchmark::CharadesSta, format!("line {}", line.0 + 1), "something else"))
    };
    lines.map(query).collect()
}

#[derive(Deserialize)]
struct Captions {
    duration: f64,
    timestamps: Vec<Window>,
    sentences: Vec<String>,
}

#[derive(Deserialize)]
struct Events {
    duration: f64,
    spans: Vec<Window>,
    queries: Vec<String>,
}

/// Queries by the names of their videos, each named as TimeLens names it in its results, without the span.
fn by_video<T: for<'de> Deserialize<'de>>(
    benchmark: Benchmark,
    text: &str,
    parts: impl Fn(T) -> (f64, Vec<Window>, Vec<String>),
) -> Result<Vec<Query>> {
    let videos: BTreeMap<String, T> =
        serde_json::from_str(text).map_err(|e| refuse(benchmark, format!("line {}", e.line()), e))?;
    let mut queries = Vec::new();
    for (video, entry) in videos {
        let (duration, windows, sentences) = parts(entry);
        if windows.len() != sentences.len() {
            return Err(refuse(benchmark, &video, "it has not as many times as sentences"));
        }
        for (window, sentence) in windows.into_iter().zip(&sentences) {
            let id = format!("{video}.mp4>>>{}", normalised(sentence));
            queries.push(Query::new(id, &video, &normalised(sentence), Some(duration), vec![window]));
        }
    }
    Ok(queries)
}

/// Single spaces, no full stop (`parse_query` of TimeLens).
fn normalised(query: &str) -> String {
    let words: Vec<_> = query.split_whitespace().collect();
    words.join(" ").trim_matches('.').trim().to_owned()
}

#[derive(Deserialize)]
struct Highlights {
    qid: Value,
    query: String,
    duration: f64,
    vid: String,
    #[serde(default)]
    relevant_windows: Vec<Window>,
    #[serde(default)]
    relevant_clip_ids: Vec<usize>,
    #[serde(default)]
    saliency_scores: Vec<[f64; 3]>,
}

impl Highlights {
    fn query(self) -> Query {
        let clips = self.relevant_clip_ids.into_iter().zip(self.saliency_scores).collect();
        let query = Query::new(name(&self.qid), &self.vid, &self.query, Some(self.duration), self.relevant_windows);
        Query { clips, ..query }
    }
}

#[derive(Deserialize)]
struct Retrieval {
    query_id: Value,
    video_id: String,
    duration: f64,
    query: String,
    gt: Vec<Window>,
    #[serde(default)]
    duration_category: String,
    #[serde(default)]
    query_format: String,
    #[serde(default)]
    query_modality: String,
}

impl Retrieval {
    fn query(self) -> Query {
        let query = Query::new(name(&self.query_id), &self.video_id, &self.query, Some(self.duration), self.gt);
        Query { groups: vec![self.duration_category, self.query_format, self.query_modality], ..query }
    }
}

#[derive(Deserialize)]
struct Question {
    path: String,
    question: String,
    answer: String,
    duration: f64,
}

impl Question {
    fn query(self, index: usize) -> Result<Query> {
        let window = self
            .answer
            .split_once('-')
            .and_then(|(start, end)| Some(Window(start.trim().parse().ok()?, end.trim().parse().ok()?)));
        let window = window.ok_or_else(|| refuse(Benchmark::TvgBench, format!("entry {index}"), &self.answer))?;
        let file = self.path.rsplit(['/', '\\']).next().unwrap_or_default();
        let video = file.rsplit_once('.').map_or(file, |(name, _)| name);
        Ok(Query::new(index, video, &self.question, Some(self.duration), vec![window]))
    }
}

#[derive(Deserialize)]
struct Plain {
    id: Value,
    video: String,
    query: String,
    spans_us: Vec<(i64, i64)>,
    duration_us: Option<i64>,
}

impl Plain {
    fn query(self) -> Query {
        let seconds = |us: i64| us as f64 / 1e6;
        let wanted = self.spans_us.into_iter().map(|(start, end)| Window(seconds(start), seconds(end))).collect();
        Query::new(name(&self.id), &self.video, &self.query, self.duration_us.map(seconds), wanted)
    }
}

/// A number or a string, as it is written.
pub(crate) fn name(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

fn list<T: for<'de> Deserialize<'de>>(benchmark: Benchmark, text: &str) -> Result<Vec<T>> {
    serde_json::from_str(text).map_err(|e| refuse(benchmark, format!("line {}", e.line()), e))
}

fn lines<T: for<'de> Deserialize<'de>>(benchmark: Benchmark, text: &str) -> Result<Vec<T>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let entry = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| refuse(benchmark, format!("line {}", number + 1), e))
    };
    lines.map(entry).collect()
}
