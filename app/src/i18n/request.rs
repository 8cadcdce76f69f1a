//! The language and theme a request asks for: its cookies first, then its `Accept-Language`.

use axum::http::{header, request::Parts};
use leptos::prelude::use_context;

use super::{COOKIE, Lang};

/// The language of the request in the context.
pub(super) fn lang() -> Lang {
    let Some(parts) = use_context::<Parts>() else { return Lang::default() };
    if let Some(lang) = cookie_of(&parts, COOKIE).as_deref().and_then(Lang::from_tag) {
        return lang;
    }
    let accepts = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    accepts.map(Lang::from_accept_language).unwrap_or_default()
}

/// A cookie of the request in the context.
pub(crate) fn cookie(name: &str) -> Option<String> {
    cookie_of(&use_context::<Parts>()?, name)
}

fn cookie_of(parts: &Parts, name: &str) -> Option<String> {
    let all = parts.headers.get_all(header::COOKIE);
    let pairs = all.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, v)| v.to_owned())
}
