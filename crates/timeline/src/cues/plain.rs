//! Plain text out of what SubRip and WebVTT files hold (tags, override blocks, entities), and back in without being taken
//! for any of those.

use super::clock::{self, Style};

/// Tags of SubRip and WebVTT. What else stands between angle brackets is text.
const TAGS: [&str; 14] = ["b", "i", "u", "s", "c", "v", "p", "lang", "ruby", "rt", "font", "span", "em", "strong"];

/// The longest mark that is looked for: what is never closed costs no more than this.
const LONGEST: usize = 1_024;

/// Something at the start of a text that is no text itself.
struct Mark {
    /// Its bytes.
    length: usize,
    /// What stays of it.
    stays: String,
}

/// As much of a text as a mark may take.
pub(super) fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text)
}

/// Text without its marks: entities decoded, tags gone, `<br>` and `\N` line ends, the speaker of `<v Anna>` as `Anna: `.
pub(super) fn strip(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match mark(rest) {
            Some(mark) => {
                plain.push_str(&mark.stays);
                mark.length
            }
            None => {
                plain.push(first);
                first.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    plain
}

/// Text as a cue keeps it: lines trimmed, none empty, no control characters.
pub fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let ends = |c: char| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    for line in text.split(ends) {
        let line: String = line
            .chars()
            .map(|c| if c == '\t' || c == '\u{a0}' { ' ' } else { c })
            .filter(|c| !c.is_control() && !matches!(c, '\u{feff}' | '\u{200b}'))
            .collect();
        let line = line.trim();
        if !line.is_empty() {
            if !tidy.is_empty() {
                tidy.push('\n');
            }
            tidy.push_str(line);
        }
    }
    tidy
}

/// Text as it can stand in a file: whatever a reader would take for a mark or for a time is written as an entity. With
/// `strict`, `&`, `<` and `>` always are, as WebVTT wants; without, players that know no entities show nearly every text
/// as it is.
pub(super) fn escape(text: &str, strict: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            escaped.push('\n');
        }
        let looks_like_a_time = line.contains("-->") || clock::timing(line, Style::Srt).is_some();
        for (at, c) in line.char_indices() {
            let rest = line.get(at..).unwrap_or_default();
            let taken = mark(rest).is_some() || may_be_a_mark(rest) || (at == 0 && looks_like_a_time);
            match c {
                '&' if strict || taken => escaped.push_str("&amp;"),
                '<' if strict || taken => escaped.push_str("&lt;"),
                '>' if strict || looks_like_a_time => escaped.push_str("&gt;"),
                _ if taken => escaped.push_str(&format!("&#{};", u32::from(c))),
                _ => escaped.push(c),
            }
        }
    }
    escaped
}

/// Whether a text would begin with a mark once what follows is escaped.
fn may_be_a_mark(text: &str) -> bool {
    let like_a_tag = |rest: &str| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
            && rest.lines().next().is_some_and(|l| l.contains('>'))
    };
    text.starts_with("{\\") || text.strip_prefix('<').is_some_and(like_a_tag)
}

fn mark(text: &str) -> Option<Mark> {
    match text.bytes().next()? {
        b'<' => tag(text),
        b'{' => override_block(text),
        b'&' => entity(text),
        b'\\' => line_break(text),
        _ => None,
    }
}

fn tag(text: &str) -> Option<Mark> {
    let (inside, _) = beginning(text.get(1..)?).split_once('>')?;
    if inside.contains(['<', '\n']) {
        return None;
    }
    let length = inside.len() + 2;
    let gone = |stays: &str| Some(Mark { length, stays: stays.to_owned() });
    // Karaoke in WebVTT: the moment from which the following words are shown.
    let starts_with_digit = inside.starts_with(|c: char| c.is_ascii_digit());
    if starts_with_digit && clock::read(inside, Style::Vtt).is_some_and(|time| time.rest.is_empty()) {
        return gone("");
    }
    let (closing, body) = inside.strip_prefix('/').map_or((false, inside), |body| (true, body));
    let name: String = body.chars().take_while(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
    let after = body.get(name.len()..)?;
    if !(after.is_empty() || after.starts_with(|c: char| c.is_whitespace() || matches!(c, '.' | '/'))) {
        return None;
    }
    if name == "br" {
        return gone("\n");
    }
    if !TAGS.contains(&name.as_str()) {
        return None;
    }
    let speaker = after.split_once(char::is_whitespace).map(|(_, name)| name.trim()).unwrap_or_default();
    if name == "v" && !closing && !speaker.is_empty() {
        return gone(&format!("{}: ", strip(speaker)));
    }
    gone("")
}

/// `{\an8}`: how ASS says where and how, found in SubRip files as well.
fn override_block(text: &str) -> Option<Mark> {
    let inside = text.strip_prefix("{\\")?;
    Some(Mark { length: beginning(inside).find('}')? + 3, stays: String::new() })
}

fn line_break(text: &str) -> Option<Mark> {
    let stays = match text.as_bytes().get(1)? {
        b'N' | b'n' => "\n",
        b'h' => " ",
        _ => return None,
    };
    Some(Mark { length: 2, stays: stays.to_owned() })
}

fn entity(text: &str) -> Option<Mark> {
    let name: String = text.get(1..)?.chars().take(10).take_while(|c| *c != ';').collect();
    if !text.get(1 + name.len()..)?.starts_with(';') {
        return None;
    }
    Some(Mark { length: name.len() + 2, stays: character(&name)?.to_string() })
}

/// What an entity's name stands for: the five of XML, those of WebVTT, and numbers.
pub(super) fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|c| !c.is_control());
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "lrm" => '\u{200e}',
        "rlm" => '\u{200f}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_blocks_and_entities_go_and_text_stays() {
        let cases = [
            ("<i>Hello</i> <b>you</b>", "Hello you"),
            ("<font color='#ff0000'>red</font>", "red"),
            (r"{\an8}up there\Nand here", "up there\nand here"),
            ("<c.yellow>a</c><00:00:01.500> b", "a b"),
            ("<v Anna>Hi</v>", "Anna: Hi"),
            ("a &lt; b &amp;&#38; c&nbsp;d", "a < b && c d"),
            ("2 < 3 and 5 > 4, <unknown> {curly} & so on", "2 < 3 and 5 > 4, <unknown> {curly} & so on"),
            ("one<br/>two", "one\ntwo"),
        ];
        for (marked, plain) in cases {
            assert_eq!(strip(marked), plain);
        }
    }

    #[test]
    fn lines_are_trimmed_and_empty_ones_go() {
        assert_eq!(tidy(" a\t b \r\n\r\n\u{feff}\u{7}c\u{2028}d "), "a  b\nc\nd");
    }

    #[test]
    fn ordinary_text_is_not_escaped_for_players_that_know_no_entities() {
        assert_eq!(escape("R&D is 2 < 3", false), "R&D is 2 < 3");
        assert_eq!(escape("R&D is 2 < 3", true), "R&amp;D is 2 &lt; 3");
    }

    proptest! {
        #[test]
        fn what_is_escaped_strips_to_itself(text in r"([<>/&;{}\\#ainbvNh0-9:., \n-]|--> |<b>|<v |&lt;|→|字){0,40}") {
            let text = tidy(&text);
            prop_assert_eq!(strip(&escape(&text, false)), text.clone());
            prop_assert_eq!(strip(&escape(&text, true)), text);
        }
    }
}
