//! Why what is said in a video is not heard, and what to do, in the reader's language.

use timeline::HearingCause;
use timeline::hearing::MOST_WAITING;

use super::{Messages, fill};

/// A sentence for a video that cannot be heard, or no further; `message` says more where the cause does not say all.
pub(super) fn sentence(m: &Messages, cause: HearingCause, message: &str) -> String {
    match cause {
        HearingCause::NoModel => m.hearing_no_model.to_owned(),
        HearingCause::Model => fill(m.hearing_model, &[message]),
        HearingCause::NoSound => fill(m.hearing_no_sound, &[message]),
        HearingCause::TooMany => fill(m.hearing_too_many, &[&MOST_WAITING.to_string()]),
        HearingCause::BadPiece => fill(m.internal, &["BadPiece"]),
        HearingCause::Left => m.hearing_left.to_owned(),
        HearingCause::Unknown => m.hearing_unknown.to_owned(),
        HearingCause::Refused => fill(m.library_failed, &[message]),
    }
}
