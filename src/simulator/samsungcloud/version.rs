//! Versions of the virtualserver API: which there are, and which one a request gets.

use serde::{Deserialize, Serialize};

use super::error::Refusal;
use super::switches::MalformedVersion;
use crate::simulator::message::Request;

/// The token before the number in the version header.
const SERVICE: &str = "virtualserver";

/// One version, as `GET /` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiVersion {
    /// `major.minor`.
    pub version: Version,
    /// Where it is in its life.
    pub status: Lifecycle,
    /// The day until which it is supported at least, `YYYY-MM-DD`; empty for the newest.
    #[serde(default)]
    pub not_before: String,
}

impl ApiVersion {
    /// The four versions of the attach and detach pages, as those print them.
    pub fn known() -> Vec<Self> {
        let version = |minor, status, not_before: &str| Self {
            version: Version { major: 1, minor },
            status,
            not_before: not_before.to_owned(),
        };
        vec![
            version(3, Lifecycle::Current, ""),
            version(2, Lifecycle::Supported, "2026-08-31"),
            version(1, Lifecycle::Deprecated, "2026-05-31"),
            version(0, Lifecycle::Deprecated, "2025-12-31"),
        ]
    }
}

/// A version's place in its life. A version past its day may still be served; one that is not is not configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Lifecycle {
    /// Announced; cannot be called.
    Planned,
    /// The one that requests without a version get.
    Current,
    /// Gets repairs only.
    Supported,
    /// Near or past its day.
    Deprecated,
}

/// `major.minor`, in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Version {
    /// 1 so far.
    pub major: u32,
    /// Counts from 0.
    pub minor: u32,
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        format!("{}.{}", version.major, version.minor)
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = |digits: &str| digits.parse::<u32>().ok().filter(|number| number.to_string() == digits);
        let parsed = text.split_once('.').and_then(|(major, minor)| Some((number(major)?, number(minor)?)));
        let (major, minor) = parsed.ok_or_else(|| format!("{text:?} is not a version; write it like 1.3"))?;
        Ok(Self { major, minor })
    }
}

/// The version a request is answered in.
pub(crate) fn negotiate(
    request: &Request,
    versions: &[ApiVersion],
    malformed: MalformedVersion,
) -> Result<Version, Refusal> {
    let callable = || versions.iter().filter(|version| version.status != Lifecycle::Planned);
    let Some(header) = request.header("scp-api-version") else {
        let current = callable().find(|version| version.status == Lifecycle::Current);
        let newest = || callable().max_by_key(|version| version.version);
        return current.or_else(newest).map(|version| version.version).ok_or(Refusal::NoSuchVersion);
    };
    let wanted = header.split_once(' ').filter(|(service, _)| *service == SERVICE);
    match wanted.and_then(|(_, number)| Version::try_from(number.to_owned()).ok()) {
        Some(wanted) if callable().any(|version| version.version == wanted) => Ok(wanted),
        Some(_) => Err(Refusal::NoSuchVersion),
        None => match malformed {
            MalformedVersion::NotAcceptable => Err(Refusal::NoSuchVersion),
            MalformedVersion::BadRequest => Err(Refusal::invalid("Scp-Api-Version", "The value is not a version.")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn asked(header: Option<&str>, versions: &[ApiVersion]) -> Result<String, Refusal> {
        let request = Request {
            method: "GET".to_owned(),
            path: "/v1/volumes".to_owned(),
            query: String::new(),
            headers: header.iter().map(|value| ("scp-api-version".to_owned(), (*value).to_owned())).collect(),
            body: Bytes::new(),
        };
        negotiate(&request, versions, MalformedVersion::NotAcceptable).map(String::from)
    }

    #[test]
    fn the_version_asked_for_is_served_and_the_current_one_when_none_is() {
        let mut versions = ApiVersion::known();
        for version in ["1.0", "1.1", "1.2", "1.3"] {
            assert_eq!(asked(Some(&format!("virtualserver {version}")), &versions), Ok(version.to_owned()));
        }
        assert_eq!(asked(None, &versions), Ok("1.3".to_owned()));
        let planned = Version { major: 1, minor: 9 };
        versions.push(ApiVersion { version: planned, status: Lifecycle::Planned, not_before: String::new() });
        assert_eq!(asked(Some("virtualserver 1.9"), &versions), Err(Refusal::NoSuchVersion));
        versions.remove(0);
        assert_eq!(asked(Some("virtualserver 1.3"), &versions), Err(Refusal::NoSuchVersion), "expired");
        assert_eq!(asked(None, &versions), Ok("1.2".to_owned()), "the newest that is left");
    }

    #[test]
    fn other_spellings_of_a_version_are_no_version() {
        for header in
            ["1.3", "v1.3", "virtualserver v1.3", "scp-virtualserver 1.3", "virtualserver  1.3", "", "vpc 1.3"]
        {
            assert_eq!(asked(Some(header), &ApiVersion::known()), Err(Refusal::NoSuchVersion), "{header:?}");
        }
    }
}
