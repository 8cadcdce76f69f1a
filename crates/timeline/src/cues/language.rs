//! Which language a transcript is in: from the file's name, from what it says of itself, or from its letters.

/// The language a file's name carries between its stem and its ending: `clip.zh-CN.srt`.
pub(super) fn of_name(name: &str) -> Option<String> {
    let mut parts = name.rsplit('.');
    parts.next()?;
    let (middle, stem) = (parts.next()?, parts.next());
    // Without a stem before it, it is the stem itself.
    stem?;
    tag(middle)
}

/// A language tag in its usual spelling; nothing for what is none.
pub(super) fn tag(text: &str) -> Option<String> {
    let text = text.trim().replace('_', "-").to_ascii_lowercase();
    let known = match text.as_str() {
        "zh" | "chi" | "zho" | "chinese" | "cn" => "zh",
        "zh-cn" | "zh-sg" | "zh-hans" | "chs" | "sc" | "gb" => "zh-Hans",
        "zh-tw" | "zh-hk" | "zh-hant" | "cht" | "tc" | "big5" => "zh-Hant",
        "en" | "eng" | "english" => "en",
        "ja" | "jp" | "jpn" | "japanese" => "ja",
        "ko" | "kr" | "kor" | "korean" => "ko",
        "fr" | "fra" | "fre" | "french" => "fr",
        "de" | "deu" | "ger" | "german" => "de",
        "es" | "spa" | "spanish" => "es",
        "ru" | "rus" | "russian" => "ru",
        _ => {
            let base = text.split('-').next().unwrap_or_default();
            let is_tag = matches!(base.len(), 2 | 3) && base.bytes().all(|byte| byte.is_ascii_lowercase());
            let short = text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            // Three letters name a language only where a list of them says so: `clip.web.srt`.
            return (is_tag && short && (base.len() == 2 || text.contains('-'))).then_some(text);
        }
    };
    Some(known.to_owned())
}

/// The language a container names by an ISO 639 code or a BCP 47 tag; nothing for "undetermined" and its like.
pub fn of_code(code: &str) -> Option<String> {
    let code = code.trim();
    let none = ["und", "mul", "mis", "zxx"].iter().any(|none| code.eq_ignore_ascii_case(none));
    let three = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    tag(code).or_else(|| three.then(|| code.to_ascii_lowercase())).filter(|_| !none)
}

/// What those who speak a language call it; the tag itself where it is not in the list.
pub(super) fn own_name(tag: &str) -> String {
    let name = match tag {
        "zh" => "中文",
        "zh-Hans" => "简体中文",
        "zh-Hant" => "繁體中文",
        "en" => "English",
        "ja" => "日本語",
        "ko" => "한국어",
        "fr" => "Français",
        "de" => "Deutsch",
        "es" => "Español",
        "ru" => "Русский",
        "pt" | "por" => "Português",
        "pt-br" => "Português (Brasil)",
        "it" | "ita" => "Italiano",
        "nl" | "nld" | "dut" => "Nederlands",
        "pl" | "pol" => "Polski",
        "sv" | "swe" => "Svenska",
        "tr" | "tur" => "Türkçe",
        "uk" | "ukr" => "Українська",
        "ar" | "ara" => "العربية",
        "hi" | "hin" => "हिन्दी",
        "vi" | "vie" => "Tiếng Việt",
        "th" | "tha" => "ไทย",
        "id" | "ind" => "Bahasa Indonesia",
        other => other,
    };
    name.to_owned()
}

/// The language whose letters a text is written in, where the letters decide: Chinese, Japanese, Korean; English for
/// plain Latin letters without any mark.
pub fn of_text(text: &str) -> Option<&'static str> {
    let (mut han, mut kana, mut hangul, mut latin, mut other) = (0_u32, 0_u32, 0_u32, 0_u32, 0_u32);
    for c in text.chars() {
        match c {
            '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{323af}' => han += 1,
            '\u{3040}'..='\u{30ff}' => kana += 1,
            '\u{ac00}'..='\u{d7af}' => hangul += 1,
            'a'..='z' | 'A'..='Z' => latin += 1,
            _ if c.is_alphabetic() => other += 1,
            _ => {}
        }
    }
    // A word of Chinese weighs as much as several Latin letters.
    let letters = latin / 4 + other;
    if kana > 0 && kana * 10 >= han && kana * 2 >= letters {
        Some("ja")
    } else if hangul > 0 && hangul >= han && hangul * 2 >= letters {
        Some("ko")
    } else if han > 0 && han >= letters {
        Some("zh")
    } else if latin > 0 && han + kana + hangul + other == 0 {
        Some("en")
    } else {
        None
    }
}

/// Whether a script writes words without spaces between them: Chinese, Japanese, Thai, Lao.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}' | '\u{e00}'..='\u{eff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_carries_its_language_between_stem_and_ending() {
        assert_eq!(of_name("clip.zh-CN.srt").as_deref(), Some("zh-Hans"));
        assert_eq!(of_name("clip.zh.srt").as_deref(), Some("zh"));
        assert_eq!(of_name("clip.pt-br.vtt").as_deref(), Some("pt-br"));
        assert_eq!(of_name("clip.srt"), None);
        assert_eq!(of_name("en.srt"), None);
        assert_eq!(of_name("clip.2019.srt"), None);
        assert_eq!(of_name("clip.web.srt"), None);
    }

    #[test]
    fn a_code_of_a_container_is_a_language_whatever_its_length() {
        let of = |code: &str| of_code(code).unwrap_or_default();
        assert_eq!(
            ["zho", "chi", "eng", "ita", "pt-BR", "zh-Hant"].map(of),
            ["zh", "zh", "en", "ita", "pt-br", "zh-Hant"]
        );
        assert_eq!(["und", "zxx", "", "```", "?!"].map(of), [""; 5]);
    }

    #[test]
    fn letters_tell_the_language_where_they_can() {
        assert_eq!(of_text("红色的圆形 appears"), Some("zh"));
        assert_eq!(of_text("赤い丸はいつ現れますか"), Some("ja"));
        assert_eq!(of_text("빨간 동그라미"), Some("ko"));
        assert_eq!(of_text("When does it appear?"), Some("en"));
        assert_eq!(of_text("déjà vu"), None);
        assert_eq!(of_text("123"), None);
    }
}
