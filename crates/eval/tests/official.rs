//! The scores that the official evaluators give to the same predictions (`training/golden_eval.py`), digit for digit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::path::Path;

use eval::{Benchmark, Error, Parser, annotations, predictions, score};
use proptest::prelude::*;

fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn agrees(benchmark: Benchmark, queries: &str, found: &str, expected: &str) {
    let queries = annotations::read(benchmark, &golden(queries)).unwrap();
    let found = predictions::read(&golden(found), &queries, Parser::TimeLens).unwrap();
    let report = score(benchmark, &queries, &found).unwrap();
    let ours: BTreeMap<_, _> = report.metrics.iter().map(|metric| (metric.name.as_str(), metric.to_string())).collect();
    let theirs: BTreeMap<String, String> = serde_json::from_str(&golden(expected)).unwrap();
    for (name, value) in &theirs {
        assert_eq!(ours.get(name.as_str()), Some(value), "{name}");
    }
}

#[test]
fn qvhighlights_as_moment_detr_scores_it() {
    agrees(Benchmark::QvHighlights, "qvhighlights.jsonl", "qvhighlights.predictions.jsonl", "qvhighlights.scores.json");
}

#[test]
fn vue_tr_as_vidi_scores_it() {
    agrees(Benchmark::VueTr, "vue-tr.json", "vue-tr.predictions.json", "vue-tr.scores.json");
}

#[test]
fn timelens_bench_as_its_harness_reads_and_scores_it() {
    agrees(Benchmark::TimeLens, "timelens.json", "timelens.predictions.json", "timelens.scores.json");
}

fn value(report: &eval::Report, name: &str) -> f64 {
    report.metrics.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("no {name}")).value
}

#[test]
fn charades_lines_are_read_and_a_silent_answer_is_not_found() {
    let text = "3MSZA 24.3 30.4##person turn a light on.\nAO8RW 0.0 6.9##a person is putting a book on a shelf.\n";
    let queries = annotations::read(Benchmark::CharadesSta, text).unwrap();
    assert_eq!(
        (queries[0].video.as_str(), queries[1].text.as_str()),
        ("3MSZA", "a person is putting a book on a shelf.")
    );
    let lines = "{\"id\": 0, \"answer\": \"The event happens in 24.3 - 30.4 seconds.\"}\n{\"id\": \"1\", \"answer\": \"No idea.\"}\n";
    let found = predictions::read(lines, &queries, Parser::Strict).unwrap();
    let report = score(Benchmark::CharadesSta, &queries, &found).unwrap();
    assert_eq!((report.unparsed, report.missing), (1, 0));
    assert_eq!(
        (value(&report, "R1@0.7"), value(&report, "mIoU"), value(&report, "start within 0.5 s")),
        (50.0, 50.0, 50.0)
    );
}

#[test]
fn tvgbench_wants_more_than_the_level() {
    let text = r#"[{"path": "a/KWZSA.mp4", "question": "q", "answer": "0.0-10.0", "duration": 30.12}]"#;
    let queries = annotations::read(Benchmark::TvgBench, text).unwrap();
    assert_eq!(queries[0].video, "KWZSA");
    let found = predictions::read(r#"[{"id": 0, "windows": [[0, 5]]}]"#, &queries, Parser::Strict).unwrap();
    assert_eq!(value(&score(Benchmark::TvgBench, &queries, &found).unwrap(), "R1@0.5"), 0.0);
    assert_eq!(value(&score(Benchmark::CharadesSta, &queries, &found).unwrap(), "R1@0.5"), 100.0);
}

#[test]
fn an_event_that_is_not_there_is_a_false_alarm_when_found() {
    let text = r#"[{"id": "a", "video": "v", "query": "q", "spans_us": []}, {"id": "b", "video": "v", "query": "q", "spans_us": []}]"#;
    let queries = annotations::read(Benchmark::Plain, text).unwrap();
    let lines = "{\"id\": \"a\", \"windows\": [[1, 2]]}\n{\"id\": \"b\", \"answer\": \"It does not appear.\"}\n";
    let found = predictions::read(lines, &queries, Parser::Strict).unwrap();
    let report = score(Benchmark::Plain, &queries, &found).unwrap();
    assert_eq!((value(&report, "false alarms"), report.unparsed), (50.0, 0));
}

#[test]
fn wrong_files_say_where_and_what_belongs_there() {
    let said = |benchmark: Benchmark, text: &str| annotations::read(benchmark, text).unwrap_err().to_string();
    assert!(
        said(Benchmark::CharadesSta, "VID 1.0 2.0##x\nVID 1.0##y")
            .starts_with("line 2: something else; charades-sta has lines of")
    );
    assert!(
        said(Benchmark::TimeLens, r#"{"v": {"duration": 3, "spans": [[1, 2]], "queries": []}}"#).starts_with("v: ")
    );
    assert!(said(Benchmark::QvHighlights, "{\"qid\": 1}").starts_with("line 1: missing field"));
    assert_eq!(annotations::read(Benchmark::Plain, "[]"), Err(Error::Empty));
    let queries = annotations::read(Benchmark::CharadesSta, "VID 1.0 2.0##x").unwrap();
    let read = |text: &str| predictions::read(text, &queries, Parser::Strict);
    assert!(matches!(read(r#"{"id": 7, "windows": []}"#), Err(Error::Strangers { count: 1, .. })));
    assert!(read(r#"{"id": 0}"#).unwrap_err().to_string().starts_with("entry 1: it has no times"));
    assert!("charades".parse::<Benchmark>().unwrap_err().to_string().contains("charades-sta"));
    let highlights = annotations::read(Benchmark::QvHighlights, &golden("qvhighlights.jsonl")).unwrap();
    let refused = score(Benchmark::QvHighlights, &highlights, &Default::default());
    assert!(matches!(refused, Err(Error::Missing { count: 60, .. })));
}

proptest! {
    #[test]
    fn what_is_wanted_scores_full_marks_everywhere(spans in proptest::collection::vec((0_u32..50, 1_u32..9), 1..9)) {
        let entry = |(i, (start, length)): (usize, &(u32, u32))| format!(
            r#"{{"query_id": {i}, "video_id": "v", "duration": 60, "query": "q", "gt": [[{start}, {}]]}}"#, start + length);
        let gt: Vec<_> = spans.iter().enumerate().map(entry).collect();
        let queries = annotations::read(Benchmark::VueTr, &format!("[{}]", gt.join(","))).unwrap();
        let found = format!("[{}]", gt.join(",").replace("\"gt\"", "\"answer\""));
        let found = predictions::read(&found, &queries, Parser::Strict).unwrap();
        for benchmark in [Benchmark::VueTr, Benchmark::Plain] {
            for metric in score(benchmark, &queries, &found).unwrap().metrics {
                // IoU has to exceed every level, and none exceeds the last.
                let full = match (metric.unit, metric.name.as_str()) { ("s", _) => 0.0, (_, "overall IoU") => 99.5, _ => 100.0 };
                prop_assert!((metric.value - full).abs() < 1e-9, "{}: {}", metric.name, metric.value);
            }
        }
    }

    #[test]
    fn no_answer_and_no_file_is_too_strange(text in "\\PC{0,80}") {
        for parser in [Parser::Strict, Parser::Lenient, Parser::TimeLens] {
            for window in parser.read(&text, Some(100.0)) {
                prop_assert!(window.0.is_finite() && window.1.is_finite());
            }
        }
        for benchmark in Benchmark::ALL {
            drop(annotations::read(benchmark, &text));
        }
    }
}
