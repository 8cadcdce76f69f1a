//! Which hub, and who asks: the variables and the token file that every Hugging Face tool reads.
//! Source: `huggingface_hub/constants.py` and `utils/_auth.py`.

use std::path::PathBuf;

use reqwest::Url;

use crate::error::{Error, Result};

/// The hub that is asked when `HF_ENDPOINT` names no other.
pub const PUBLIC_HUB: &str = "https://huggingface.co";

/// A hub's address and a token for it.
#[derive(Clone)]
pub struct Access {
    pub(crate) endpoint: Url,
    pub(crate) token: Option<String>,
}

/// The token stays out of logs.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("endpoint", &self.endpoint.as_str())
            .field("token", &self.token.is_some())
            .finish()
    }
}

impl Access {
    /// A hub at an address, asked with a token or without.
    ///
    /// # Errors
    /// When the address is not one of http or https.
    pub fn new(endpoint: &str, token: Option<String>) -> Result<Self> {
        let url = Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let endpoint = url.ok_or_else(|| Error::BadEndpoint { endpoint: endpoint.to_owned() })?;
        Ok(Self { endpoint, token })
    }

    /// `HF_ENDPOINT`; `HF_TOKEN`, or else the token file that `hf auth login` writes.
    ///
    /// # Errors
    /// When `HF_ENDPOINT` is no address.
    pub fn from_environment() -> Result<Self> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let set = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let kept = || {
            let cache =
                set("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache")));
            let home = set("HF_HOME").map(PathBuf::from).or_else(|| Some(cache?.join("huggingface")));
            let file = set("HF_TOKEN_PATH").map(PathBuf::from).or_else(|| Some(home?.join("token")))?;
            // Most people have none.
            let token = std::fs::read_to_string(file).ok()?.trim().to_owned();
            (!token.is_empty()).then_some(token)
        };
        Self::new(&set("HF_ENDPOINT").unwrap_or_else(|| PUBLIC_HUB.to_owned()), set("HF_TOKEN").or_else(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Access> {
        Access::from_variables(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn the_public_hub_is_asked_without_a_token_unless_told_otherwise() {
        let access = with(&[("HF_ENDPOINT", " "), ("HF_TOKEN", "")]).unwrap();
        assert_eq!((access.endpoint.as_str(), access.token), (format!("{PUBLIC_HUB}/").as_str(), None));
        let access = with(&[("HF_ENDPOINT", "http://127.0.0.1:9/hub/"), ("HF_TOKEN", "hf_secret\n")]).unwrap();
        assert_eq!(access.token.as_deref(), Some("hf_secret"));
        assert!(!format!("{access:?}").contains("secret"));
    }

    #[test]
    fn the_token_file_is_looked_for_where_the_hubs_own_tools_keep_it() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("huggingface");
        std::fs::create_dir(&home).unwrap();
        std::fs::write(home.join("token"), "from_file\n").unwrap();
        let (cache, home) = (folder.path().to_str().unwrap(), home.to_str().unwrap());
        let token = |variables: &[(&str, &str)]| with(variables).unwrap().token;
        assert_eq!(token(&[("XDG_CACHE_HOME", cache)]).as_deref(), Some("from_file"));
        assert_eq!(token(&[("HF_HOME", home)]).as_deref(), Some("from_file"));
        assert_eq!(token(&[("HF_TOKEN_PATH", &format!("{home}/token"))]).as_deref(), Some("from_file"));
        assert_eq!(token(&[("HF_HOME", home), ("HF_TOKEN", "first")]).as_deref(), Some("first"));
        assert_eq!(token(&[("HOME", cache)]), None);
    }

    #[test]
    fn an_endpoint_that_is_no_address_is_told() {
        for endpoint in ["hub", "ftp://hub", "file:///etc", "http://"] {
            let error = with(&[("HF_ENDPOINT", endpoint)]).unwrap_err();
            assert!(error.to_string().contains(endpoint), "{error}");
        }
    }
}
