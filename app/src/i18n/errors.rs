//! What went wrong and what to do about it, in the reader's language.

use super::{Lang, fill};
use timeline::cues::Damage;

use crate::api::ApiError;
use crate::extraction::ExtractError;

/// A sentence for an error of the extraction.
pub fn extract_error(lang: Lang, error: &ExtractError) -> String {
    let m = lang.messages();
    match error {
        ExtractError::NotAVideo => m.not_a_video.to_owned(),
        ExtractError::Empty => m.empty_file.to_owned(),
        ExtractError::Truncated => m.truncated.to_owned(),
        ExtractError::NoVideoTrack => m.no_video_track.to_owned(),
        ExtractError::ZeroDuration => m.zero_duration.to_owned(),
        ExtractError::UnsupportedContainer { name } => fill(m.unsupported_container, &[name]),
        ExtractError::UnsupportedCodec { codec, container } => fill(m.unsupported_codec, &[codec, container]),
        ExtractError::NoSoundTrack => m.no_sound_track.to_owned(),
        ExtractError::UnsupportedSound { what } => fill(m.unsupported_sound, &[what]),
        ExtractError::BadShape { width, height } => fill(m.bad_shape, &[&format!("{width}×{height}")]),
        ExtractError::Damaged { message } => fill(m.damaged, &[message]),
        ExtractError::Decode { message } => fill(m.decode_failed, &[message]),
        ExtractError::Read { message } => fill(m.read_failed, &[message]),
        ExtractError::Cancelled => m.cancelled.to_owned(),
        ExtractError::NoWebCodecs => m.no_webcodecs.to_owned(),
        ExtractError::Worker { message } => fill(m.worker_failed, &[message]),
    }
}

/// A sentence for an error of the server.
pub fn api_error(lang: Lang, error: &ApiError) -> String {
    let m = lang.messages();
    match error {
        ApiError::UnknownVideo => m.unknown_video.to_owned(),
        ApiError::UnknownQuestion => m.unknown_question.to_owned(),
        ApiError::UnknownTranscript => m.unknown_transcript.to_owned(),
        ApiError::UnknownCue => m.unknown_cue.to_owned(),
        ApiError::Subtitles { message } => fill(m.subtitles_unreadable, &[message]),
        ApiError::Transcript { message } => fill(m.transcript_refused, &[message]),
        ApiError::BadVideo { message } => fill(m.bad_video, &[message]),
        ApiError::NotAnImage { .. } => m.not_an_image.to_owned(),
        ApiError::FrameTooLarge { .. } | ApiError::BodyTooLarge => m.body_too_large.to_owned(),
        ApiError::TooManyFrames { found, limit } => fill(m.too_many_frames, &[&found.to_string(), &limit.to_string()]),
        ApiError::EmptyQuestion => m.empty_question.to_owned(),
        ApiError::QuestionTooLong { bytes, limit } => {
            fill(m.question_too_long, &[&kilobytes(*bytes), &kilobytes(*limit)])
        }
        ApiError::NoFrames => m.no_frames.to_owned(),
        ApiError::NotReady => m.not_ready.to_owned(),
        ApiError::ContextExceeded { needed, limit } => {
            let over = needed.saturating_sub(*limit);
            fill(m.context_exceeded, &[needed, &over, limit].map(u32::to_string).each_ref().map(String::as_str))
        }
        ApiError::StorageFull => m.storage_full.to_owned(),
        ApiError::LibraryUnreadable { message } => fill(m.library_failed, &[message]),
        ApiError::ModelFailed { message } => fill(m.model_failed, &[message]),
        ApiError::BackendFailed { message } => fill(m.backend_failed, &[message]),
        ApiError::OutOfMemory => m.out_of_memory.to_owned(),
        ApiError::Hearing { cause, message } => super::hearing_errors::sentence(m, *cause, message),
        ApiError::Ingest { cause, .. } => super::ingest_errors::sentence(m, cause),
        ApiError::Pull { cause, .. } => super::pull_errors::sentence(m, cause),
        ApiError::Cancelled => m.stopped.to_owned(),
        ApiError::ShuttingDown => m.shutting_down.to_owned(),
        ApiError::BadRequest { message } => fill(m.bad_request, &[message]),
        ApiError::Network { .. } => m.unreachable.to_owned(),
        ApiError::Interrupted => m.interrupted.to_owned(),
        ApiError::Internal { message } => fill(m.internal, &[message]),
    }
}

/// What was wrong with a line of a subtitle file, and what became of it.
pub fn damage(lang: Lang, damage: Damage) -> &'static str {
    let m = lang.messages();
    match damage {
        Damage::Characters => m.damage_characters,
        Damage::Header => m.damage_header,
        Damage::Number => m.damage_number,
        Damage::Separator => m.damage_separator,
        Damage::EmptyLine => m.damage_empty_line,
        Damage::TimeForm => m.damage_time_form,
        Damage::Time => m.damage_time,
        Damage::EndBeforeStart => m.damage_end_before_start,
        Damage::Overlap => m.damage_overlap,
        Damage::Order => m.damage_order,
        Damage::Text => m.damage_text,
        Damage::Stray => m.damage_stray,
        Damage::Length => m.damage_length,
        Damage::Markup => m.damage_markup,
    }
}

fn kilobytes(bytes: u32) -> String {
    format!("{} kB", bytes.div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_that_is_not_decoded_is_named_with_its_container() {
        let codec = "HEVC (H.265) (hvc1.1.6.L93.B0)".to_owned();
        let error = ExtractError::UnsupportedCodec { codec, container: "MP4".to_owned() };
        for lang in [Lang::En, Lang::Zh] {
            let sentence = extract_error(lang, &error);
            assert!(sentence.contains("HEVC (H.265) (hvc1.1.6.L93.B0)") && sentence.contains("MP4"), "{sentence}");
        }
    }
}
