//! How finely a video has to be seen for a question: things that are over in a moment fall between two looks.

use std::sync::LazyLock;

use regex_lite::Regex;

use crate::time::Timestamp;

/// What a look may cover when something brief is asked about: two frames half a second apart, as the reference samples.
const BRIEF: Timestamp = Timestamp::from_millis(1_000);

/// Words for what is over in a moment, and questions that count: what is counted may be short.
const WORDS: &str = r"(?i)\b(?:flash(?:es|ed|ing)?|blink(?:s|ed|ing)?|flicker(?:s|ed|ing)?|glitch(?:es)?|lightning|sparks?|(?:gun)?shots? (?:is |are )?fired|briefly|split[ -]second|single frame|for (?:a moment|an instant)|how (?:many times|often))\b|闪|眨眼|瞬间|一瞬|短暂|片刻|火花|单帧|[几多][少]?次";

/// Words that ask for times.
const WHEN: &str = r"(?i)\b(?:when|what time|which (?:moment|second|minute|part|scene)s?|where in|find|locate|list|show (?:me|all))\b|什么时[候间]|何时|哪[个些]?时[候间刻段]|第?几[分秒]|哪[一]?[分秒]|找[到出]|列出";

/// Words that ask for one of several, or for something about all of them.
const OF_ALL: &str = r"(?i)\b(?:how (?:many|often|long)|count|first|last|second time|third time|earlier|earliest|later|latest|before|after|both|order|compare)\b|[几多][少]?次|多少|多久|多长|首次|先|后|最早|最晚|第[一二三四五]次|比较|顺序";

/// What makes a question of what is looked for.
const ASKING: &str = r"(?i)\b(?:when|where|what|which|who|how (?:many times|often|long)|in which (?:minute|second|scene|part)|at what time|(?:in|of) (?:the|this) (?:video|film|clip)|is|are|was|were|do|does|did|can|could|you|please|find|locate|list|show|tell|me|all|there|the|an?|appear(?:s|ed|ing)?|shown|seen|visible|happens?|first|last|time|moments?)\b|请|找[到出]?|列出|什么时[候间]|何时|哪(?:些|个|一)?(?:时[候间刻段]|分钟|秒|里|儿)|第?[几多][少]?(?:分钟|秒钟?|次)|视频[里中]?|出现|显示|看[到见]|发生|首次|第一次|最后一次|有没有|[吗呢了的在是里]|[?？!！.。,，]";

static ASKING_PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(ASKING).ok());
static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(WORDS).ok());
static WHEN_PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(WHEN).ok());
static OF_ALL_PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(OF_ALL).ok());

/// The longest stretch that one look may cover for a question; none when anything the plan does will do.
pub fn of(question: &str) -> Option<Timestamp> {
    PATTERN.as_ref().filter(|pattern| pattern.is_match(question)).map(|_| BRIEF)
}

/// Whether a question asks for the times of something, so that every place where that is answers it by itself.
pub fn is_of_each_place(question: &str) -> bool {
    let has = |pattern: &Option<Regex>| pattern.as_ref().is_some_and(|pattern| pattern.is_match(question));
    has(&WHEN_PATTERN) && !has(&OF_ALL_PATTERN)
}

/// What a question looks for, without what makes a question of it: "red circle" of "When does the red circle appear?". The whole
/// question when nothing is left.
pub fn looked_for(question: &str) -> String {
    let Some(pattern) = &*ASKING_PATTERN else { return question.to_owned() };
    let left = pattern.replace_all(question, " ");
    let words: Vec<_> = left.split_whitespace().collect();
    if words.is_empty() { question.to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_is_left_of_a_question() {
        for (question, wanted) in [
            ("When does the red circle appear?", "red circle"),
            ("Where in the video is a dog running on the beach?", "dog running on beach"),
            ("Show me all moments in which somebody opens the door.", "in somebody opens door"),
            ("红色圆形什么时候出现？", "红色圆形"),
            ("第几分钟有一只狗跑过？", "有一只狗跑过"),
            ("爱心最后一次在哪里出现？", "爱心"),
            ("When?", "When?"),
            ("", ""),
        ] {
            assert_eq!(looked_for(question), wanted, "{question}");
        }
    }

    #[test]
    fn what_is_asked_of_each_place_and_what_of_all() {
        for question in [
            "When does the red circle appear?",
            "Find a purple square",
            "Where in the video is the purple heart?",
            "橙色正方形什么时候出现？",
            "找到绿色正方形。",
            "绿色圆形在哪个时间段出现？",
            "第几分钟提到熵？",
        ] {
            assert!(is_of_each_place(question), "{question}");
        }
        for question in [
            "When does the red circle first appear?",
            "How many times does the red circle appear?",
            "Which comes first, the orange star or the yellow square?",
            "What is shown at 0:30?",
            "When does he sit down after the speech?",
            "蓝色圆形出现了几次？",
            "先出现的是闪光还是蓝色三角形？",
            "爱心最后一次什么时候出现？",
        ] {
            assert!(!is_of_each_place(question), "{question}");
        }
    }

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
