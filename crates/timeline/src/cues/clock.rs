//! Times as subtitle files write them, in whole microseconds, and the many ways in which they are miswritten.

/// The most hours a time may have: what is later is no time.
const MAX_HOURS: i64 = 1_000;

/// How a format writes its times; what differs is understood and called unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `hh:mm:ss,mmm`
    Srt,
    /// `[hh:]mm:ss.mmm`
    Vtt,
    /// `h:mm:ss.cc`
    Ass,
}

/// A time that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read<'a> {
    /// Microseconds.
    pub(super) at: i64,
    /// Whether it is written as its format has it.
    pub(super) usual: bool,
    /// What follows.
    pub(super) rest: &'a str,
}

/// A line that says when a subtitle is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timing {
    /// Microseconds.
    pub(super) start: i64,
    /// Microseconds.
    pub(super) end: i64,
    /// Whether it is written as its format has it.
    pub(super) usual: bool,
}

/// What people and programs write for an arrow, longest first.
const ARROWS: [&str; 9] = ["-->", "-- >", "- ->", "—>", "–>", "->", "=>", "→", "--"];

/// Reads `start --> end` with whatever follows.
pub(super) fn timing(line: &str, style: Style) -> Option<Timing> {
    let start = read(line, style)?;
    let rest = start.rest.trim_start();
    let arrow = ARROWS.iter().find(|arrow| rest.starts_with(**arrow))?;
    let end = read(rest.strip_prefix(arrow)?, style)?;
    // Settings and coordinates follow after a space; anything else is a longer word than a time.
    if end.rest.starts_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    Some(Timing { start: start.at, end: end.at, usual: start.usual && end.usual && *arrow == "-->" })
}

/// Reads a time at the start of a text.
pub(super) fn read(text: &str, style: Style) -> Option<Read<'_>> {
    let (mut groups, mut usual) = (Vec::with_capacity(4), true);
    let mut rest = text.trim_start();
    loop {
        let (value, digits, after) = number(rest)?;
        groups.push((value, digits));
        rest = after;
        let spaced = rest.trim_start();
        let Some(next) = spaced.strip_prefix([':', '：']) else { break };
        if groups.len() == 4 || !next.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
            break;
        }
        usual &= rest.starts_with(':') && next.starts_with(|c: char| c.is_ascii_digit());
        rest = next.trim_start();
    }
    let (fraction, sign, after) = fraction(rest);
    let (whole, milliseconds) = match (groups.as_slice(), fraction) {
        // The last colon stands where a comma belongs.
        ([hours, minutes, seconds, (value, 3)], None) => ([*hours, *minutes, *seconds], value * 1_000),
        ([hours, minutes, seconds], fraction) => ([*hours, *minutes, *seconds], fraction.map_or(0, |f| f.0)),
        ([minutes, seconds], fraction) => ([(0, 2), *minutes, *seconds], fraction.map_or(0, |f| f.0)),
        _ => return None,
    };
    let [(hours, _), (minutes, wide), (seconds, narrow)] = whole;
    if hours > MAX_HOURS || minutes > MAX_HOURS * 60 || seconds > MAX_HOURS * 3_600 {
        return None;
    }
    let digits = fraction.map(|f| f.1);
    usual &= minutes < 60 && seconds < 60 && wide == 2 && narrow == 2 && groups.len() <= 3;
    usual &= match style {
        Style::Srt => groups.len() == 3 && sign == Some(',') && digits == Some(3),
        Style::Vtt => sign == Some('.') && digits == Some(3),
        Style::Ass => groups.len() == 3 && sign == Some('.'),
    };
    let at = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + milliseconds;
    Some(Read { at, usual, rest: after })
}

/// Up to nine digits.
fn number(text: &str) -> Option<(i64, usize, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (own, rest) = text.split_at_checked(digits)?;
    if digits > 9 { None } else { Some((own.parse().ok()?, digits, rest)) }
}

/// A decimal sign and its digits as microseconds, the number of digits, the sign, and what follows.
fn fraction(text: &str) -> (Option<(i64, usize)>, Option<char>, &str) {
    let none = (None, None, text);
    let spaced = text.trim_start();
    let Some(sign) = spaced.chars().next().filter(|c| matches!(c, ',' | '.' | ';' | '，' | '。')) else {
        return none;
    };
    let digits = spaced.get(sign.len_utf8()..).unwrap_or_default().trim_start();
    match number(digits) {
        Some((_, count, rest)) => {
            let six: String = digits.bytes().take(count.min(6)).map(char::from).collect();
            let micros = format!("{six:0<6}").parse().unwrap_or(0);
            let sign = if spaced.len() == text.len() { sign } else { ' ' };
            (Some((micros, count)), Some(sign), rest)
        }
        None => none,
    }
}

/// A time in milliseconds, rounded to the nearest, as `hh:mm:ss` with `sign` before the fraction. Times before the start
/// are the start.
pub(super) fn write(micros: i64, sign: char) -> String {
    let millis = micros.max(0).saturating_add(500) / 1_000;
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    format!("{:02}:{:02}:{:02}{sign}{millis:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, style: Style) -> Option<(i64, bool)> {
        read(text, style).filter(|read| read.rest.is_empty()).map(|read| (read.at / 1_000, read.usual))
    }

    #[test]
    fn times_are_read_exactly_however_they_are_written() {
        assert_eq!(at("01:02:03,456", Style::Srt), Some((3_723_456, true)));
        for odd in ["1:2:3.456", "01:02:03;456", "01:02:03:456", "01 : 02 : 03 , 456", "62:03,456", "01:02:03，456"] {
            assert_eq!(at(odd, Style::Srt), Some((3_723_456, false)), "{odd}");
        }
        assert_eq!(at("62:03.456", Style::Vtt), Some((3_723_456, false)));
        assert_eq!(at("02:03.456", Style::Vtt), Some((123_456, true)));
        assert_eq!(at("0:00:05.07", Style::Ass), Some((5_070, true)));
        assert_eq!(read("00:00:01.2345678", Style::Vtt).map(|r| r.at), Some(1_234_567));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "12", "a:b:c", "00:00:0x,000", "9999999:00:00,000", "1:2:3:4:5", "00:00:01:50"] {
            assert_eq!(at(text, Style::Srt), None, "{text}");
        }
    }

    #[test]
    fn arrows_come_in_many_forms_and_settings_may_follow() {
        let usual = timing("00:00:01,000 --> 00:00:02,000", Style::Srt);
        assert_eq!(usual, Some(Timing { start: 1_000_000, end: 2_000_000, usual: true }));
        for odd in ["00:00:01,000 -> 00:00:02,000", "00:01.000-->00:02.000 X1:5", "0:01 → 0:02", "0:01 —> 0:02"] {
            assert_eq!(timing(odd, Style::Srt), usual.map(|t| Timing { usual: false, ..t }), "{odd}");
        }
        assert_eq!(timing("00:00:01,000 --> soon", Style::Srt), None);
        assert_eq!(timing("at 0:01 -> 0:02", Style::Srt), None);
    }
}
