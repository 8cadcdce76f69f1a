//! Everything that can go wrong as the user sees it: one type, one sentence each.

use crate::api::ApiError;
use crate::extraction::ExtractError;
use crate::i18n::{Lang, api_error, extract_error};

/// A problem to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The file.
    Extract(ExtractError),
    /// The server.
    Api(ApiError),
    /// A file the browser cannot read any more.
    Unreadable,
    /// A file that is not the one an upload was begun with.
    OtherFile,
    /// The bundled clip did not come.
    Sample,
}

impl Trouble {
    /// What went wrong and what to do.
    pub fn sentence(&self, lang: Lang) -> String {
        match self {
            Self::Extract(error) => extract_error(lang, error),
            Self::Api(error) => api_error(lang, error),
            Self::Unreadable => lang.messages().file_gone.to_owned(),
            Self::OtherFile => lang.messages().other_file.to_owned(),
            Self::Sample => lang.messages().sample_failed.to_owned(),
        }
    }
}

impl From<ExtractError> for Trouble {
    fn from(error: ExtractError) -> Self {
        Self::Extract(error)
    }
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}
