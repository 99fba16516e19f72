//! Who signs: an access key with its secret, and perhaps a token beside them.

use std::fmt;

use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::config::Config;
use crate::config_error::Problem;

/// An access key and its secret key, issued for one user of one account; nothing of it can be printed.
#[derive(Clone)]
pub struct Credential {
    access_key: SecretString,
    secret_key: SecretString,
    auth_token: Option<SecretString>,
}

impl Credential {
    /// Takes the credential out of `config`.
    ///
    /// # Errors
    /// Each missing or unusable field, and never its value.
    pub(super) fn from_config(config: &Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let access_key = required("access_key", config.access_key.as_ref(), &mut problems);
        let secret_key = required("secret_key", config.secret_key.as_ref(), &mut problems);
        let auth_token = optional("auth_token", config.auth_token.as_ref(), &mut problems);
        match (access_key, secret_key) {
            (Some(access_key), Some(secret_key)) if problems.is_empty() => {
                Ok(Self { access_key, secret_key, auth_token })
            }
            _ => Err(problems),
        }
    }

    pub(super) fn access_key(&self) -> &str {
        self.access_key.expose_secret()
    }

    pub(super) fn secret_key(&self) -> &str {
        self.secret_key.expose_secret()
    }

    pub(super) fn auth_token(&self) -> Option<&str> {
        self.auth_token.as_ref().map(ExposeSecret::expose_secret)
    }

    /// `text` with whatever of this credential it repeats taken out: a cloud may quote what it was sent.
    pub(super) fn redact(&self, text: &str) -> String {
        [Some(self.access_key()), Some(self.secret_key()), self.auth_token()]
            .into_iter()
            .flatten()
            .fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(***)")
    }
}

fn required(field: &'static str, value: Option<&SecretString>, problems: &mut Vec<Problem>) -> Option<SecretString> {
    let found = optional(field, value, problems);
    if found.is_none() && !problems.iter().any(|problem| problem.field == field) {
        problems.push(Problem::new(field, "is missing"));
    }
    found
}

fn optional(field: &'static str, value: Option<&SecretString>, problems: &mut Vec<Problem>) -> Option<SecretString> {
    let value = value.filter(|value| !value.expose_secret().is_empty())?;
    let text = value.expose_secret();
    // A line break copied along with a key is the usual mistake; no header can carry it, and it spoils the signature.
    if text.chars().any(|char| char.is_whitespace() || char.is_control()) || HeaderValue::from_str(text).is_err() {
        problems.push(Problem::new(field, "holds a space, a line break or another character that no key has"));
        return None;
    }
    Some(value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config_error::ConfigError;

    fn config(access_key: Option<&str>, secret_key: Option<&str>, auth_token: Option<&str>) -> Config {
        Config {
            access_key: access_key.map(SecretString::from),
            secret_key: secret_key.map(SecretString::from),
            auth_token: auth_token.map(SecretString::from),
            ..Config::default()
        }
    }

    #[test]
    fn what_is_missing_or_unusable_is_named_without_its_value() {
        let problems = Credential::from_config(&config(Some("AKhush"), None, Some("token\nhush"))).unwrap_err();
        assert_eq!(
            ConfigError { problems }.to_string(),
            "secret_key is missing; auth_token holds a space, a line break or another character that no key has"
        );
        let problems = Credential::from_config(&config(Some(" "), Some(""), None)).unwrap_err();
        assert_eq!(
            problems.iter().map(|problem| problem.field.as_str()).collect::<Vec<_>>(),
            ["access_key", "secret_key"]
        );
    }

    #[test]
    fn a_credential_cannot_be_printed_and_is_taken_out_of_what_a_cloud_says() {
        let credential = Credential::from_config(&config(Some("AKhush"), Some("SKhush"), Some("THhush"))).unwrap();
        assert!(!format!("{credential:?}").contains("hush"));
        assert_eq!(credential.redact("key AKhush, not SKhush or THhush"), "key ***, not *** or ***");
    }
}
