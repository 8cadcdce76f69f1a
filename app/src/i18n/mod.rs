//! Languages: which one is spoken, and every sentence of the page in each.
//!
//! The server picks by cookie, then `Accept-Language`, and writes it to `<html lang>`; the page starts from that
//! attribute, so both render the same words. The switch sets the cookie.

mod errors;
mod hearing_errors;
mod ingest_errors;
mod messages;
mod pull_errors;
#[cfg(feature = "ssr")]
pub(crate) mod request;
mod table;

use leptos::prelude::*;

pub use errors::{api_error, damage, extract_error};
pub use messages::Messages;

use crate::platform;

/// The cookie that keeps the choice.
pub const COOKIE: &str = "lang";

/// A language of the page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Lang {
    /// From a language tag ("zh-CN", "en"); nothing for languages the page does not speak.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        match primary.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Zh),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The first language of an `Accept-Language` list the page speaks, by weight.
    pub fn from_accept_language(header: &str) -> Self {
        let mut best: Option<(f32, Self)> = None;
        for item in header.split(',') {
            let mut fields = item.split(';');
            let Some(lang) = fields.next().and_then(Self::from_tag) else { continue };
            let weight = fields.find_map(|field| field.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            if weight > 0.0 && best.is_none_or(|(most, _)| weight > most) {
                best = Some((weight, lang));
            }
        }
        best.map(|(_, lang)| lang).unwrap_or_default()
    }

    /// For `<html lang>` and the cookie.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// Every sentence in this language.
    pub fn messages(self) -> &'static Messages {
        match self {
            Self::En => &Messages::EN,
            Self::Zh => &Messages::ZH,
        }
    }
}

/// The language in the page's context; reading it inside a view follows the switch.
#[derive(Clone, Copy)]
pub struct I18n(RwSignal<Lang>);

impl I18n {
    /// The language now.
    pub fn lang(self) -> Lang {
        self.0.get()
    }

    /// Every sentence in the language now.
    pub fn say(self) -> &'static Messages {
        self.0.get().messages()
    }

    /// The language at this moment, for handlers: nothing follows it.
    pub fn lang_now(self) -> Lang {
        self.0.get_untracked()
    }

    /// Speaks another language from now on.
    pub fn switch(self, lang: Lang) {
        self.0.set(lang);
        platform::set_cookie(COOKIE, lang.tag());
        platform::set_root_attribute("lang", lang.tag());
    }
}

/// Puts the language into the context.
pub fn provide_i18n() -> I18n {
    let i18n = I18n(RwSignal::new(initial()));
    provide_context(i18n);
    i18n
}

/// The language in the context.
pub fn use_i18n() -> I18n {
    use_context().unwrap_or_else(|| I18n(RwSignal::new(Lang::default())))
}

/// A sentence that follows the switch: `{t(|m| m.ask)}`.
pub fn t(pick: fn(&'static Messages) -> &'static str) -> impl Fn() -> &'static str + Copy + Send + Sync + 'static {
    let i18n = use_i18n();
    move || pick(i18n.say())
}

/// Puts values in place of the `{}` of a sentence, in order.
pub fn fill(sentence: &str, values: &[&str]) -> String {
    let mut out = String::with_capacity(sentence.len() + 16);
    let mut values = values.iter();
    let mut pieces = sentence.split("{}");
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        out.push_str(values.next().copied().unwrap_or_default());
        out.push_str(piece);
    }
    out
}

/// The language a request or a page starts with.
pub fn initial() -> Lang {
    #[cfg(feature = "ssr")]
    {
        request::lang()
    }
    #[cfg(not(feature = "ssr"))]
    {
        platform::initial_lang()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_first_language_that_we_speak_wins() {
        assert_eq!(Lang::from_accept_language("de, zh-CN;q=0.8, en;q=0.5"), Lang::Zh);
        assert_eq!(Lang::from_accept_language("en-GB,en;q=0.9,zh;q=0.1"), Lang::En);
        assert_eq!(Lang::from_accept_language("zh;q=0, fr"), Lang::En);
        assert_eq!(Lang::from_accept_language(""), Lang::En);
    }

    #[test]
    fn values_fill_a_sentence_in_order() {
        assert_eq!(fill("{} of {}", &["3", "9"]), "3 of 9");
        assert_eq!(fill("{}", &[]), "");
    }
}
