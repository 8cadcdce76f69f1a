//! Questions about words: "when is X mentioned?", "in which minute does he say X?", "第几分钟提到 X？". The subtitles answer
//! those themselves; what is asked for is all that has to be understood.

use std::sync::LazyLock;

use regex_lite::Regex;

/// Asks for a moment.
const WHEN: &str = r"(?:when|where(?: in the video)?|(?:in|at|from) (?:which|what) (?:minute|second|moment|point|time)|(?:what|which) (?:minute|second|time))";
const DO: &str = r"(?:is|are|was|were|do|does|did|has|have)";
/// Says something, or speaks about it.
const SAY: &str = r"(?:mentions?|says?|talks? about|speaks? (?:about|of)|discuss(?:es)?|brings? up|refers? to|names?)";
const SAID: &str = r"(?:mentioned|said|talked about|spoken (?:about|of)|discussed|brought up|referred to|named)";
const WHEN_ZH: &str = r"(?:(?:在|从)?(?:视频)?(?:的|里|中)?(?:第)?(?:几|哪一?|多少)(?:个)?(?:分钟|秒钟|分几秒|分|秒)|什么时候|什么时间|何时|哪里|哪儿|哪些地方|几时)";
const SAY_ZH: &str = r"(?:提到|提及|说到|说过|说起|说出|讲到|讲过|讲起|谈到|谈及|谈起|提起|聊到|讨论|介绍)";

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = [
        format!(
            r"(?i)^(?:and |so |please tell me )?{WHEN} (?:exactly |first )?{DO} (?P<x>.+?) (?:first |last |again |ever )?{SAID}\b"
        ),
        format!(
            r"(?i)^(?:and |so |please tell me )?{WHEN} (?:exactly |first )?{DO} .{{1,40}}? (?:first |last |again |ever )?{SAY} (?:that |the word |the words |the phrase |something about )?(?P<x>.+)$"
        ),
        format!(r"(?i)^(?:and |so )?(?:is|are|was|were) (?P<x>.+?) (?:ever )?{SAID}\b"),
        format!(r"^.{{0,12}}?{WHEN_ZH}.{{0,8}}?(?:首次|第一次|最后一次|被)?{SAY_ZH}(?:了|过)?(?P<x>.+)$"),
        format!(r"^(?P<x>.+?)(?:这个词|这句话|一词)?是?[在从]?{WHEN_ZH}(?:首次|第一次|最后一次|被|有)*{SAY_ZH}"),
        format!(r"^.{{0,8}}?{SAY_ZH}(?:了|过)?(?P<x>.+?)(?:的)?(?:是|在)*{WHEN_ZH}"),
        format!(r"^.{{0,12}}?{WHEN_ZH}(?:.{{0,6}}?)(?:说|讲)(?:了)?[“「『\x22'](?P<x>.+?)[”」』\x22']"),
    ];
    patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect()
});

/// The words a question looks for in what is said; none when it asks for something else.
pub fn mentioned(question: &str) -> Option<String> {
    let question = question.trim().trim_end_matches(is_end);
    let found = PATTERNS.iter().find_map(|pattern| pattern.captures(question))?;
    let words = found.name("x")?.as_str();
    // A quotation is what is meant, whatever stands around it.
    let words = quoted(words).unwrap_or(words);
    let words = words.trim_matches(|c: char| c.is_whitespace() || is_end(c) || is_quote(c));
    let words = ["in the video", "in this video", "这个词", "这句话", "这个概念", "一词"]
        .iter()
        .fold(words, |words, tail| words.strip_suffix(tail).unwrap_or(words));
    let words = words.trim_matches(|c: char| c.is_whitespace() || is_quote(c));
    (!words.is_empty()).then(|| words.to_owned())
}

fn is_end(c: char) -> bool {
    matches!(c, '?' | '？' | '.' | '。' | '!' | '！' | ',' | '，' | '吗' | '呢' | '的')
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '“' | '”' | '‘' | '’' | '「' | '」' | '『' | '』' | '《' | '》')
}

fn quoted(text: &str) -> Option<&str> {
    let (_, after) = text.split_once(['"', '“', '「', '『', '《'])?;
    let (inside, _) = after.split_once(['"', '”', '」', '』', '》'])?;
    Some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_found_in_both_languages() {
        let asked = [
            ("When is gradient descent mentioned?", "gradient descent"),
            ("In which minute is the budget first discussed?", "the budget"),
            ("in which minute does he say hello world?", "hello world"),
            ("When does the speaker talk about \"neural networks\" in detail?", "neural networks"),
            ("At what time did she mention that prices fell?", "prices fell"),
            ("Where in the video are transformers talked about?", "transformers"),
            ("Is backpropagation ever mentioned?", "backpropagation"),
            ("第几分钟提到梯度下降？", "梯度下降"),
            ("他在第几分钟说到“神经网络”？", "神经网络"),
            ("什么时候提到了 GPU 呢？", "GPU"),
            ("梯度下降是在什么时候提到的？", "梯度下降"),
            ("视频里第几分钟讲到反向传播这个概念？", "反向传播"),
            ("提到预算是在哪一分钟？", "预算"),
            ("什么时候他说“大家好”？", "大家好"),
        ];
        for (question, words) in asked {
            assert_eq!(mentioned(question).as_deref(), Some(words), "{question}");
        }
    }

    #[test]
    fn questions_about_what_is_seen_are_left_to_the_model() {
        let others = [
            "When does the red circle appear?",
            "第 42 秒显示什么？",
            "What is said about prices?",
            "红色圆形什么时候出现？",
            "How many words are there?",
            "",
            "???",
        ];
        for question in others {
            assert_eq!(mentioned(question), None, "{question}");
        }
    }
}
