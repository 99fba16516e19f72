//! One profile out of KooCLI's configuration file, whose text the caller has read.
//!
//! Vendor's page: KooCLI, "Managing Configuration Items". The file is JSON: `current` and `profiles[]`. How the file keeps the
//! keys of a single sign-on is not documented; `ssoAuth.stsToken` with the names of the other keys is what was seen.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::AssumeRole;
use crate::huaweicloud::credential::{AccessKey, Source};

/// What a profile says.
#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) source: Option<Source>,
    pub(super) region: Option<String>,
    pub(super) project_id: Option<String>,
    pub(super) roles: Vec<AssumeRole>,
}

#[derive(Deserialize)]
struct File {
    current: Option<String>,
    #[serde(default)]
    profiles: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: Option<String>,
    #[serde(flatten)]
    keys: Keys,
    region: Option<String>,
    project_id: Option<String>,
    agency_name: Option<String>,
    agency_domain_name: Option<String>,
    agency_domain_id: Option<String>,
    sso_auth: Option<SsoAuth>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SsoAuth {
    sts_token: Option<Keys>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    access_key_id: Option<String>,
    secret_access_key: Option<SecretString>,
    security_token: Option<SecretString>,
}

/// Reads the profile called `name`, or else the file's `current`.
///
/// # Errors
/// What is wrong with the file, to be read after the field's name; never any of its text.
pub(super) fn parse(text: &str, name: Option<&str>) -> Result<Profile, String> {
    // The parser's own message may quote the file.
    let at =
        |error: serde_json::Error| format!("is not KooCLI's JSON (line {}, column {})", error.line(), error.column());
    let file: File = serde_json::from_str(text).map_err(at)?;
    let name = name.map(str::to_owned).or(file.current).unwrap_or_else(|| "default".to_owned());
    let found = file.profiles.into_iter().find(|entry| entry.name.as_deref() == Some(&name));
    let entry = found.ok_or_else(|| format!("has no profile {name:?}"))?;
    let keys = match entry.sso_auth.and_then(|sso| sso.sts_token) {
        Some(sso) if text_of(entry.keys.access_key_id.clone()).is_none() => sso,
        Some(_) | None => entry.keys,
    };
    Ok(Profile {
        source: Some(Source::AccessKey(keys.into_access_key(&name)?)),
        region: text_of(entry.region),
        project_id: text_of(entry.project_id),
        roles: text_of(entry.agency_name).map_or_else(Vec::new, |agency_name| {
            let (domain_name, domain_id) = (text_of(entry.agency_domain_name), text_of(entry.agency_domain_id));
            vec![AssumeRole { agency_name, domain_name, domain_id, duration: None }]
        }),
    })
}

impl Keys {
    fn into_access_key(self, name: &str) -> Result<AccessKey, String> {
        let access_key =
            text_of(self.access_key_id).ok_or_else(|| format!("has no accessKeyId in profile {name:?}"))?;
        let secret_key = secret_of(self.secret_access_key);
        let secret_key = secret_key.ok_or_else(|| format!("has no secretAccessKey in profile {name:?}"))?;
        Ok(AccessKey { access_key, secret_key, security_token: secret_of(self.security_token) })
    }
}

fn text_of(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn secret_of(secret: Option<SecretString>) -> Option<SecretString> {
    secret.filter(|secret| !secret.expose_secret().trim().is_empty())
}
