//! Videos, frames and questions as they travel between page and server. Wire types: fixed-width integers only.

use serde::{Deserialize, Serialize};

use crate::course::Course;
use crate::events::{Gaze, Pin};
use crate::overview::Coarse;
use crate::time::{Span, Timestamp};
use crate::transcripts::Evidence;

/// Names a video: a UUID in text form, made by the server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VideoId(pub String);

impl std::fmt::Display for VideoId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the page knows of a video before its frames arrive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewVideo {
    /// Shown in the library; the file's name at first.
    pub title: String,
    /// Size of the file in bytes, to recognise it when it is picked again.
    pub file_bytes: u64,
    /// Length of the presentation.
    pub duration: Timestamp,
    /// Shown width in pixels (rotation and pixel aspect applied).
    pub width: u32,
    /// Shown height in pixels.
    pub height: u32,
    /// Codec string as the container gives it.
    pub codec: String,
    /// Frames the plan will send.
    pub planned_frames: u32,
}

/// How far a video has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VideoState {
    /// Frames are still expected.
    Receiving,
    /// All frames are here; the last segments are being encoded.
    Indexing,
    /// Every segment is encoded.
    Ready,
}

/// One video of the library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoSummary {
    /// Its name on the server.
    pub id: VideoId,
    /// What was said when it was created, title changes applied.
    pub video: NewVideo,
    /// How far it has come.
    pub state: VideoState,
    /// Frames acknowledged so far.
    pub frames: u32,
    /// Segments encoded so far.
    pub segments: u32,
    /// Questions asked of it.
    pub questions: u32,
    /// When it was created: milliseconds since 1970.
    pub created_ms: i64,
}

/// A frame on its way to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameIn {
    /// Its presentation timestamp.
    pub pts: Timestamp,
    /// JPEG, WebP or PNG.
    #[serde(with = "bytes")]
    pub bytes: Vec<u8>,
}

/// What the server says when frames are on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendReceipt {
    /// Frames of this batch that were not there before.
    pub accepted: u32,
    /// Frames the video has now.
    pub total: u32,
}

/// A question and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuestionRecord {
    /// Ascending within a video.
    pub id: i64,
    /// As asked.
    pub question: String,
    /// The answer's text so far.
    pub answer: String,
    /// Where the answer's times stand in its text and what they mean.
    pub spans: Vec<SpanInText>,
    /// The answer's tokens with their moments.
    pub tokens: Vec<TokenRecord>,
    /// Cues in which the words asked for stand, the best first; only of questions about words.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// How coarsely the end of the video was seen, when not all frames were there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coarse: Option<Coarse>,
    /// What was done for it beside one reading of the video.
    #[serde(default, skip_serializing_if = "Course::is_plain")]
    pub course: Course,
    /// Whether the answer came to its end (not cancelled, not interrupted).
    pub complete: bool,
    /// When it was asked: milliseconds since 1970.
    pub asked_ms: i64,
}

/// A stretch of time written in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanInText {
    /// Byte offsets `[from, to)` into the answer.
    pub from: u32,
    /// See `from`.
    pub to: u32,
    /// What the words mean, inside the video.
    pub span: Span,
    /// Whether the model looked elsewhere while it wrote them: by more than a segment, and more than it was unsure of.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubtful: bool,
}

/// One piece of streamed text with the moment it describes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// The text.
    pub text: String,
    /// Its moment, when the model has a time pointer.
    pub pin: Option<Pin>,
    /// The segments it looked at most, the most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looked: Vec<Gaze>,
}

/// `Vec<u8>` as one byte string; serde's default would be a sequence of integers.
pub(crate) mod bytes {
    use serde::{Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(Bytes)
    }

    struct Bytes;

    impl<'de> de::Visitor<'de> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a byte string")
        }

        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
            let mut bytes = Vec::new();
            while let Some(byte) = seq.next_element()? {
                bytes.push(byte);
            }
            Ok(bytes)
        }
    }
}
