//! What a request asks, and about which frames.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use timeline::time::read_stamp;
use timeline::{FrameIn, Timestamp, VideoId};

use super::refusal::Refusal;

/// A request that makes sense.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) model: Option<String>,
    pub(super) about: About,
    pub(super) question: String,
    /// Tokens the answer may have.
    pub(super) most: Option<u32>,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
}

/// What the question is about.
#[derive(Debug)]
pub(super) enum About {
    /// A video of the library.
    Video(VideoId),
    /// Frames in the request.
    Frames(Vec<FrameIn>),
}

/// As it is sent. Fields about sampling are passed over: answers are greedy.
#[derive(Deserialize)]
struct Request {
    model: Option<String>,
    messages: Vec<Message>,
    video: Option<String>,
    max_completion_tokens: Option<u32>,
    max_tokens: Option<u32>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    n: Option<u32>,
    /// Things that would change the answer in ways nothing here can honour.
    stop: Option<Value>,
    tools: Option<Vec<Value>>,
    response_format: Option<Format>,
    logprobs: Option<bool>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Deserialize)]
struct Format {
    r#type: String,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Content,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a content has to be a text, or a list of parts of the types text and image_url")]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    Text { text: String },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Deserialize)]
struct ImageUrl {
    url: String,
}

impl Asked {
    /// Reads the body of a request.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let request: Request = serde_json::from_slice(body).map_err(|e| Refusal::bad("messages", e.to_string()))?;
        refuse_unknown_wishes(&request)?;
        let (frames, question) = contents(request.messages)?;
        let about = match (request.video, frames.is_empty()) {
            (Some(video), true) => About::Video(VideoId(video)),
            (None, false) => About::Frames(frames),
            (Some(_), false) => {
                return Err(Refusal::bad("video", "ask about a video of the library or about frames, not about both"));
            }
            (None, true) => {
                let message = "there is nothing to look at: name a `video` of the library, or put `<t seconds>` and a picture for \
                               every frame before the question";
                return Err(Refusal::bad("messages", message));
            }
        };
        if question.is_empty() {
            return Err(Refusal::bad("messages", "there is no question; write it as a text part behind the frames"));
        }
        let most = request.max_completion_tokens.or(request.max_tokens);
        if most == Some(0) {
            return Err(Refusal::bad("max_tokens", "an answer has at least one token"));
        }
        let include_usage = request.stream_options.is_some_and(|options| options.include_usage);
        Ok(Self { model: request.model, about, question, most, stream: request.stream, include_usage })
    }
}

fn refuse_unknown_wishes(request: &Request) -> Result<(), Refusal> {
    let wishes = [
        ("n", request.n.is_some_and(|n| n != 1)),
        ("stop", request.stop.as_ref().is_some_and(|stop| !stop.is_null() && *stop != Value::Array(Vec::new()))),
        ("tools", request.tools.as_ref().is_some_and(|tools| !tools.is_empty())),
        ("response_format", request.response_format.as_ref().is_some_and(|format| format.r#type != "text")),
        ("logprobs", request.logprobs == Some(true)),
    ];
    match wishes.into_iter().find(|(_, wished)| *wished) {
        Some((name, _)) => Err(Refusal::bad(name, format!("this server does not do `{name}`; leave it out"))),
        None => Ok(()),
    }
}

/// The frames in time, and everything else that is said.
fn contents(messages: Vec<Message>) -> Result<(Vec<FrameIn>, String), Refusal> {
    let mut frames = BTreeMap::new();
    let mut said = Vec::new();
    for message in messages {
        if !matches!(message.role.as_str(), "user" | "system" | "developer") {
            let message = format!(
                "a message of the role `{}` cannot be read: every question is answered by itself, send it without earlier turns",
                message.role
            );
            return Err(Refusal::bad("messages", message));
        }
        let parts = match message.content {
            Content::Text(text) => vec![Part::Text { text }],
            Content::Parts(parts) => parts,
        };
        let mut awaited = None;
        for part in parts {
            match (awaited.take(), part) {
                (None, Part::Text { text }) => match moment(&text) {
                    Some(at) => awaited = Some(at),
                    None => said.push(text.trim().to_owned()),
                },
                (Some(at), Part::ImageUrl { image_url }) => add(&mut frames, at, picture(&image_url.url)?),
                (None, Part::ImageUrl { .. }) => {
                    let message = "before every picture there has to be a text part that says when it is, such as `<12.5 seconds>`";
                    return Err(Refusal::bad("messages", message));
                }
                (Some(_), Part::Text { .. }) => return Err(no_picture()),
            }
        }
        if awaited.is_some() {
            return Err(no_picture());
        }
    }
    said.retain(|text| !text.is_empty());
    let frames = frames.into_iter().map(|(pts, bytes)| FrameIn { pts, bytes }).collect();
    Ok((frames, said.join("\n\n")))
}

fn no_picture() -> Refusal {
    Refusal::bad("messages", "behind every `<t seconds>` there has to be an image part")
}

/// Keeps a frame. Stamps of one decimal can coincide; such frames keep their order, a microsecond apart.
fn add(frames: &mut BTreeMap<Timestamp, Vec<u8>>, at: Timestamp, bytes: Vec<u8>) {
    let mut at = at;
    while frames.contains_key(&at) {
        at = at + Timestamp::from_micros(1);
    }
    frames.insert(at, bytes);
}

/// The moment of a text that is a stamp and nothing else.
fn moment(text: &str) -> Option<Timestamp> {
    read_stamp(text.trim().strip_prefix('<')?.strip_suffix(" seconds>")?)
}

/// The bytes in a data URL (RFC 2397). Whether they are a picture is seen when they are decoded.
fn picture(url: &str) -> Result<Vec<u8>, Refusal> {
    let refuse = |message: &str| Refusal::bad("messages", message);
    let Some(data) = url.strip_prefix("data:") else {
        return Err(refuse("a picture has to be a data URL; this server fetches nothing from elsewhere"));
    };
    let Some((kind, base64)) = data.split_once(";base64,") else {
        return Err(refuse("a data URL has to hold base64, as in `data:image/jpeg;base64,…`"));
    };
    if !kind.starts_with("image/") {
        return Err(refuse("a data URL has to hold an image: JPEG, PNG or WebP"));
    }
    STANDARD.decode(base64).map_err(|e| refuse(&format!("a data URL holds no valid base64: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(mut request: Value, content: Value) -> Result<Asked, String> {
        if request.get("messages").is_none() {
            request["messages"] = json!([{ "role": "user", "content": content }]);
        }
        Asked::read(request.to_string().as_bytes()).map_err(|refusal| refusal.body()["error"]["message"].to_string())
    }

    fn text(text: &str) -> Value {
        json!({ "type": "text", "text": text })
    }

    fn image(bytes: &[u8]) -> Value {
        json!({ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{}", STANDARD.encode(bytes)) } })
    }

    #[test]
    fn frames_are_taken_at_exactly_their_moments_whatever_their_order() {
        let content = json!([
            text("<12.5 seconds>"),
            image(b"b"),
            text(" <0.1 seconds>\n"),
            image(b"a"),
            text("When?"),
            text("<12.5 seconds>"),
            image(b"c"),
            text("<13.000001 seconds>"),
            image(b"d"),
        ]);
        let asked = read(json!({}), content).unwrap();
        let About::Frames(frames) = asked.about else { panic!() };
        let seen: Vec<_> = frames.iter().map(|frame| (frame.pts.micros(), frame.bytes.as_slice())).collect();
        assert_eq!(seen, [(100_000, &b"a"[..]), (12_500_000, b"b"), (12_500_001, b"c"), (13_000_001, b"d")]);
        assert_eq!((asked.question.as_str(), asked.stream, asked.most), ("When?", false, None));
    }

    #[test]
    fn a_video_of_the_library_is_named_and_system_words_stand_before_the_question() {
        let messages =
            json!([{ "role": "system", "content": "Be brief." }, { "role": "user", "content": [text("When?")] }]);
        let request = json!({ "video": "v", "messages": messages, "stream": true, "max_tokens": 9, "temperature": 0.7,
                              "stream_options": { "include_usage": true }, "stop": null, "tools": [] });
        let asked = read(request, Value::Null).unwrap();
        assert!(matches!(asked.about, About::Video(VideoId(name)) if name == "v"));
        assert_eq!(asked.question, "Be brief.\n\nWhen?");
        assert_eq!((asked.stream, asked.include_usage, asked.most), (true, true, Some(9)));
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_remedy() {
        let frame = [text("<1.0 seconds>"), image(b"a")];
        let with = |more: Value| json!([frame[0], frame[1], more]);
        let plain = json!("When?");
        for (request, content, expected) in [
            (json!({}), plain.clone(), "nothing to look at"),
            (json!({}), json!(frame), "no question"),
            (json!({}), json!([image(b"a"), text("When?")]), "says when it is"),
            (json!({}), json!([frame[0], text("When?")]), "has to be an image part"),
            (json!({}), json!([text("When?"), frame[0]]), "has to be an image part"),
            (json!({}), with(json!({ "type": "input_audio" })), "text and image_url"),
            (
                json!({}),
                json!([frame[0], json!({ "type": "image_url", "image_url": { "url": "http://x/a.png" } })]),
                "fetches nothing",
            ),
            (
                json!({}),
                json!([
                    frame[0],
                    json!({ "type": "image_url", "image_url": { "url": "data:text/plain;base64,AA==" } })
                ]),
                "has to hold an image",
            ),
            (
                json!({}),
                json!([frame[0], json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,?" } })]),
                "no valid base64",
            ),
            (json!({ "video": "v" }), with(text("When?")), "not about both"),
            (json!({ "video": "v", "n": 2 }), plain.clone(), "does not do `n`"),
            (json!({ "video": "v", "stop": ["."] }), plain.clone(), "does not do `stop`"),
            (json!({ "video": "v", "response_format": { "type": "json_object" } }), plain.clone(), "`response_format`"),
            (json!({ "video": "v", "max_tokens": 0 }), plain.clone(), "at least one token"),
            (
                json!({ "video": "v", "messages": [{ "role": "assistant", "content": "At 3 s." }] }),
                plain.clone(),
                "without earlier turns",
            ),
            (json!({ "video": "v", "messages": "When?" }), plain, "expected a sequence"),
        ] {
            let refused = read(request, content).unwrap_err();
            assert!(refused.contains(expected), "{refused}");
        }
    }
}
