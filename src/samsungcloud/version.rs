//! Which contract is spoken: the version every call names, and what the service says about its versions.
//!
//! One version has three spellings: `virtualserver 1.3` (header), `v1.3` (version list), `1.3` (setting). A call that
//! names none gets the newest, whose fields may differ, so every call names one.

use std::{fmt, str::FromStr};

use serde_json::Value;
use time::{Date, macros::format_description};

/// A version of the service's API, `major.minor`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

/// Text that is no version.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("must be two numbers with a dot between them, such as 1.3")]
pub struct ParseVersionError;

impl FromStr for ApiVersion {
    type Err = ParseVersionError;

    /// Takes `1.3`, and `v1.3` as the version list has it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| {
            text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit())).ok_or(ParseVersionError)
        };
        let (major, minor) = text.trim_start_matches(['v', 'V']).split_once('.').ok_or(ParseVersionError)?;
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl ApiVersion {
    /// The text of `Scp-Api-Version`.
    pub(super) fn header(self) -> String {
        format!("virtualserver {self}")
    }
}

/// Where a version is in its life.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum VersionStatus {
    /// Announced, not callable.
    Planned,
    /// The newest.
    Current,
    /// Still mended.
    Supported,
    /// Its support ends within 90 days or has ended; it may vanish.
    Deprecated,
    /// A word of the service's that is not known here.
    Other(String),
}

/// A version as the service lists it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OfferedVersion {
    /// Which.
    pub version: ApiVersion,
    /// Where it is in its life.
    pub status: VersionStatus,
    /// The day until which support is promised; `None` where no day is set.
    pub not_before: Option<Date>,
}

/// What a practitioner should know about the version they use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VersionNotice {
    /// The configured version.
    pub configured: ApiVersion,
    /// What the service says of it; `None` when it is not listed at all.
    pub listed: Option<OfferedVersion>,
    /// Days until its support ends, negative once it has; `None` where no day is set.
    pub remaining_days: Option<i64>,
    /// The whole list.
    pub offered: Vec<OfferedVersion>,
}

/// Reads the body of `GET /`: `{"versions":[{"id":"v1.3","not_before":"","status":"CURRENT"}]}`. Entries whose id is
/// no version are left out; `None` when it is no such list.
pub(super) fn parse_versions(body: &[u8]) -> Option<Vec<OfferedVersion>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let versions = body.get("versions")?.as_array()?.iter().filter_map(|entry| {
        Some(OfferedVersion {
            version: text(entry, "id").parse().ok()?,
            status: status(&text(entry, "status")),
            not_before: date(&text(entry, "not_before")),
        })
    });
    Some(versions.collect())
}

/// The notice for `configured`, if there is cause: it is deprecated, not listed, or its support ends within
/// `max_remain_days` of `today`.
pub(super) fn notice(
    configured: ApiVersion,
    offered: Vec<OfferedVersion>,
    today: Date,
    max_remain_days: u32,
) -> Option<VersionNotice> {
    let listed = offered.iter().find(|entry| entry.version == configured).cloned();
    let remaining_days =
        listed.as_ref().and_then(|entry| entry.not_before).map(|last_day| (last_day - today).whole_days());
    let cause = listed.as_ref().is_none_or(|entry| entry.status == VersionStatus::Deprecated)
        || remaining_days.is_some_and(|days| days <= i64::from(max_remain_days));
    cause.then_some(VersionNotice { configured, listed, remaining_days, offered })
}

fn status(word: &str) -> VersionStatus {
    match word.to_ascii_uppercase().as_str() {
        "PLANNED" => VersionStatus::Planned,
        "CURRENT" => VersionStatus::Current,
        "SUPPORTED" => VersionStatus::Supported,
        "DEPRECATED" => VersionStatus::Deprecated,
        _ => VersionStatus::Other(word.to_owned()),
    }
}

/// `2026-08-31` in the list, `20260831` in the documents.
fn date(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]"))
        .or_else(|_| Date::parse(text, format_description!("[year][month][day]")))
        .ok()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    const LIST: &[u8] = br#"{"versions":[
        {"id":"v1.3","links":[{"href":"http://virtualserver/v1","rel":"self"}],"not_before":"","status":"CURRENT"},
        {"id":"v1.2","links":[],"not_before":"2026-08-31","status":"SUPPORTED"},
        {"id":"v1.1","links":[],"not_before":"20260531","status":"DEPRECATED"},
        {"id":"next","links":[],"status":"PLANNED"}]}"#;

    fn version(text: &str) -> ApiVersion {
        text.parse().unwrap()
    }

    #[test]
    fn a_version_is_read_in_both_spellings_and_sent_in_the_third() {
        assert_eq!(version("v1.10"), version("1.10"));
        assert!(version("1.10") > version("1.9"));
        assert_eq!(version("1.0").header(), "virtualserver 1.0");
        for text in ["", "1", "1.", ".3", "1.3.1", "+1.3", "1.-3", "virtualserver 1.3", "1.3 "] {
            assert_eq!(text.parse::<ApiVersion>(), Err(ParseVersionError), "{text:?}");
        }
    }

    #[test]
    fn the_list_is_read_with_both_forms_of_a_date_and_without_what_is_no_version() {
        let offered = parse_versions(LIST).unwrap();
        let read = offered.iter().map(|entry| (entry.version.to_string(), entry.not_before)).collect::<Vec<_>>();
        assert_eq!(
            read,
            [
                ("1.3".to_owned(), None),
                ("1.2".to_owned(), Some(date!(2026 - 08 - 31))),
                ("1.1".to_owned(), Some(date!(2026 - 05 - 31)))
            ]
        );
        assert_eq!(parse_versions(b"<html>"), None);
        assert_eq!(parse_versions(b"{\"versions\":{}}"), None);
    }

    #[test]
    fn a_notice_is_given_for_a_version_that_is_ending_ended_or_not_there_and_for_no_other() {
        let offered = parse_versions(LIST).unwrap();
        let notice = |text: &str, today| notice(version(text), offered.clone(), today, 90);
        assert_eq!(notice("1.3", date!(2030 - 01 - 01)), None);
        assert_eq!(notice("1.2", date!(2026 - 06 - 01)), None);
        assert_eq!(notice("1.2", date!(2026 - 06 - 02)).unwrap().remaining_days, Some(90));
        let ended = notice("1.1", date!(2026 - 06 - 30)).unwrap();
        assert_eq!((ended.listed.unwrap().status, ended.remaining_days), (VersionStatus::Deprecated, Some(-30)));
        let absent = notice("1.0", date!(2026 - 06 - 30)).unwrap();
        assert_eq!((absent.listed, absent.offered.len()), (None, 3));
    }
}
