//! Signing a request with an access key: `SDK-HMAC-SHA256`, as pure functions that are given everything, time included.
//!
//! Vendor's page: API Gateway, "AK/SK Signing and Authentication Process". There is no key derivation, no region and no
//! service in the signature; the canonical path ends with `/` although the path that is sent does not.

use std::{fmt::Write as _, time::SystemTime};

use hmac::{Hmac, Mac as _};
use http::{
    HeaderName, HeaderValue,
    header::{AUTHORIZATION, HOST},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use time::{OffsetDateTime, macros::format_description};
use url::Url;

use super::credential::AccessKey;
use crate::transport::Request;

/// The algorithm's name, first in the string to sign and in the `Authorization` header.
const ALGORITHM: &str = "SDK-HMAC-SHA256";
/// The header that carries the time of the signature.
pub(super) const X_SDK_DATE: HeaderName = HeaderName::from_static("x-sdk-date");
/// The header that carries the session token of a temporary access key.
pub(super) const X_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-security-token");
/// Everything but `A-Z a-z 0-9 - _ . ~` is escaped, in paths and in queries alike.
pub(super) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Why a request cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The URL has no host.
    #[error("the URL has no host to sign for")]
    Host,
    /// A header's value is not text.
    #[error("header {0} is not text and cannot be signed")]
    Header(HeaderName),
    /// The clock is outside the years that a timestamp can tell.
    #[error("the time of the clock cannot be written as a timestamp")]
    Time,
    /// The access key or its session token holds characters that a header cannot carry.
    #[error("the {0} holds characters that an HTTP header cannot carry")]
    Credential(&'static str),
}

/// Adds the time, the session token if there is one, and the signature over method, URL, body and every header there is by then.
///
/// # Errors
/// [`SignatureError`] when something in the request or the key cannot be written into a header; nothing secret is in its text.
pub fn sign(request: &mut Request, key: &AccessKey, now: SystemTime) -> Result<(), SignatureError> {
    let date = timestamp(now)?;
    request.headers.remove(AUTHORIZATION);
    request.headers.insert(X_SDK_DATE, HeaderValue::from_str(&date).map_err(|_| SignatureError::Time)?);
    if let Some(token) = &key.security_token {
        let mut value =
            HeaderValue::from_str(token.expose_secret()).map_err(|_| SignatureError::Credential("security token"))?;
        value.set_sensitive(true);
        request.headers.insert(X_SECURITY_TOKEN, value);
    }
    let headers = signed_headers(request)?;
    let canonical = canonical_request(request, &headers);
    let signature = signature(key.secret_key.expose_secret(), &string_to_sign(&date, &canonical));
    let mut value = HeaderValue::from_str(&authorization(&key.access_key, &headers, &signature))
        .map_err(|_| SignatureError::Credential("access key"))?;
    value.set_sensitive(true);
    request.headers.insert(AUTHORIZATION, value);
    Ok(())
}

/// The time as the `X-Sdk-Date` header has it: `20260102T030405Z`.
///
/// # Errors
/// [`SignatureError::Time`] for a year beyond 9999.
pub fn timestamp(now: SystemTime) -> Result<String, SignatureError> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    OffsetDateTime::from(now).format(format).map_err(|_| SignatureError::Time)
}

/// The headers that go into the signature, lower-case and sorted: those of the request, and `host` as HTTP will send it.
///
/// # Errors
/// [`SignatureError`] when the URL has no host or a header is not text.
pub fn signed_headers(request: &Request) -> Result<Vec<(String, String)>, SignatureError> {
    let mut headers = vec![(HOST.as_str().to_owned(), host(&request.url).ok_or(SignatureError::Host)?)];
    for (name, value) in request.headers.iter().filter(|(name, _)| *name != HOST) {
        let value = value.to_str().map_err(|_| SignatureError::Header(name.clone()))?;
        headers.push((name.as_str().to_owned(), value.trim().to_owned()));
    }
    headers.sort();
    Ok(headers)
}

/// Method, path, query, headers, names of the headers, and hash of the body, a line each; the headers end with a blank line.
pub fn canonical_request(request: &Request, headers: &[(String, String)]) -> String {
    let lines: String = headers.iter().fold(String::new(), |mut lines, (name, value)| {
        let _ = writeln!(lines, "{name}:{value}");
        lines
    });
    [
        request.method.as_str(),
        &canonical_path(&request.url),
        &canonical_query(&request.url),
        &lines,
        &header_names(headers),
        &hex::encode(Sha256::digest(&request.body)),
    ]
    .join("\n")
}

/// Algorithm, time, and hash of the canonical request, a line each.
pub fn string_to_sign(date: &str, canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{date}\n{}", hex::encode(Sha256::digest(canonical_request)))
}

/// The signature: HMAC-SHA256 with the secret key's bytes as they are, in lower-case hex.
pub fn signature(secret_key: &str, string_to_sign: &str) -> String {
    // HMAC takes keys of every length, so that the error it is typed with never comes; an empty signature would be refused.
    Hmac::<Sha256>::new_from_slice(secret_key.as_bytes())
        .map(|mac| hex::encode(mac.chain_update(string_to_sign).finalize().into_bytes()))
        .unwrap_or_default()
}

/// The value of the `Authorization` header.
pub fn authorization(access_key: &str, headers: &[(String, String)], signature: &str) -> String {
    format!("{ALGORITHM} Access={access_key}, SignedHeaders={}, Signature={signature}", header_names(headers))
}

fn header_names(headers: &[(String, String)]) -> String {
    headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";")
}

/// Host and, where it is not the scheme's own, port: what hyper writes into `Host`.
fn host(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

fn canonical_path(url: &Url) -> String {
    let encoded = url.path().split('/').map(|segment| encode(&percent_decode_str(segment).collect::<Vec<u8>>()));
    let mut path = encoded.collect::<Vec<_>>().join("/");
    if !path.ends_with('/') {
        path.push('/');
    }
    path
}

/// Sorted by key and then by value, before they are escaped.
fn canonical_query(url: &Url) -> String {
    let mut pairs: Vec<_> = url.query_pairs().collect();
    pairs.sort();
    let encoded = pairs.iter().map(|(key, value)| format!("{}={}", encode(key.as_bytes()), encode(value.as_bytes())));
    encoded.collect::<Vec<_>>().join("&")
}

/// Percent-encodes everything but the unreserved characters.
pub(super) fn encode(bytes: &[u8]) -> String {
    percent_encode(bytes, RESERVED).to_string()
}
