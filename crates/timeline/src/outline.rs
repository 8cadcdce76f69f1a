//! What happens in a video, in order, and its chapters.
//!
//! A *scene* is a stretch in which the same is to be seen, with a title that the model wrote after having looked. Chapters are
//! made of scenes by the rules that video sites ask for: the first begins at 0:00, there are at least three, each lasts ten
//! seconds or more.

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

/// The shortest chapter.
pub const SHORTEST_CHAPTER: Timestamp = Timestamp::from_millis(10_000);
/// The fewest chapters: with fewer there are none.
pub const FEWEST_CHAPTERS: usize = 3;
/// The most: more is no overview.
pub const MOST_CHAPTERS: usize = 30;
/// How long a chapter is when nothing speaks for another length.
const USUAL_CHAPTER: Timestamp = Timestamp::from_millis(45_000);
/// The longest title, in characters.
const LONGEST_TITLE: usize = 80;

/// The language titles are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TitleLanguage {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

impl TitleLanguage {
    /// The question whose answer is a scene's title.
    pub fn question(self, moment: Timestamp) -> String {
        // Whole seconds, as people ask.
        let clock = moment.clock();
        match self {
            Self::En => format!("What is shown at {clock}?"),
            Self::Zh => format!("{clock}显示什么？"),
        }
    }

    /// Its tag, as it is stored.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// From its tag.
    pub fn from_tag(tag: &str) -> Option<Self> {
        [Self::En, Self::Zh].into_iter().find(|language| language.tag() == tag)
    }
}

/// A stretch in which one thing is to be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// From its first moment to its last.
    pub span: Span,
    /// What is to be seen.
    pub title: String,
    /// How much its beginning differs from what was before: 0 (nothing) to 1.
    pub novelty: f32,
}

/// A part of a video, from its start to that of the next one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chapter {
    /// Where it lies.
    pub span: Span,
    /// The title of what it begins with, and of what takes most of its time.
    pub title: String,
}

/// How far looking through a video has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutlineState {
    /// Nobody asked for it.
    #[default]
    None,
    /// The model looks through it.
    Running,
    /// All scenes have titles.
    Done,
    /// Stopped before the end; what was found stays.
    Stopped,
}

/// What happens in a video.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// How far it has come.
    pub state: OutlineState,
    /// Moments looked at.
    pub done: u32,
    /// Moments to look at.
    pub total: u32,
    /// Ascending.
    pub scenes: Vec<Scene>,
    /// Of a finished outline of a video that is long enough; ascending, without a gap.
    pub chapters: Vec<Chapter>,
}

/// Chapters of a video with these scenes (ascending); none when it is too short for [`FEWEST_CHAPTERS`], or has fewer scenes.
///
/// Borders are beginnings of scenes, the newest first, as far from each other as a chapter is long.
pub fn chapters(scenes: &[Scene], duration: Timestamp) -> Vec<Chapter> {
    let room = usize::try_from(duration.micros() / SHORTEST_CHAPTER.micros()).unwrap_or(0);
    let usual = usize::try_from(duration.micros() / USUAL_CHAPTER.micros()).unwrap_or(0);
    let count = usual.clamp(FEWEST_CHAPTERS, MOST_CHAPTERS).min(room);
    if count < FEWEST_CHAPTERS {
        return Vec::new();
    }
    let mut starts = borders(scenes, duration, count);
    if starts.len() < FEWEST_CHAPTERS {
        return Vec::new();
    }
    starts.sort_unstable();
    let ends = starts.iter().copied().skip(1).chain([duration]);
    let spans = starts.iter().zip(ends).map(|(start, end)| Span::new(*start, end));
    spans.map(|span| Chapter { span, title: chapter_title(scenes, span) }).collect()
}

/// At most `count` beginnings of chapters, the first at zero.
fn borders(scenes: &[Scene], duration: Timestamp, count: usize) -> Vec<Timestamp> {
    // Even chapters first: nobody wants one of half an hour and twenty of ten seconds. What is left over may be nearer.
    let even = Timestamp::from_micros(duration.micros() / i64::try_from(2 * count).unwrap_or(1).max(1));
    let before = [None].into_iter().chain(scenes.iter().map(Some));
    // What goes on after an interruption is nothing new.
    let is_new = |(scene, before): &(&Scene, Option<&Scene>)| before.is_none_or(|before| before.title != scene.title);
    let mut newest: Vec<&Scene> = scenes.iter().zip(before).filter(is_new).map(|(scene, _)| scene).collect();
    newest.sort_by(|a, b| b.novelty.total_cmp(&a.novelty).then(a.span.start.cmp(&b.span.start)));
    let mut starts = vec![Timestamp::ZERO];
    for (apart, enough) in [(even.max(SHORTEST_CHAPTER), count), (SHORTEST_CHAPTER, FEWEST_CHAPTERS)] {
        for scene in &newest {
            let start = scene.span.start;
            let far = |other: &Timestamp| start.distance(*other) >= apart;
            if starts.len() < enough && starts.iter().all(far) && duration - start >= apart {
                starts.push(start);
            }
        }
    }
    starts
}

/// What a chapter begins with, so that whoever goes there sees what was said, and what it is mostly about.
fn chapter_title(scenes: &[Scene], within: Span) -> String {
    let main = main_title(scenes, within);
    let first = scenes.iter().find(|scene| scene.span.end > within.start).map_or("", |scene| scene.title.as_str());
    if first.is_empty() || first == main { main } else { format!("{first} · {main}") }
}

/// The title that takes most of a stretch; of several, the first.
fn main_title(scenes: &[Scene], within: Span) -> String {
    let mut best: Option<(Timestamp, &str)> = None;
    for scene in scenes {
        let own = |other: &&Scene| other.title == scene.title;
        let time = scenes.iter().filter(own).map(|same| overlap(same.span, within)).max().unwrap_or_default();
        let inside = overlap(scene.span, within) > Timestamp::ZERO || within.contains(scene.span.start);
        if inside && best.is_none_or(|(most, _)| time > most) {
            best = Some((time, &scene.title));
        }
    }
    best.map(|(_, title)| title.to_owned()).unwrap_or_default()
}

fn overlap(one: Span, other: Span) -> Timestamp {
    (one.end.min(other.end) - one.start.max(other.start)).max(Timestamp::ZERO)
}

/// A title out of an answer: its first sentence, without the times in it (`times`: where they stand, ascending) and what
/// leads to them.
pub fn title(answer: &str, times: &[(usize, usize)]) -> String {
    let answer = answer.trim_end();
    let mut text = answer.to_owned();
    for (from, to) in times.iter().rev() {
        if text.is_char_boundary(*from) && text.is_char_boundary(*to) && from <= to {
            // A time in the middle ends the title; one that begins the sentence is left out.
            let before = text.get(..*from).unwrap_or_default();
            let leads = before.chars().filter(|c| c.is_alphanumeric()).count() <= 4;
            text = if leads { text.get(*to..).unwrap_or_default().to_owned() } else { before.to_owned() };
        }
    }
    let line = text.trim_start_matches(|c: char| !c.is_alphanumeric()).lines().next().unwrap_or_default();
    let sentence = line.split(['。', '！', '？']).next().unwrap_or_default();
    let sentence = sentence.split_once(". ").map_or(sentence, |(first, _)| first);
    let mut words = sentence.trim_matches(|c: char| c.is_whitespace() || ",.:;，、：；-–".contains(c));
    for tail in [" from", " between", " at", " in", " on", "在", "从"] {
        words = words.strip_suffix(tail).unwrap_or(words);
    }
    let words = words.trim_end_matches(|c: char| c.is_whitespace() || ",，、:：".contains(c));
    let words = [" is shown", " is visible", " appears", " can be seen"]
        .iter()
        .find_map(|tail| words.strip_suffix(tail))
        .unwrap_or(words);
    let words = ["显示的是", "画面显示", "画面上是"].iter().find_map(|head| words.strip_prefix(head)).unwrap_or(words);
    capital(&shortened(words))
}

fn shortened(words: &str) -> String {
    if words.chars().count() <= LONGEST_TITLE {
        return words.to_owned();
    }
    let cut: String = words.chars().take(LONGEST_TITLE).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole);
    format!("{whole}…")
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Chapters as video sites read them in a description: a time and a title a line.
pub fn as_text(chapters: &[Chapter]) -> String {
    chapters.iter().map(|chapter| format!("{} {}\n", chapter.span.start.clock(), chapter.title)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mentions;

    fn scene(start: f64, end: f64, title: &str, novelty: f32) -> Scene {
        let span = Span::new(Timestamp::from_seconds(start), Timestamp::from_seconds(end));
        Scene { span, title: title.to_owned(), novelty }
    }

    fn starts(found: &[Chapter]) -> Vec<f64> {
        found.iter().map(|chapter| chapter.span.start.seconds()).collect()
    }

    #[test]
    fn chapters_begin_where_something_new_is_shown() {
        let scenes = [
            scene(2.0, 20.0, "Title", 0.3),
            scene(21.0, 39.0, "Map", 0.9),
            scene(40.0, 44.0, "Map", 0.8),
            scene(45.0, 50.0, "Boat", 0.7),
            scene(50.0, 89.0, "Harbour", 0.2),
            scene(88.0, 90.0, "End", 1.0),
        ];
        let found = chapters(&scenes, Timestamp::from_seconds(90.0));
        assert_eq!(starts(&found), [0.0, 21.0, 45.0]);
        assert_eq!(found.iter().map(|c| c.title.as_str()).collect::<Vec<_>>(), ["Title", "Map", "Boat · Harbour"]);
        assert_eq!(as_text(&found), "0:00 Title\n0:21 Map\n0:45 Boat · Harbour\n");
    }

    #[test]
    fn a_video_that_is_short_or_shows_one_thing_has_none() {
        let scenes: Vec<_> = (0..4).map(|n| scene(f64::from(n) * 7.0, f64::from(n) * 7.0 + 6.0, "A", 0.5)).collect();
        assert_eq!(chapters(&scenes, Timestamp::from_seconds(29.0)), []);
        assert_eq!(chapters(&scenes[..1], Timestamp::from_seconds(290.0)), []);
        assert_eq!(chapters(&[], Timestamp::from_seconds(290.0)), []);
    }

    #[test]
    fn a_title_is_the_sentence_without_its_times() {
        let of = |answer: &str| {
            let times: Vec<_> =
                mentions::find(answer, Timestamp::from_seconds(900.0)).iter().map(|m| (m.from, m.to)).collect();
            title(answer, &times)
        };
        assert_eq!(of("A red circle is shown, from 12.0 to 18.5 seconds."), "A red circle");
        assert_eq!(of("显示的是红色圆形，3.0 秒到 5.0 秒。"), "红色圆形");
        assert_eq!(of("At 12:03, a man opens the door. He leaves."), "A man opens the door");
        assert_eq!(
            of("The word RIVER is shown, from 1.0 to 2.0 seconds and from 4.0 to 5.0 seconds."),
            "The word RIVER"
        );
        let long = of(&"word ".repeat(40));
        assert!(long.chars().count() <= LONGEST_TITLE + 1 && long.ends_with("word…"), "{long}");
        assert_eq!(of(""), "");
    }

    proptest! {
        #[test]
        fn chapters_keep_the_rules(
            lengths in prop::collection::vec((1_u32..400, 0_u32..50, 0.0_f32..1.0), 0..60),
            more in 0_u32..300,
        ) {
            let mut at = 0.0;
            let mut scenes = Vec::new();
            for (length, gap, novelty) in lengths {
                at += f64::from(gap) / 10.0;
                let end = at + f64::from(length) / 10.0;
                scenes.push(scene(at, end, "x", novelty));
                at = end;
            }
            let duration = Timestamp::from_seconds(at + f64::from(more) / 10.0);
            let found = chapters(&scenes, duration);
            if let (Some(first), Some(last)) = (found.first(), found.last()) {
                prop_assert!((FEWEST_CHAPTERS..=MOST_CHAPTERS).contains(&found.len()));
                prop_assert_eq!((first.span.start, last.span.end), (Timestamp::ZERO, duration));
                prop_assert!(found.iter().all(|chapter| chapter.span.length() >= SHORTEST_CHAPTER));
                prop_assert!(found.windows(2).all(|pair| pair[0].span.end == pair[1].span.start));
            }
        }

        #[test]
        fn any_answer_has_a_title_of_bounded_length(answer in ".{0,300}", from in 0_usize..300, length in 0_usize..50) {
            prop_assert!(title(&answer, &[(from, from + length)]).chars().count() <= LONGEST_TITLE + 4);
        }
    }
}
