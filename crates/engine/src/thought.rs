//! Thinking models write `<think>` … `</think>` before their answer; the two are told apart as the text streams.
//!
//! The chat templates of the Thinking checkpoints open `<think>` in the prompt, so an answer begins inside the thought.
//! Hybrid checkpoints may write the opening tag themselves, as the first thing. Instruct checkpoints write neither.

use std::mem;

const OPEN: &str = "<think>";
/// Ends a thought.
pub(crate) const CLOSE: &str = "</think>";

/// What a piece of text is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Part of the answer.
    #[default]
    Answer,
    /// Said to itself.
    Thought,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but white space yet: an opening tag may come.
    Start,
    /// Inside a thought whose first words have not come.
    ThoughtBegins,
    Thought,
    /// Behind a thought, before the first word of the answer.
    AnswerBegins,
    Answer,
}

/// Cuts a stream of text into thought and answer, however the stream is cut into pieces. The tags and the white space
/// around a thought belong to neither.
#[derive(Debug, Clone)]
pub(crate) struct Splitter {
    state: State,
    /// Text that may be the beginning of a tag, or white space that may be around a thought.
    held: String,
}

impl Splitter {
    /// `opened`: the prompt ends with an opening tag.
    pub(crate) fn new(opened: bool) -> Self {
        Self { state: if opened { State::ThoughtBegins } else { State::Start }, held: String::new() }
    }

    /// What the next token would belong to.
    pub(crate) fn kind(&self) -> Kind {
        match self.state {
            State::ThoughtBegins | State::Thought => Kind::Thought,
            State::Start | State::AnswerBegins | State::Answer => Kind::Answer,
        }
    }

    /// What is certain after `text`: at most a thought and an answer, in this order.
    pub(crate) fn push(&mut self, text: &str) -> Vec<(Kind, String)> {
        self.held.push_str(text);
        let mut out = Vec::new();
        while self.step(&mut out) {}
        out
    }

    /// What was held back, when nothing more comes.
    pub(crate) fn finish(mut self) -> Option<(Kind, String)> {
        let kind = self.kind();
        let text = match self.state {
            State::ThoughtBegins | State::Thought | State::AnswerBegins => self.held.trim_end().to_owned(),
            State::Start | State::Answer => mem::take(&mut self.held),
        };
        (!text.is_empty()).then_some((kind, text))
    }

    /// One step from state to state; false when more text is needed.
    fn step(&mut self, out: &mut Vec<(Kind, String)>) -> bool {
        match self.state {
            State::Start => {
                let begun = self.held.trim_start();
                if let Some(rest) = begun.strip_prefix(OPEN) {
                    (self.state, self.held) = (State::ThoughtBegins, rest.to_owned());
                    return true;
                }
                let may_open = OPEN.starts_with(begun);
                if !may_open {
                    self.state = State::Answer;
                }
                !may_open
            }
            State::ThoughtBegins | State::AnswerBegins => {
                let begun = self.held.trim_start();
                if begun.is_empty() {
                    return false;
                }
                self.held = begun.to_owned();
                self.state = if self.state == State::AnswerBegins { State::Answer } else { State::Thought };
                true
            }
            State::Thought => {
                let (thought, closed) = match self.held.split_once(CLOSE) {
                    Some((thought, rest)) => (thought.trim_end().to_owned(), Some(rest.to_owned())),
                    None => (self.held.get(..sure(&self.held)).unwrap_or_default().to_owned(), None),
                };
                let is_closed = closed.is_some();
                match closed {
                    Some(rest) => (self.state, self.held) = (State::AnswerBegins, rest),
                    None => drop(self.held.drain(..thought.len())),
                }
                if !thought.is_empty() {
                    out.push((Kind::Thought, thought));
                }
                is_closed
            }
            State::Answer => {
                if !self.held.is_empty() {
                    out.push((Kind::Answer, mem::take(&mut self.held)));
                }
                false
            }
        }
    }
}

/// Bytes of a thought that are neither white space at its end nor the beginning of a closing tag.
fn sure(text: &str) -> usize {
    let tag = (1..CLOSE.len()).rev().filter_map(|n| CLOSE.get(..n)).find(|begin| text.ends_with(begin));
    let certain = tag.map_or(text, |begin| text.strip_suffix(begin).unwrap_or(text));
    certain.trim_end().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(opened: bool, pieces: &[&str]) -> (String, String) {
        let mut splitter = Splitter::new(opened);
        let mut parts: Vec<_> = pieces.iter().flat_map(|piece| splitter.push(piece)).collect();
        parts.extend(splitter.finish());
        let of = |kind| parts.iter().filter(|part| part.0 == kind).map(|part| part.1.as_str()).collect();
        (of(Kind::Thought), of(Kind::Answer))
    }

    fn both(thought: &str, answer: &str) -> (String, String) {
        (thought.to_owned(), answer.to_owned())
    }

    #[test]
    fn a_thought_opened_by_the_prompt_ends_at_its_tag() {
        let pieces = ["Let me", " look.\n", "</thi", "nk>\n", "\nAt 3.0", " seconds."];
        assert_eq!(split(true, &pieces), both("Let me look.", "At 3.0 seconds."));
    }

    #[test]
    fn a_model_may_open_its_thought_itself_but_only_first() {
        assert_eq!(split(false, &["<th", "ink>\nHm", "</think>", "Yes"]), both("Hm", "Yes"));
        assert_eq!(split(false, &["Yes <think>no</think>"]), both("", "Yes <think>no</think>"));
        assert_eq!(split(false, &["<th", "e end>"]), both("", "<the end>"));
    }

    #[test]
    fn an_answer_without_thoughts_passes_at_once_and_unchanged() {
        let mut splitter = Splitter::new(false);
        assert_eq!(splitter.push(" A"), [(Kind::Answer, " A".to_owned())]);
        assert_eq!(splitter.push("</think> 中 \n"), [(Kind::Answer, "</think> 中 \n".to_owned())]);
        assert_eq!(splitter.finish(), None);
    }

    #[test]
    fn an_empty_thought_is_none_and_an_unfinished_one_is_no_answer() {
        assert_eq!(split(true, &["\n", "\n</think>\n\nYes"]), both("", "Yes"));
        assert_eq!(split(true, &["I wonder </thin"]), both("I wonder </thin", ""));
        assert_eq!(split(true, &["< / a<b </think>."]), both("< / a<b", "."));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_text_is_cut(
            text in "(<think>)?[ \n]{0,2}[a<>/think秒 ]{0,12}(</think>)?[ \n]{0,2}[a</think>秒 ]{0,12}",
            cuts in proptest::collection::vec(0_usize..60, 0..8),
            opened: bool,
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&at| text.is_char_boundary(at)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|two| &text[two[0]..two[1]]).collect();
            let whole = split(opened, &[&text]);
            prop_assert_eq!(&split(opened, &pieces), &whole);
            // Nothing is invented, and nothing but tags and white space is lost.
            let plain = |text: &str| text.replace(OPEN, "").replace(CLOSE, "").split_whitespace().collect::<String>();
            prop_assert_eq!(plain(&(whole.0 + &whole.1)), plain(&text));
        }
    }
}
