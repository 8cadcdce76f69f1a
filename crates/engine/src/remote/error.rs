//! What can go wrong with a server that answers, and what to do about it.

/// Why a server gave no answer, or only half of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// The address is none.
    #[error("`{url}` is no address of a server ({reason}); set backend_url to one such as http://127.0.0.1:8000/v1")]
    Address {
        /// As it was set.
        url: String,
        /// What about it.
        reason: String,
    },
    /// Nobody answers there.
    #[error("the model server at {url} cannot be reached ({reason}); start it, or correct backend_url")]
    Unreachable {
        /// The server.
        url: String,
        /// What the system said.
        reason: String,
    },
    /// It takes longer than anybody wants to wait.
    #[error(
        "the model server at {url} sent nothing for {seconds} s while {awaited} was awaited; ask again, or raise backend_timeout"
    )]
    Slow {
        /// The server.
        url: String,
        /// How long it was given.
        seconds: u64,
        /// What did not come.
        awaited: &'static str,
    },
    /// The answer has a beginning and no end.
    #[error(
        "the model server at {url} broke off in the middle of the answer ({reason}); what it wrote is kept, ask again for the rest"
    )]
    Cut {
        /// The server.
        url: String,
        /// How it ended.
        reason: String,
    },
    /// It has too much to do, and still had after several tries.
    #[error("the model server at {url} is busy or not ready ({said}); ask again in a while")]
    Busy {
        /// The server.
        url: String,
        /// What it said.
        said: String,
    },
    /// It wants another key.
    #[error("the model server at {url} refuses the key; set backend_key to one that it knows")]
    Key {
        /// The server.
        url: String,
    },
    /// It has no model of that name.
    #[error("the model server at {url} has no such model ({said}); set backend_model to one that it has")]
    UnknownModel {
        /// The server.
        url: String,
        /// What it said.
        said: String,
    },
    /// It has several models, or does not say which.
    #[error("set backend_model to the model that the server at {url} should answer with (it lists: {known})")]
    WhichModel {
        /// The server.
        url: String,
        /// Names, separated by commas.
        known: String,
    },
    /// The prompt is longer than its context.
    #[error("{}", too_long(*.needed, *.limit, .said))]
    TooLong {
        /// Tokens needed, if it said so.
        needed: Option<u32>,
        /// Tokens it holds, if it said so.
        limit: Option<u32>,
        /// What it said.
        said: String,
    },
    /// It refuses for another reason.
    #[error("the model server at {url} refused the request with status {status}: {said}")]
    Refused {
        /// The server.
        url: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// What it sends is no answer.
    #[error(
        "the model server at {url} does not answer as OpenAI's servers do ({reason}); check backend_url, which usually ends in /v1"
    )]
    Malformed {
        /// The server.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

fn too_long(needed: Option<u32>, limit: Option<u32>, said: &str) -> String {
    let advice = "lower max_context_length, so that fewer frames are sent";
    match (needed, limit) {
        (Some(needed), Some(limit)) => format!(
            "the prompt has {needed} tokens, {} more than the {limit} that the model server takes; {advice}",
            needed.saturating_sub(limit)
        ),
        (None, Some(limit)) => {
            format!("the prompt has more than the {limit} tokens that the model server takes; {advice}")
        }
        _ => format!("the prompt is too long for the model server ({said}); {advice}"),
    }
}

impl RemoteError {
    /// A code for programs; it stays the same when the message is reworded.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "backend_address",
            Self::Unreachable { .. } => "backend_unreachable",
            Self::Slow { .. } => "backend_slow",
            Self::Cut { .. } => "backend_cut",
            Self::Busy { .. } => "backend_busy",
            Self::Key { .. } => "backend_key",
            Self::UnknownModel { .. } | Self::WhichModel { .. } => "backend_model",
            Self::TooLong { .. } => "backend_context",
            Self::Refused { .. } => "backend_refused",
            Self::Malformed { .. } => "backend_malformed",
        }
    }

    /// The HTTP status it means to whoever asked here: that of a gateway.
    pub fn status(&self) -> u16 {
        match self {
            Self::TooLong { .. } => 422,
            Self::Address { .. } => 500,
            Self::Busy { .. } => 503,
            Self::Slow { .. } => 504,
            _ => 502,
        }
    }

    /// Whether the same request may succeed a moment later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Busy { .. })
    }
}
