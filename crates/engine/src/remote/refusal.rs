//! Refusals: every server has its own words, and some of them are worth understanding.

use regex_lite::Regex;
use serde_json::Value;

use super::error::RemoteError;

/// The most that is repeated of what a server says.
const MAX_WORDS: usize = 400;

/// What the body of a refusal says, in a line: OpenAI's and vLLM's `error.message`, vLLM's older `message`, FastAPI's
/// `detail`, else the text itself.
pub(super) fn words(body: &[u8]) -> String {
    let said = match serde_json::from_slice::<Value>(body) {
        Ok(value) => message(&value),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(MAX_WORDS).collect();
    if short.is_empty() { "it gave no reason".to_owned() } else { short }
}

/// The sentence in an error object, with its code where that says more.
pub(super) fn message(value: &Value) -> String {
    let error = value.get("error").unwrap_or(value);
    let text = ["message", "detail"].iter().find_map(|name| error.get(name)).unwrap_or(error);
    text.as_str().map_or_else(|| text.to_string(), str::to_owned)
}

/// What a refusal with this status and these words means.
pub(super) fn understand(url: &str, status: u16, said: &str) -> RemoteError {
    let (url, said) = (url.to_owned(), said.to_owned());
    match status {
        401 | 403 => RemoteError::Key { url },
        429 | 502..=504 => RemoteError::Busy { url, said: format!("status {status}: {said}") },
        400 | 413 | 422 if is_about_length(&said) => {
            let (needed, limit) = lengths(&said);
            RemoteError::TooLong { needed, limit, said }
        }
        400 | 404 if is_about_a_name(&said) => RemoteError::UnknownModel { url, said },
        _ => RemoteError::Refused { url, status, said },
    }
}

fn is_about_a_name(said: &str) -> bool {
    let said = said.to_lowercase();
    said.contains("model")
        && ["not exist", "not found", "not_found", "unknown model"].iter().any(|phrase| said.contains(phrase))
}

fn is_about_length(said: &str) -> bool {
    let said = said.to_lowercase();
    let phrases = [
        "context length",
        "maximum model length",
        "max_model_len",
        "context window",
        "context_length",
        "the context holds",
    ];
    phrases.iter().any(|phrase| said.contains(phrase))
}

/// Tokens needed and tokens there are, from sentences such as
///
/// - vLLM: "This model's maximum context length is 8192 tokens. However, you requested 9001 tokens (7977 in the messages,
///   1024 in the completion)", "The decoder prompt (length 9001) is longer than the maximum model length of 8192"
/// - SGLang: "The input (9001 tokens) is longer than the model's context length (8192 tokens)"
/// - Timepin: "needs 9001 tokens beside the video but the context holds 8192"
fn lengths(said: &str) -> (Option<u32>, Option<u32>) {
    let number = |pattern: &str| -> Option<u32> {
        // The patterns are written below; one that does not parse finds nothing.
        let found = Regex::new(pattern).ok()?.captures(said)?;
        found.get(1)?.as_str().parse().ok()
    };
    let limit = number(
        r"(?i)(?:context length|maximum model length|max_model_len|context window|context holds)[^0-9]{0,24}([0-9]+)",
    );
    let all = Regex::new("[0-9]+").map(|pattern| pattern.find_iter(said).filter_map(|n| n.as_str().parse().ok()).max());
    let needed = all.ok().flatten().filter(|most| limit.is_some_and(|limit| *most > limit));
    (needed, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_that_is_too_long_is_told_by_how_much() {
        for said in [
            "This model's maximum context length is 8192 tokens. However, you requested 9001 tokens (7977 in the messages, 1024 in the completion). Please reduce the length.",
            "The decoder prompt (length 9001) is longer than the maximum model length of 8192. Make sure that `max_model_len` is no smaller than the number of text tokens.",
            "The input (9001 tokens) is longer than the model's context length (8192 tokens).",
            "the question needs 9001 tokens beside the video but the context holds 8192; shorten it or raise max_context_length",
        ] {
            let error = understand("http://gpu/v1", 400, said);
            assert_eq!(error.code(), "backend_context");
            assert!(error.to_string().contains("9001 tokens, 809 more than the 8192"), "{error}");
        }
        let vague = understand("http://gpu/v1", 400, "context_length_exceeded");
        assert!(vague.to_string().contains("context_length_exceeded") && vague.code() == "backend_context", "{vague}");
    }

    #[test]
    fn statuses_and_bodies_of_different_servers_mean_the_same() {
        let told = |status, body: &str| understand("http://gpu/v1", status, &words(body.as_bytes()));
        let openai = r#"{"error":{"message":"The model `x` does not exist","type":"NotFoundError","code":404}}"#;
        assert_eq!(told(404, openai).code(), "backend_model");
        assert!(told(404, openai).to_string().contains("`x`"));
        assert_eq!(told(404, r#"{"detail":"Not Found"}"#).code(), "backend_refused");
        let pictures = r#"{"error":{"message":"This model does not support images"}}"#;
        assert_eq!(told(400, pictures).code(), "backend_refused");
        assert_eq!(told(401, "").code(), "backend_key");
        assert_eq!(
            told(503, "<html>warming\nup</html>").to_string(),
            "the model server at http://gpu/v1 is busy or not ready (status 503: <html>warming up</html>); ask again in a while"
        );
        assert_eq!(
            told(400, r#"{"object":"error","message":"bad image"}"#).to_string(),
            "the model server at http://gpu/v1 refused the request with status 400: bad image"
        );
        assert_eq!(told(500, "").code(), "backend_refused");
        assert!(words(&[0xff; 9000]).chars().count() <= MAX_WORDS);
    }
}
