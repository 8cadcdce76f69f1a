//! Where a question leads when not everything fits: moments that look like what is asked for, and scenes that are called so. The
//! model reads densely there (see [`selection::keep`](crate::selection::keep)), and evenly everywhere else.

use timeline::{Cue, Span, VideoId, need};

use crate::error::Result;
use crate::find::named;
use crate::search::joined;
use crate::worker::Shared;

/// Scenes that a question is led to.
const SCENES: usize = 5;
/// Under this number directions of a video's scenes are kept beside those of its transcripts, which have positive ones.
const TITLES: i64 = -1;

impl Shared {
    /// Places a question about a video leads to, ascending; often none.
    pub(crate) fn leads(&self, video: &VideoId, text: &str) -> Result<Vec<Span>> {
        let wanted = need::looked_for(text);
        let mut leads: Vec<_> = self.alike(video, &wanted).into_iter().map(Span::at).collect();
        leads.extend(self.scenes_like(video, &wanted)?);
        Ok(joined(leads))
    }

    /// Scenes whose titles say what a text says: by meaning where a sentence encoder is at hand, else by words.
    fn scenes_like(&self, video: &VideoId, text: &str) -> Result<Vec<Span>> {
        let scenes = self.library.scenes(video)?;
        if scenes.is_empty() {
            return Ok(Vec::new());
        }
        let by_meaning = self.meaning.as_ref().and_then(|meaning| {
            let titles: Vec<_> =
                scenes.iter().map(|scene| Cue { span: scene.span, text: scene.title.clone() }).collect();
            let near = meaning.nearest(video, TITLES, &titles, text);
            near.inspect_err(|error| tracing::warn!(%error, "scenes could not be compared by meaning")).ok()
        });
        let places: Vec<usize> = match by_meaning {
            Some(near) => near.into_iter().map(|(place, _)| place).take(SCENES).collect(),
            None => {
                let titles = scenes.iter().map(|scene| scene.title.clone());
                named(text, titles).map(|(place, ..)| place).take(SCENES).collect()
            }
        };
        Ok(places.into_iter().filter_map(|place| scenes.get(place)).map(|scene| scene.span).collect())
    }
}
