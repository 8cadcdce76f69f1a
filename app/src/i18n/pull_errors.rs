//! Why a model cannot be pulled, and what to do, in the reader's language.

use timeline::PullCause;
use timeline::models::show_bytes;

use super::{Messages, fill};

/// A sentence for a download that cannot begin, or ended.
pub(super) fn sentence(m: &Messages, cause: &PullCause) -> String {
    match cause {
        PullCause::BadName { name } => fill(m.pull_bad_name, &[name]),
        PullCause::BadEndpoint { endpoint } => fill(m.pull_bad_endpoint, &[endpoint]),
        PullCause::NoHub { url } => fill(m.pull_no_hub, &[url]),
        PullCause::NoTls => m.pull_no_tls.to_owned(),
        PullCause::Offline { endpoint } => fill(m.pull_offline, &[endpoint]),
        PullCause::UnknownModel { endpoint, model } => fill(m.pull_unknown, &[model, endpoint]),
        PullCause::UnknownRevision { model, revision } => fill(m.pull_revision, &[model, revision]),
        PullCause::Gated { model, terms } => fill(m.pull_gated, &[model, terms]),
        PullCause::TokenRefused { model, terms } => fill(m.pull_token, &[model, terms]),
        PullCause::NoWeights { model } => fill(m.pull_no_weights, &[model]),
        PullCause::ChooseFile { model, files } => fill(m.pull_choose, &[model, files]),
        PullCause::NoSuchFile { model, pattern, files } => fill(m.pull_no_file, &[pattern, model, files]),
        PullCause::BadPattern { pattern } => fill(m.pull_pattern, &[pattern]),
        PullCause::UnsafeFileName { name } => fill(m.pull_unsafe, &[name]),
        PullCause::DiskFull { folder, needed, free } => {
            fill(m.pull_disk_full, &[&show_bytes(*needed), &show_bytes(*free), folder])
        }
        PullCause::Checksum { file } => fill(m.pull_checksum, &[file]),
        PullCause::Cut { file } => fill(m.pull_cut, &[file]),
        PullCause::HubBusy { endpoint, status } => fill(m.pull_busy, &[endpoint, &status.to_string()]),
        PullCause::InUse { folder } => fill(m.pull_in_use, &[folder]),
        PullCause::ModelMissing { model } => fill(m.pull_missing, &[model]),
        PullCause::ModelPartial { model } => fill(m.pull_partial, &[model]),
        PullCause::BadManifest { path } => fill(m.pull_manifest, &[path]),
        PullCause::DiskFailed { path, reason } => fill(m.pull_disk_failed, &[path, reason]),
        PullCause::Cancelled => m.pull_cancelled.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn names_and_numbers_stand_in_both_languages_and_chinese_has_no_english_sentence() {
        let full = PullCause::DiskFull { folder: "/data".into(), needed: 9_000_000_000, free: 1_000_000 };
        let gated = PullCause::Gated { model: "a/b".into(), terms: "https://hub/a/b".into() };
        for lang in [Lang::En, Lang::Zh] {
            let told = sentence(lang.messages(), &full);
            assert!(["/data", "9.0 GB", "1.0 MB"].iter().all(|part| told.contains(part)), "{told}");
            let told = sentence(lang.messages(), &gated);
            assert!(["a/b", "https://hub/a/b", "HF_TOKEN"].iter().all(|part| told.contains(part)), "{told}");
        }
        let told = sentence(Lang::Zh.messages(), &full);
        assert!(!told.contains("space") && !told.contains("free"), "{told}");
    }
}
