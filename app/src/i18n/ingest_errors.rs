//! Why a file does not become a video on the server, and what to do, in the reader's language.

use timeline::IngestCause;
use timeline::models::show_bytes;

use super::{Messages, fill};

/// A sentence for a file that is refused, or an ingest that ended.
pub(super) fn sentence(m: &Messages, cause: &IngestCause) -> String {
    match cause {
        IngestCause::Unknown => m.ingest_unknown.to_owned(),
        IngestCause::BadUpload { reason } => fill(m.ingest_bad_upload, &[reason]),
        IngestCause::TooLarge { bytes, limit } => fill(m.ingest_too_large, &[&show_bytes(*bytes), &show_bytes(*limit)]),
        IngestCause::TooMany { limit } => fill(m.ingest_too_many, &[&limit.to_string()]),
        // The library's disk says that it is full, and no numbers.
        IngestCause::DiskFull { needed: 0, .. } => m.storage_full.to_owned(),
        IngestCause::DiskFull { needed, free } => fill(m.ingest_disk_full, &[&show_bytes(*needed), &show_bytes(*free)]),
        IngestCause::DiskFailed { reason } => fill(m.ingest_disk_failed, &[reason]),
        IngestCause::NoFfmpeg => m.ingest_no_ffmpeg.to_owned(),
        IngestCause::NotAVideo { reason } => fill(m.ingest_not_a_video, &[reason]),
        IngestCause::NoPictures => m.no_video_track.to_owned(),
        IngestCause::Undecodable { reason } => fill(m.ingest_undecodable, &[reason]),
        IngestCause::Refused { reason } => fill(m.ingest_refused, &[reason]),
        IngestCause::NoFolders => m.ingest_no_folders.to_owned(),
        IngestCause::NoSuchFile { path } => fill(m.ingest_no_such_file, &[path]),
        IngestCause::BadUrl { url } => fill(m.ingest_bad_url, &[url]),
        IngestCause::PrivateAddress { host } => fill(m.ingest_private, &[host]),
        IngestCause::Unreachable { host } => fill(m.ingest_unreachable, &[host]),
        IngestCause::WebPage { host } => fill(m.ingest_web_page, &[host]),
        IngestCause::HttpStatus { host, status } => fill(m.ingest_http_status, &[host, &status.to_string()]),
        IngestCause::Cut { host } => fill(m.ingest_cut, &[host]),
        IngestCause::TimedOut { minutes } => fill(m.ingest_timed_out, &[&minutes.to_string()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn sizes_and_addresses_stand_in_both_languages() {
        let large = IngestCause::TooLarge { bytes: 20_000_000_000, limit: 16 << 30 };
        let private = IngestCause::PrivateAddress { host: "10.0.0.8".into() };
        for lang in [Lang::En, Lang::Zh] {
            let told = sentence(lang.messages(), &large);
            assert!(told.contains("20.0 GB") && told.contains("17.2 GB"), "{told}");
            let told = sentence(lang.messages(), &private);
            assert!(told.contains("10.0.0.8") && told.contains("ingest_allow_private"), "{told}");
        }
    }
}
