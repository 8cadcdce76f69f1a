//! Why what is said in a video is not heard, and what to do, in the reader's language.

use timeline::HearingCause;

use super::{Messages, fill};

/// A sentence for a video that cannot be heard, or no further.
pub(super) fn sentence(m: &Messages, cause: &HearingCause) -> String {
    match cause {
        HearingCause::NoModel => m.hearing_no_model.to_owned(),
        HearingCause::Model { reason } => fill(m.hearing_model, &[reason]),
        HearingCause::NoFile => m.hearing_no_file.to_owned(),
        HearingCause::NoSound { reason } => fill(m.hearing_no_sound, &[reason]),
        HearingCause::TooMany { limit } => fill(m.hearing_too_many, &[&limit.to_string()]),
        HearingCause::BadPiece => fill(m.internal, &["BadPiece"]),
        HearingCause::Left => m.hearing_left.to_owned(),
        HearingCause::Unknown => m.hearing_unknown.to_owned(),
        HearingCause::Refused { reason } => fill(m.library_failed, &[reason]),
    }
}
