//! What a practitioner may set for Samsung Cloud Platform: plain data, and the vendor's two JSON files as text.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

/// Settings of one account, as plain data; [`Client::new`](super::Client::new) judges them.
///
/// Names, defaults and meanings are those of the vendor's own Terraform provider. Where a value comes from (block,
/// environment, file) is the caller's business: nothing here reads either.
#[derive(Clone, Debug)]
pub struct Config {
    /// Base URL of the identity service, `/v1` included: the catalog is at `{auth_url}/endpoints`. Needed unless the
    /// endpoint of `virtualserver` is given.
    pub auth_url: Option<String>,
    /// The vendor's one override for all services: a base URL without `/v1`. The catalog is then not asked.
    pub endpoint_override: Option<String>,
    /// Overrides of single services; each outranks `endpoint_override`.
    pub endpoints: EndpointConfig,
    /// Region of whatever names none.
    pub default_region: Option<String>,
    /// Account id, sent with the catalog call only, as the vendor's provider does. Never needed.
    pub account_id: Option<String>,
    /// Access key.
    pub access_key: Option<SecretString>,
    /// Secret key.
    pub secret_key: Option<SecretString>,
    /// Token sent as `X-Auth-Token` beside the signature, never instead of it.
    pub auth_token: Option<SecretString>,
    /// API version of the Virtual Server service, `major.minor`.
    pub api_version: String,
    /// A version whose support ends within so many days is worth a notice.
    pub max_remain_days: u32,
    /// Time the version check may take.
    pub microversion_check_timeout: Duration,
    /// Whether [`Client::version_notice`](super::Client::version_notice) asks nothing and says nothing.
    pub skip_version_check: bool,
    /// Whether plain `http://` is allowed to other machines. To the loopback it always is.
    pub insecure: bool,
}

/// Base URLs of single services, without `/v1`.
#[derive(Clone, Debug, Default)]
pub struct EndpointConfig {
    /// The identity service, which has the catalog; stands in for `auth_url`. A `/v1` at its end may stay.
    pub iam: Option<String>,
    /// The Virtual Server service.
    pub virtualserver: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            auth_url: None,
            endpoint_override: None,
            endpoints: EndpointConfig::default(),
            default_region: None,
            account_id: None,
            access_key: None,
            secret_key: None,
            auth_token: None,
            api_version: "1.3".to_owned(),
            max_remain_days: 90,
            microversion_check_timeout: Duration::from_secs(15),
            skip_version_check: true,
            insecure: false,
        }
    }
}

/// A value that was given: empty text counts as nothing, as in the vendor's provider.
pub(super) fn given(value: Option<&String>) -> Option<&str> {
    value.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// What `~/.scpconf/config.json` may hold; keys it does not have are `None`.
#[derive(Clone, Debug, Default)]
pub struct ConfigFile {
    /// `auth-url`
    pub auth_url: Option<String>,
    /// `endpoint-override`
    pub endpoint_override: Option<String>,
    /// `account-id`
    pub account_id: Option<String>,
    /// `default-region`
    pub default_region: Option<String>,
    /// `max-remain-days`; 0 means unset.
    pub max_remain_days: Option<u32>,
    /// `microversion-check-timeout`, seconds in the file; 0 means unset.
    pub microversion_check_timeout: Option<Duration>,
}

/// What `~/.scpconf/credentials.json` may hold; keys it does not have are `None`.
#[derive(Clone, Debug, Default)]
pub struct CredentialsFile {
    /// `access-key`
    pub access_key: Option<SecretString>,
    /// `secret-key`
    pub secret_key: Option<SecretString>,
    /// `auth-token`
    pub auth_token: Option<SecretString>,
}

/// A settings file that cannot be used. The text never holds a value from the file.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum FileError {
    /// Not JSON.
    #[error("{file}, line {line}, column {column}: {reason}")]
    Syntax {
        /// The file, as the caller calls it.
        file: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser wanted.
        reason: String,
    },
    /// JSON, and not what belongs there.
    #[error("{file}: {place} must be {expected}")]
    Type {
        /// The file, as the caller calls it.
        file: String,
        /// Which key, or the whole.
        place: String,
        /// What belongs there.
        expected: &'static str,
    },
}

impl ConfigFile {
    /// Reads the text of `file`, the name errors use. Unknown keys are ignored, empty text is an empty file.
    ///
    /// # Errors
    /// [`FileError`] with the position, or the key whose value has the wrong type. (The vendor's provider ignores a
    /// malformed file in silence, and its users look for the cause elsewhere.)
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        let file = JsonFile::parse(file, text)?;
        Ok(Self {
            auth_url: file.text("auth-url")?,
            endpoint_override: file.text("endpoint-override")?,
            account_id: file.text("account-id")?,
            default_region: file.text("default-region")?,
            max_remain_days: file.number("max-remain-days")?,
            microversion_check_timeout: file
                .number("microversion-check-timeout")?
                .map(|seconds| Duration::from_secs(seconds.into())),
        })
    }
}

impl CredentialsFile {
    /// Reads the text of `file`, the name errors use. Unknown keys are ignored, empty text is an empty file.
    ///
    /// # Errors
    /// [`FileError`] with the position, or the key whose value has the wrong type; never with a value.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        let file = JsonFile::parse(file, text)?;
        Ok(Self {
            access_key: file.text("access-key")?.map(SecretString::from),
            secret_key: file.text("secret-key")?.map(SecretString::from),
            auth_token: file.text("auth-token")?.map(SecretString::from),
        })
    }
}

/// A JSON object, read key by key: serde's own type errors quote the value, which may be a secret.
struct JsonFile<'a> {
    file: &'a str,
    keys: Map<String, Value>,
}

impl<'a> JsonFile<'a> {
    fn parse(file: &'a str, text: &str) -> Result<Self, FileError> {
        let text = text.trim_start_matches('\u{feff}');
        if text.trim().is_empty() {
            return Ok(Self { file, keys: Map::new() });
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(keys)) => Ok(Self { file, keys }),
            Ok(_) => {
                Err(FileError::Type { file: file.to_owned(), place: "the file".to_owned(), expected: "an object" })
            }
            Err(error) => Err(FileError::Syntax {
                file: file.to_owned(),
                line: error.line(),
                column: error.column(),
                reason: syntax(&error),
            }),
        }
    }

    fn text(&self, key: &str) -> Result<Option<String>, FileError> {
        match self.keys.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.wrong_type(key, "a string")),
        }
    }

    fn number(&self, key: &str) -> Result<Option<u32>, FileError> {
        match self.keys.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
                .map(|number| Some(number).filter(|number| *number != 0))
                .ok_or_else(|| self.wrong_type(key, "a whole number, zero or more")),
        }
    }

    fn wrong_type(&self, key: &str, expected: &'static str) -> FileError {
        FileError::Type { file: self.file.to_owned(), place: format!("\"{key}\""), expected }
    }
}

/// The parser's reason without the position, which is a field of its own.
fn syntax(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_vendors_defaults_are_ours() {
        let config = Config::default();
        assert_eq!(config.api_version, "1.3");
        assert_eq!(config.max_remain_days, 90);
        assert_eq!(config.microversion_check_timeout, Duration::from_secs(15));
        assert!(config.skip_version_check);
    }

    #[test]
    fn both_files_are_read_with_their_dashes_and_whatever_else_they_hold() {
        let config = ConfigFile::parse(
            "config.json",
            r#"{"auth-url":"https://iam.e.samsungsdscloud.com/v1","default-region":"kr-west1","account-id":"",
                "max-remain-days":30,"microversion-check-timeout":0,"something-new":[1]}"#,
        )
        .unwrap();
        assert_eq!(config.auth_url.as_deref(), Some("https://iam.e.samsungsdscloud.com/v1"));
        assert_eq!(config.default_region.as_deref(), Some("kr-west1"));
        assert_eq!(config.account_id, None);
        assert_eq!(config.max_remain_days, Some(30));
        assert_eq!(config.microversion_check_timeout, None);

        let credentials =
            CredentialsFile::parse("credentials.json", "\u{feff}{\"access-key\":\"AK\",\"secret-key\":\"SK\"}")
                .unwrap();
        assert_eq!(credentials.access_key.unwrap().expose_secret(), "AK");
        assert_eq!(credentials.secret_key.unwrap().expose_secret(), "SK");
        assert!(credentials.auth_token.is_none());
    }

    #[test]
    fn an_empty_file_sets_nothing() {
        assert!(ConfigFile::parse("config.json", " \n").unwrap().auth_url.is_none());
    }

    #[test]
    fn a_malformed_file_is_named_with_its_position() {
        let error = CredentialsFile::parse("credentials.json", "{\n  \"secret-key\": \"hush\"\n  oops").unwrap_err();
        assert_eq!(error.to_string(), "credentials.json, line 3, column 3: expected `,` or `}`");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named_by_its_key_and_never_quoted() {
        let error = CredentialsFile::parse("credentials.json", r#"{"secret-key": 42424242}"#).unwrap_err();
        assert_eq!(error.to_string(), "credentials.json: \"secret-key\" must be a string");
        let error = ConfigFile::parse("config.json", r#"{"max-remain-days": -1}"#).unwrap_err();
        assert_eq!(error.to_string(), "config.json: \"max-remain-days\" must be a whole number, zero or more");
        let error = ConfigFile::parse("config.json", "[]").unwrap_err();
        assert_eq!(error.to_string(), "config.json: the file must be an object");
    }
}
