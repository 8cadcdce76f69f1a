//! What was found: results as official evaluators take them, and our own lines of `{"id", "answer"}` or `{"id", "windows"}`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::annotations::{Query, name};
use crate::answer::Parser;
use crate::error::{Error, Result};
use crate::window::Window;

/// What was found for one query.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prediction {
    /// Stretches, the best first, each with how sure it is.
    pub windows: Vec<(Window, f64)>,
    /// QVHighlights: how well each clip of two seconds fits.
    pub saliency: Vec<f64>,
    /// Whether there was an answer in words from which no stretch could be read.
    pub is_unparsed: bool,
}

/// By the names of queries.
pub type Predictions = BTreeMap<String, Prediction>;

const FORMAT: &str = "a prediction file";
const WANTED: &str = "a list, lines or a table of {id | qid | query_id, windows | pred_relevant_windows | answer | answers | timestamps}";

/// Reads the text of a prediction file. Predictions for queries that are not asked are left out.
///
/// # Errors
/// When it is no JSON, an entry has no name or no times, or all entries belong to other queries.
pub fn read(text: &str, queries: &[Query], parser: Parser) -> Result<Predictions> {
    let asked: BTreeMap<&str, &Query> = queries.iter().map(|query| (query.id.as_str(), query)).collect();
    let (mut found, mut strangers) = (Predictions::new(), 0);
    for (place, id, entry) in entries(text)? {
        match asked.get(id.as_str()) {
            Some(query) => {
                let prediction = prediction(&entry, query, parser);
                found.insert(id, prediction.ok_or_else(|| refuse(&place, "it has no times"))?);
            }
            None => strangers += 1,
        }
    }
    match queries.first() {
        Some(query) if found.is_empty() && strangers > 0 => {
            Err(Error::Strangers { count: strangers, example: query.id.clone() })
        }
        _ => Ok(found),
    }
}

fn refuse(place: &str, message: impl std::fmt::Display) -> Error {
    Error::format(place, message, FORMAT, WANTED)
}

type Entry = Map<String, Value>;

/// Place, name and content of every entry, whichever way the file holds them.
fn entries(text: &str) -> Result<Vec<(String, String, Entry)>> {
    let whole: Vec<Value> = match serde_json::from_str(text) {
        Ok(Value::Array(list)) => list,
        Ok(one) => vec![one],
        Err(_no_single_value) => lines(text)?,
    };
    let mut found = Vec::new();
    for (number, value) in whole.into_iter().enumerate() {
        let place = format!("entry {}", number + 1);
        let Value::Object(entry) = value else { return Err(refuse(&place, "it is no object")) };
        if let Some(id) = ["id", "qid", "query_id"].into_iter().find_map(|key| entry.get(key)) {
            found.push((place, name(id), entry));
            continue;
        }
        // TimeLens: a table whose names end in the span that is wanted.
        for (key, value) in entry {
            let Value::Object(entry) = value else { return Err(refuse(&place, "it has no id")) };
            let id = key.rsplit_once(">>>").map_or(key.as_str(), |(id, _)| id).to_owned();
            found.push((key, id, entry));
        }
    }
    Ok(found)
}

fn lines(text: &str) -> Result<Vec<Value>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let value = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| refuse(&format!("line {}", number + 1), e))
    };
    lines.map(value).collect()
}

fn prediction(entry: &Entry, query: &Query, parser: Parser) -> Option<Prediction> {
    let numbers =
        |value: &Value| value.as_array().map(|list| list.iter().filter_map(Value::as_f64).collect::<Vec<_>>());
    let saliency = entry.get("pred_saliency_scores").and_then(numbers).unwrap_or_default();
    let listed = ["windows", "pred_relevant_windows", "timestamps", "answer"]
        .into_iter()
        .find_map(|key| entry.get(key)?.as_array());
    if let Some(list) = listed {
        let windows = list.iter().filter_map(numbers).filter_map(|numbers| match numbers.as_slice() {
            [start, end, rest @ ..] => Some((Window(*start, *end), rest.first().copied().unwrap_or(1.0))),
            _ => None,
        });
        return Some(Prediction { windows: windows.collect(), saliency, is_unparsed: false });
    }
    let answer = ["answer", "answers"].into_iter().find_map(|key| entry.get(key)?.as_str())?;
    let windows: Vec<_> = parser.read(answer, query.duration).into_iter().map(|window| (window, 1.0)).collect();
    let is_unparsed = windows.is_empty();
    Some(Prediction { windows, saliency, is_unparsed })
}
