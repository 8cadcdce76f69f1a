//! How finely a video has to be seen for a question: things that are over in a moment fall between two looks.

use std::sync::LazyLock;

use regex_lite::Regex;

use crate::time::Timestamp;

/// What a look may cover when something brief is asked about: two frames half a second apart, as the reference samples.
const BRIEF: Timestamp = Timestamp::from_millis(1_000);

/// Words for what is over in a moment, and questions that count: what is counted may be short.
const WORDS: &str = r"(?i)\b(?:flash(?:es|ed|ing)?|blink(?:s|ed|ing)?|flicker(?:s|ed|ing)?|glitch(?:es)?|lightning|sparks?|(?:gun)?shots? (?:is |are )?fired|briefly|split[ -]second|single frame|for (?:a moment|an instant)|how (?:many times|often))\b|闪|眨眼|瞬间|一瞬|短暂|片刻|火花|单帧|[几多][少]?次";

static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(WORDS).ok());

/// The longest stretch that one look may cover for a question; none when anything the plan does will do.
pub fn of(question: &str) -> Option<Timestamp> {
    PATTERN.as_ref().filter(|pattern| pattern.is_match(question)).map(|_| BRIEF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_in_a_moment_needs_fine_looks() {
        for question in [
            "When does the flash appear?",
            "how many times does she BLINK?",
            "Is a logo shown briefly?",
            "闪光什么时候出现？",
            "蓝色圆形出现了几次？",
            "他一共跳了多少次？",
        ] {
            assert_eq!(of(question), Some(BRIEF), "{question}");
        }
    }

    #[test]
    fn what_lasts_needs_no_more_than_the_plan() {
        for question in [
            "When does the red circle appear?",
            "At what moment does he leave?",
            "他什么时候离开？",
            "What is shown at 0:30?",
        ] {
            assert_eq!(of(question), None, "{question}");
        }
    }
}
