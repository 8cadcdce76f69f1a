//! A whole file, as it comes: samples in, phrases out.

use timeline::Timestamp;
use timeline::cues::Word;

use crate::align::align;
use crate::decode::{self, Decoded, decode};
use crate::error::Result;
use crate::mel::HOP;
use crate::model::{Listener, Whisper};
use crate::phrases::{Phrase, phrases};
use crate::vocabulary::is_unspaced;
use crate::windows::{Cutter, Window, moment};
use crate::words::words;

/// From which probability the language of the first window is taken for that of the file.
const SURE: f64 = 0.5;

/// How a file is to be transcribed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The language spoken, such as `en` or `zh`; none: what the first window sounds like.
    pub language: Option<String>,
    /// The number of the first sample: where a file goes on that was heard in part.
    pub from: u64,
}

/// Transcribes sound that comes in pieces. It holds one window and no more.
#[derive(Debug)]
pub struct Transcriber<'m> {
    model: &'m Whisper,
    cutter: Cutter,
    language: Option<String>,
    heard: u64,
}

impl<'m> Transcriber<'m> {
    /// Begins a file.
    ///
    /// # Errors
    /// A language the model does not know.
    pub fn new(model: &'m Whisper, options: &Options) -> Result<Self> {
        model.prompt(options.language.as_deref())?;
        let only = model.vocabulary.languages.is_empty().then(|| "en".to_owned());
        Ok(Self {
            model,
            cutter: Cutter::new(model.config().window_samples(), options.from),
            language: options.language.clone().or(only),
            heard: options.from,
        })
    }

    /// Hears samples at 16 kHz, one channel, in -1 … 1. Returns the phrases of windows that are complete.
    ///
    /// # Errors
    /// When the computation fails.
    pub fn hear(&mut self, samples: &[f32]) -> Result<Vec<Phrase>> {
        self.heard += samples.len() as u64;
        let mut phrases = Vec::new();
        let mut rest = samples;
        while !rest.is_empty() {
            let (window, left) = self.cutter.push(rest);
            rest = left;
            if let Some(window) = window {
                phrases.extend(self.transcribe(&window)?);
            }
        }
        Ok(phrases)
    }

    /// The phrases of what is left. The file ends here.
    ///
    /// # Errors
    /// When the computation fails.
    pub fn finish(&mut self) -> Result<Vec<Phrase>> {
        self.cutter.finish().map_or_else(|| Ok(Vec::new()), |window| self.transcribe(&window))
    }

    /// The language that is spoken, as far as it is known.
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// How far the file was heard.
    pub fn heard(&self) -> Timestamp {
        moment(self.heard)
    }

    /// Everything said before this moment is in a phrase that was given: here a file that is interrupted goes on.
    pub fn settled(&self) -> Timestamp {
        moment(self.cutter.from())
    }

    fn transcribe(&mut self, window: &Window) -> Result<Vec<Phrase>> {
        let mut listener = self.model.listen(&window.samples)?;
        let language = self.language_of(&mut listener)?;
        let prompt = self.model.prompt(language.as_deref())?;
        let decoded = decode(self.model, &mut listener, &prompt)?;
        if decoded.is_silence() {
            return Ok(Vec::new());
        }
        let tokens = self.complete(window, &decoded);
        let found = self.words(window, &mut listener, &prompt, &tokens, is_unspaced(language.as_deref()))?;
        Ok(phrases(found))
    }

    fn language_of(&mut self, listener: &mut Listener<'_>) -> Result<Option<String>> {
        if self.language.is_some() {
            return Ok(self.language.clone());
        }
        let Some((language, sure)) = decode::language(self.model, listener)? else { return Ok(None) };
        if sure >= SURE {
            self.language = Some(language.clone());
        }
        Ok(Some(language))
    }

    /// The text tokens of a window. One that ends in the middle of a phrase gives back that phrase's sound.
    fn complete(&mut self, window: &Window, decoded: &Decoded) -> Vec<u32> {
        let vocabulary = &self.model.vocabulary;
        let mut tokens = decoded.tokens.as_slice();
        if window.is_cut {
            let step = |token: &u32| vocabulary.timestamp(*token);
            // Two timestamps in a row: a phrase ended, another began. One at the very end: all are complete.
            let ends = tokens.last().and_then(step).is_some() && tokens.iter().rev().nth(1).and_then(step).is_none();
            let begun = tokens.windows(2).rposition(|pair| pair.iter().all(|token| step(token).is_some()));
            if let Some(at) = begun.filter(|_| !ends) {
                let from = tokens.get(at).and_then(step).unwrap_or_default() as usize * crate::activity::FRAME;
                // A timestamp near the beginning would be heard again and again.
                if from >= window.samples.len() / 2 {
                    self.cutter.put_back(window, from);
                    tokens = tokens.get(..at).unwrap_or(tokens);
                }
            }
        }
        tokens.iter().copied().filter(|token| *token < vocabulary.end).collect()
    }

    /// Has the text written once more, all at once and without timestamps, and watches where the decoder looks.
    fn words(
        &self,
        window: &Window,
        listener: &mut Listener<'_>,
        prompt: &[u32],
        tokens: &[u32],
        unspaced: bool,
    ) -> Result<Vec<Word>> {
        let vocabulary = &self.model.vocabulary;
        let frames = (window.samples.len() / HOP / 2).min(self.model.config().max_source_positions);
        if tokens.is_empty() || frames == 0 {
            return Ok(Vec::new());
        }
        listener.begin();
        listener.write(prompt)?;
        let written: Vec<u32> = std::iter::once(vocabulary.no_timestamps).chain(tokens.iter().copied()).collect();
        // A row looks for the token after it: the first for the first word, the last for the end.
        let scores = listener.watch(&written, self.model.alignment_heads())?;
        let starts: Vec<_> = align(&scores, frames)?.into_iter().map(|position| window.moment(position)).collect();
        let found = words(vocabulary, tokens, &starts, unspaced)?;
        Ok(found.into_iter().map(|word| Word { span: window.spoken(word.span), ..word }).collect())
    }
}
