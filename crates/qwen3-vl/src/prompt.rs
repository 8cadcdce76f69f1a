//! From a conversation to tokens and segments, exactly as the Qwen3-VL processor of transformers lays them out.
//!
//! The template renders `<|vision_start|><|video_pad|><|vision_end|>` for a video. Each segment then reads
//! `<{stamp} seconds><|vision_start|>` + its tokens + `<|vision_end|>`; [`Wrapper`] says what becomes of the template's
//! own delimiters. The whole text is tokenised in one piece with a single pad per segment, so token boundaries are the
//! reference's; the pads then become segments.

use std::sync::Arc;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::features::SegmentFeatures;
use crate::template::{ChatTemplate, TemplateMessage, TemplatePart};
use crate::tokenizer::Tokenizer;

const START: &str = "<|vision_start|>";
const END: &str = "<|vision_end|>";
const VIDEO: &str = "<|video_pad|>";
const IMAGE: &str = "<|image_pad|>";

/// One turn.
#[derive(Debug, Clone)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What it says and shows, in order.
    pub content: Vec<Content>,
}

impl Message {
    /// A user's turn.
    pub fn user(content: Vec<Content>) -> Self {
        Self { role: "user".into(), content }
    }

    /// A turn of text only.
    pub fn text(role: &str, text: &str) -> Self {
        Self { role: role.into(), content: vec![Content::Text(text.into())] }
    }
}

/// A part of a turn.
#[derive(Debug, Clone)]
pub enum Content {
    /// Plain text; special tokens written in it stay text.
    Text(String),
    /// A picture.
    Image(Arc<SegmentFeatures>),
    /// A video.
    Video(Vec<VideoItem>),
}

/// A part of a video in its order.
#[derive(Debug, Clone)]
pub enum VideoItem {
    /// Two frames and when they are.
    Segment {
        /// Seconds with one decimal, as [`timeline::time::stamp`] prints them.
        stamp: String,
        /// What the vision tower saw.
        features: Arc<SegmentFeatures>,
    },
    /// Text between segments, such as a transcript cue.
    Text(String),
}

/// What becomes of the delimiters that the template puts around a video.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wrapper {
    /// They are replaced together with the placeholder: transformers 4.57 and vLLM.
    #[default]
    Replaced,
    /// They stay around all segments: transformers 5.12 and later.
    Kept,
}

/// A piece of a prompt.
#[derive(Debug, Clone)]
pub enum PromptPart {
    /// Token ids.
    Tokens(Vec<u32>),
    /// A segment or an image at its place between its delimiters.
    Segment(Arc<SegmentFeatures>),
}

impl PromptPart {
    /// Tokens the decoder reads.
    pub fn tokens(&self) -> usize {
        match self {
            Self::Tokens(ids) => ids.len(),
            Self::Segment(features) => features.tokens(),
        }
    }
}

/// A prompt, and where its last video ends.
#[derive(Debug, Clone)]
pub struct Prompt {
    parts: Vec<PromptPart>,
    /// Indices of the parts that are images, ascending.
    images: Vec<usize>,
    video_end: usize,
    thinks: bool,
}

impl Prompt {
    /// Whether it ends with an opened `<think>`, as the templates of the Thinking models write it: the answer begins
    /// inside the thought.
    pub fn opens_thought(&self) -> bool {
        self.thinks
    }

    /// Everything, in order.
    pub fn parts(&self) -> &[PromptPart] {
        &self.parts
    }

    /// Tokens in all.
    pub fn tokens(&self) -> usize {
        self.parts.iter().map(PromptPart::tokens).sum()
    }

    /// Up to and including the last video's (or image's) closing delimiter, and the rest: the first half is the same for
    /// every question about the same videos, token by token.
    pub fn split_after_video(&self) -> (Vec<PromptPart>, Vec<PromptPart>) {
        self.split_at(self.video_end)
    }

    /// The first `tokens` tokens and the rest. A segment that would be cut goes to the rest whole.
    pub fn split_at(&self, tokens: usize) -> (Vec<PromptPart>, Vec<PromptPart>) {
        let (mut head, mut tail) = (Vec::new(), Vec::new());
        let mut room = tokens;
        for part in &self.parts {
            let length = part.tokens();
            if tail.is_empty() && length <= room {
                head.push(part.clone());
                room -= length;
                continue;
            }
            match part {
                PromptPart::Tokens(ids) if tail.is_empty() && room > 0 => {
                    let (before, after) = ids.split_at(room.min(ids.len()));
                    head.push(PromptPart::Tokens(before.to_vec()));
                    tail.push(PromptPart::Tokens(after.to_vec()));
                }
                _ => tail.push(part.clone()),
            }
            room = 0;
        }
        (head, tail)
    }

    /// Token ids as the reference's `input_ids`, pads repeated.
    pub fn input_ids(&self, config: &Config) -> Vec<u32> {
        let mut ids = Vec::with_capacity(self.tokens());
        for (i, part) in self.parts.iter().enumerate() {
            match part {
                PromptPart::Tokens(own) => ids.extend_from_slice(own),
                PromptPart::Segment(features) => {
                    let pad = if self.images.contains(&i) { config.image_token_id } else { config.video_token_id };
                    ids.extend(std::iter::repeat_n(pad, features.tokens()));
                }
            }
        }
        ids
    }
}

/// The text of one segment: stamp, delimiters and a single pad.
fn segment_text(stamp: &str) -> String {
    format!("<{stamp} seconds>{START}{VIDEO}{END}")
}

/// The parts of one segment after the first: the text before it (such as what is said meanwhile; mostly none), stamp,
/// opening delimiter, features, closing delimiter. Special tokens end a tokenizer's words, so this continues a prompt that
/// ends with a closing delimiter exactly.
///
/// # Errors
/// A tokenizer without the delimiters.
pub(crate) fn segment_parts(
    tokenizer: &Tokenizer,
    config: &Config,
    before: &str,
    stamp: &str,
    features: &Arc<SegmentFeatures>,
) -> Result<Vec<PromptPart>> {
    let ids = tokenizer.encode(&(tokenizer.plain(before) + &segment_text(stamp)))?;
    Ok(assemble(&ids, config, std::slice::from_ref(features), &[])?.parts)
}

/// Renders, expands and tokenises a conversation.
///
/// # Errors
/// A template that fails or shows other media than the conversation has.
pub(crate) fn build(
    tokenizer: &Tokenizer,
    template: &ChatTemplate,
    config: &Config,
    messages: &[Message],
    wrapper: Wrapper,
) -> Result<Prompt> {
    let mut expansions = Vec::new();
    let (mut videos, mut images) = (Vec::new(), Vec::new());
    for content in messages.iter().flat_map(|m| &m.content) {
        match content {
            Content::Text(_) => {}
            Content::Image(features) => images.push(Arc::clone(features)),
            Content::Video(items) => {
                let mut text = String::new();
                for item in items {
                    match item {
                        VideoItem::Segment { stamp, features } => {
                            text.push_str(&segment_text(stamp));
                            videos.push(Arc::clone(features));
                        }
                        VideoItem::Text(cue) => text.push_str(&tokenizer.plain(cue)),
                    }
                }
                expansions.push(text);
            }
        }
    }
    let turns: Vec<TemplateMessage> = messages
        .iter()
        .map(|m| TemplateMessage {
            role: m.role.clone(),
            content: m
                .content
                .iter()
                .map(|c| match c {
                    Content::Text(text) => TemplatePart::Text(tokenizer.plain(text)),
                    Content::Image(_) => TemplatePart::Image,
                    Content::Video(_) => TemplatePart::Video,
                })
                .collect(),
        })
        .collect();
    let rendered = template.render(&turns, true)?;
    let expanded = expand(&rendered, &expansions, wrapper)?;
    let prompt = assemble(&tokenizer.encode(&expanded)?, config, &videos, &images)?;
    Ok(Prompt { thinks: rendered.trim_end().ends_with("<think>"), ..prompt })
}

/// Puts the segments' text where the template put the videos.
fn expand(rendered: &str, videos: &[String], wrapper: Wrapper) -> Result<String> {
    let mut pieces = rendered.split(VIDEO);
    let mut text = pieces.next().unwrap_or_default().to_owned();
    let mut videos = videos.iter();
    for piece in pieces {
        let Some(video) = videos.next() else {
            return Err(Error::Template("it shows more videos than the conversation has".into()));
        };
        let replaced = wrapper == Wrapper::Replaced && text.ends_with(START) && piece.starts_with(END);
        if replaced {
            text.truncate(text.len() - START.len());
        }
        text.push_str(video);
        text.push_str(if replaced { piece.strip_prefix(END).unwrap_or(piece) } else { piece });
    }
    if videos.next().is_some() {
        return Err(Error::Template("it leaves out a video of the conversation".into()));
    }
    if text.is_empty() {
        return Err(Error::Template(format!("it renders nothing (expected {VIDEO} or {IMAGE} and the turns)")));
    }
    Ok(text)
}

/// Cuts token ids at their pads and puts the features there.
fn assemble(
    ids: &[u32],
    config: &Config,
    videos: &[Arc<SegmentFeatures>],
    images: &[Arc<SegmentFeatures>],
) -> Result<Prompt> {
    let (mut videos, mut images) = (videos.iter(), images.iter());
    let mut prompt = Prompt { parts: Vec::new(), images: Vec::new(), video_end: 0, thinks: false };
    let mut run = Vec::new();
    let mut count = 0;
    for &id in ids {
        let next = if id == config.video_token_id {
            videos.next()
        } else if id == config.image_token_id {
            prompt.images.push(prompt.parts.len() + usize::from(!run.is_empty()));
            images.next()
        } else {
            run.push(id);
            count += 1;
            // The delimiter directly after a segment belongs to it.
            if id == config.vision_end_token_id {
                prompt.video_end = count;
            }
            continue;
        };
        let features = next.ok_or_else(|| Error::Template("it shows more media than the conversation has".into()))?;
        if !run.is_empty() {
            prompt.parts.push(PromptPart::Tokens(std::mem::take(&mut run)));
        }
        count += features.tokens();
        prompt.parts.push(PromptPart::Segment(Arc::clone(features)));
    }
    if videos.next().is_some() || images.next().is_some() {
        return Err(Error::Template("it leaves out media of the conversation".into()));
    }
    if !run.is_empty() {
        prompt.parts.push(PromptPart::Tokens(run));
    }
    Ok(prompt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_wrapper_forms_expand_as_their_reference_does() -> Result<()> {
        let rendered = "user\n<|vision_start|><|video_pad|><|vision_end|>When?";
        let video = [segment_text("0.2"), segment_text("1.2")].concat();
        let segments = "<0.2 seconds><|vision_start|><|video_pad|><|vision_end|>\
                        <1.2 seconds><|vision_start|><|video_pad|><|vision_end|>";
        let replaced = expand(rendered, std::slice::from_ref(&video), Wrapper::Replaced)?;
        assert_eq!(replaced, format!("user\n{segments}When?"));
        let kept = expand(rendered, &[video], Wrapper::Kept)?;
        assert_eq!(kept, format!("user\n<|vision_start|>{segments}<|vision_end|>When?"));
        Ok(())
    }

    #[test]
    fn a_template_that_drops_or_invents_a_video_is_refused() {
        assert!(expand("no video", &[segment_text("0.2")], Wrapper::Replaced).is_err());
        assert!(expand(VIDEO, &[], Wrapper::Replaced).is_err());
    }
}
