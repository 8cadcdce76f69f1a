//! From bytes to text: byte order marks, UTF-16 without one, what an XML prolog declares, UTF-8, and last a guess among
//! the encodings of the web (GB18030, Shift_JIS, Big5, EUC-KR, windows-125x …).

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE};

use super::error::CueError;

/// Text, and how it was found.
pub(super) struct Decoded {
    pub(super) text: String,
    /// The name the WHATWG standard has for it.
    pub(super) encoding: &'static str,
    /// The first line with bytes that are no characters.
    pub(super) damaged_line: Option<u32>,
}

/// language: what the file's name says, to tell encodings apart that look alike.
pub(super) fn decode(bytes: &[u8], language: Option<&str>) -> Result<Decoded, CueError> {
    let encoding = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None => guess(bytes, language)?,
    };
    let (text, encoding, damaged) = encoding.decode(bytes);
    let damaged_line = damaged.then(|| line_of(&text, text.find('\u{fffd}').unwrap_or(0)));
    Ok(Decoded { text: text.into_owned(), encoding: encoding.name(), damaged_line })
}

fn guess(bytes: &[u8], language: Option<&str>) -> Result<&'static Encoding, CueError> {
    if let Some(encoding) = sixteen_bits(bytes) {
        return Ok(encoding);
    }
    if let Some(zero) = bytes.iter().position(|&byte| byte == 0) {
        let (before, _) = bytes.split_at(zero);
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        // A stray zero byte in a text is damage; a file full of them is something else.
        if bytes.iter().filter(|&&byte| byte == 0).count() * 200 > bytes.len() {
            return Err(CueError::NotText { line: u32::try_from(line).unwrap_or(u32::MAX) });
        }
    }
    if is_mostly_utf_8(bytes) {
        return Ok(UTF_8);
    }
    if let Some(declared) = declared(bytes) {
        return Ok(declared);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let found = detector.guess(language.and_then(country), Utf8Detection::Deny);
    // GB18030 is what GBK became: it reads the same bytes and the rest of Chinese as well.
    Ok(if found == GBK { GB18030 } else { found })
}

/// UTF-16 without a mark: Latin text and line ends have a zero in every other byte.
fn sixteen_bits(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = bytes.get(..bytes.len().min(4_096) & !1)?;
    let (even, odd) = sample.chunks_exact(2).fold((0, 0), |(even, odd), pair| match pair {
        [0, other] if *other != 0 => (even + 1, odd),
        [other, 0] if *other != 0 => (even, odd + 1),
        _ => (even, odd),
    });
    let few = sample.len() / 2 / 8;
    match (even > few && odd * 8 <= even, odd > few && even * 8 <= odd) {
        (true, _) => Some(UTF_16BE),
        (_, true) => Some(UTF_16LE),
        _ => None,
    }
}

/// UTF-8, perhaps with a few broken characters: bytes of another encoding hardly ever form many valid ones.
fn is_mostly_utf_8(bytes: &[u8]) -> bool {
    let (mut valid, mut broken) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    broken == 0 || valid > broken * 10
}

/// `<?xml … encoding="…"?>`
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let prolog = bytes.strip_prefix(b"<?xml")?;
    let prolog = prolog.get(..prolog.iter().take(200).position(|&byte| byte == b'>')?)?;
    let text = std::str::from_utf8(prolog).ok()?;
    let (_, after) = text.split_once("encoding=")?;
    let label = after.get(1..)?.split(['"', '\'']).next()?;
    Encoding::for_label(label.as_bytes())
}

/// The top-level domain under which texts of a language are found, as the detector takes its hints.
fn country(language: &str) -> Option<&'static [u8]> {
    let base = language.split('-').next().unwrap_or(language);
    Some(match base {
        "zh" if language.ends_with("Hant") => b"tw",
        "zh" => b"cn",
        "ja" => b"jp",
        "ko" => b"kr",
        "ru" => b"ru",
        "uk" => b"ua",
        "el" => b"gr",
        "he" => b"il",
        "th" => b"th",
        "tr" => b"tr",
        "vi" => b"vn",
        "pl" => b"pl",
        "cs" => b"cz",
        "hu" => b"hu",
        _ => return None,
    })
}

/// The line of a byte offset, from 1.
pub(super) fn line_of(text: &str, offset: usize) -> u32 {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    let lines = before.iter().filter(|&&byte| byte == b'\n').count();
    u32::try_from(lines).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{BIG5, EUC_KR, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

    fn found(bytes: &[u8]) -> (String, &'static str) {
        let decoded = decode(bytes, None).unwrap();
        (decoded.text, decoded.encoding)
    }

    #[test]
    fn texts_in_their_national_encodings_are_recognised() {
        let texts = [
            (GB18030, "1\n00:00:01,000 --> 00:00:02,000\n我们今天来讲一讲红色的圆形在什么时候出现。\n", "gb18030"),
            (SHIFT_JIS, "1\n00:00:01,000 --> 00:00:02,000\nこんにちは、赤い丸はいつ現れますか。\n", "Shift_JIS"),
            (BIG5, "1\n00:00:01,000 --> 00:00:02,000\n我們今天來講一講紅色的圓形在什麼時候出現。\n", "Big5"),
            (EUC_KR, "1\n00:00:01,000 --> 00:00:02,000\n빨간 동그라미는 언제 나타납니까. 안녕하세요.\n", "EUC-KR"),
            (WINDOWS_1251, "1\n00:00:01,000 --> 00:00:02,000\nКогда появляется красный круг?\n", "windows-1251"),
            (WINDOWS_1252, "1\n00:00:01,000 --> 00:00:02,000\nLe café où il est né, déjà fermé\n", "windows-1252"),
        ];
        for (encoding, text, name) in texts {
            let (bytes, _, lossy) = encoding.encode(text);
            assert!(!lossy);
            assert_eq!(found(&bytes), (text.to_owned(), name));
        }
    }

    #[test]
    fn utf_16_is_read_with_and_without_a_mark() {
        let text = "WEBVTT\n\n00:01.000 --> 00:02.000\n你好 world\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(found(&little), (text.to_owned(), "UTF-16LE"));
        assert_eq!(found(&big), (text.to_owned(), "UTF-16BE"));
        assert_eq!(found(&[&[0xff, 0xfe], &little[..]].concat()), (text.to_owned(), "UTF-16LE"));
        assert_eq!(found(&[&[0xfe, 0xff], &big[..]].concat()), (text.to_owned(), "UTF-16BE"));
        assert_eq!(found(&[&[0xef, 0xbb, 0xbf], text.as_bytes()].concat()), (text.to_owned(), "UTF-8"));
    }

    #[test]
    fn a_few_broken_bytes_do_not_make_utf_8_something_else() {
        let mut bytes = "第一行\n第二行没有什么问题，只是普通的文字\n第三行".as_bytes().to_vec();
        bytes[12] = 0xff;
        let decoded = decode(&bytes, None).unwrap();
        assert_eq!((decoded.encoding, decoded.damaged_line), ("UTF-8", Some(2)));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let error = decode(&[b"a\n".as_slice(), &[0; 300]].concat(), None).err();
        assert_eq!(error, Some(CueError::NotText { line: 2 }));
    }
}
