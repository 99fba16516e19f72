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

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, str::FromStr as _};

    use bytes::Bytes;
    use http::{HeaderMap, Method};
    use time::PrimitiveDateTime;

    use super::*;

    /// A known answer: the request, the key it is signed with, and what each stage of signing makes of it.
    struct Vector {
        folder: PathBuf,
        request: Request,
        key: AccessKey,
        now: SystemTime,
    }

    impl Vector {
        fn text(&self, file: &str) -> String {
            std::fs::read_to_string(self.folder.join(file)).unwrap()
        }

        /// `request.txt` is the method and the URL, a line for each header, a blank line, and the body.
        fn read(folder: PathBuf) -> Self {
            let text = std::fs::read_to_string(folder.join("request.txt")).unwrap();
            let (head, body) = text.split_once("\n\n").unwrap();
            let mut lines = head.lines();
            let (method, url) = lines.next().unwrap().split_once(' ').unwrap();
            let headers = lines.map(|line| line.split_once(": ").unwrap());
            let headers = headers.map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
            let request = request(method, url, headers.collect(), body);
            let key = std::fs::read_to_string(folder.join("key.txt")).unwrap();
            let [access_key, secret_key, date] = key.lines().collect::<Vec<_>>().try_into().unwrap();
            let format = format_description!("[year][month][day]T[hour][minute][second]Z");
            Self {
                request,
                key: AccessKey {
                    access_key: access_key.to_owned(),
                    secret_key: secret_key.into(),
                    security_token: None,
                },
                now: PrimitiveDateTime::parse(date, format).unwrap().assume_utc().into(),
                folder,
            }
        }

        fn all() -> Vec<Self> {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/huaweicloud/signing");
            let mut vectors: Vec<_> =
                std::fs::read_dir(folder).unwrap().map(|entry| Self::read(entry.unwrap().path())).collect();
            vectors.sort_by(|a, b| a.folder.cmp(&b.folder));
            assert_eq!(vectors.len(), 5);
            vectors
        }
    }

    fn request(method: &str, url: &str, headers: HeaderMap, body: &str) -> Request {
        Request {
            operation: "Test",
            method: Method::from_str(method).unwrap(),
            url: Url::parse(url).unwrap(),
            headers,
            body: Bytes::from(body.to_owned()),
            idempotent: true,
        }
    }

    fn get(url: &str) -> Request {
        request("GET", url, HeaderMap::new(), "")
    }

    #[test]
    fn every_stage_of_every_vector_gives_the_known_answer() {
        for vector in Vector::all() {
            let mut request = vector.request.clone();
            let date = timestamp(vector.now).unwrap();
            request.headers.insert(X_SDK_DATE, date.parse().unwrap());
            let headers = signed_headers(&request).unwrap();
            let canonical = canonical_request(&request, &headers);
            assert_eq!(canonical, vector.text("canonical-request.txt"), "{}", vector.folder.display());
            let to_sign = string_to_sign(&date, &canonical);
            assert_eq!(to_sign, vector.text("string-to-sign.txt"), "{}", vector.folder.display());
            let signature = signature(vector.key.secret_key.expose_secret(), &to_sign);
            assert_eq!(signature, vector.text("signature.txt"), "{}", vector.folder.display());

            let mut request = vector.request.clone();
            sign(&mut request, &vector.key, vector.now).unwrap();
            assert_eq!(request.headers[AUTHORIZATION].to_str().unwrap(), vector.text("authorization.txt"));
            assert_eq!(request.headers[X_SDK_DATE].to_str().unwrap(), date);
        }
    }

    #[test]
    fn a_change_of_anything_that_is_signed_changes_the_signature() {
        let vectors = Vector::all();
        let vector = vectors.iter().find(|vector| vector.folder.ends_with("attach-with-body")).unwrap();
        type Change = dyn Fn(&mut Request, &mut AccessKey);
        let signed = |change: &Change| {
            let (mut request, mut key) = (vector.request.clone(), vector.key.clone());
            change(&mut request, &mut key);
            sign(&mut request, &key, vector.now).unwrap();
            let header = request.headers[AUTHORIZATION].to_str().unwrap().to_owned();
            header.rsplit_once("Signature=").unwrap().1.to_owned()
        };
        assert_eq!(signed(&|_, _| ()), vector.text("signature.txt"));
        let changes: [&Change; 7] = [
            &|request, _| request.method = Method::PUT,
            &|request, _| request.url.set_path("/v1/other"),
            &|request, _| request.url.set_query(Some("a=b")),
            &|request, _| request.url.set_host(Some("evs.cn-north-4.myhuaweicloud.com")).unwrap(),
            &|request, _| request.body = Bytes::from_static(b"{}"),
            &|request, _| drop(request.headers.insert("x-project-id", HeaderValue::from_static("p"))),
            &|_, key| key.secret_key = "another".into(),
        ];
        for (index, change) in changes.iter().enumerate() {
            assert_ne!(signed(change), vector.text("signature.txt"), "change {index}");
        }
    }

    #[test]
    fn a_query_is_sorted_by_key_and_then_by_value_and_escaped_strictly() {
        let url = get("https://h/?b=2&a=%7E%20+x&b=10&A=&c&ids=%5B%27a%27%2C%27b%27%5D");
        assert_eq!(canonical_query(&url.url), "A=&a=~%20%20x&b=10&b=2&c=&ids=%5B%27a%27%2C%27b%27%5D");
        assert_eq!(canonical_query(&get("https://h/").url), "");
    }

    #[test]
    fn a_path_is_escaped_once_and_ends_with_a_slash() {
        assert_eq!(canonical_path(&get("https://h").url), "/");
        assert_eq!(canonical_path(&get("https://h/a%20b/~c/d:e").url), "/a%20b/~c/d%3Ae/");
        assert_eq!(canonical_path(&get("https://h/a/").url), "/a/");
    }

    #[test]
    fn a_session_token_is_signed_and_neither_header_can_be_printed() {
        let mut request = get("https://ecs.example/");
        let key = AccessKey {
            access_key: "AK".to_owned(),
            secret_key: "SK".into(),
            security_token: Some("session-token".into()),
        };
        sign(&mut request, &key, SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(request.headers[X_SECURITY_TOKEN], "session-token");
        let authorization = request.headers[AUTHORIZATION].to_str().unwrap();
        assert!(authorization.contains("SignedHeaders=host;x-sdk-date;x-security-token,"), "{authorization}");
        assert!(!format!("{:?}", request.headers).contains("session-token"));
        assert!(!format!("{:?}", request.headers).contains("Signature"));
    }

    #[test]
    fn what_no_header_can_carry_is_refused_without_being_shown() {
        let key = |access_key: &str, token: Option<&str>| AccessKey {
            access_key: access_key.to_owned(),
            secret_key: "SK".into(),
            security_token: token.map(Into::into),
        };
        for key in [key("A\nK-secret", None), key("AK", Some("token\r\nsecret"))] {
            let error = sign(&mut get("https://h/"), &key, SystemTime::UNIX_EPOCH).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn signing_again_replaces_the_former_signature() {
        let (mut once, mut twice) = (get("https://h/"), get("https://h/"));
        let key = AccessKey { access_key: "AK".to_owned(), secret_key: "SK".into(), security_token: None };
        let later = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(60);
        sign(&mut twice, &key, SystemTime::UNIX_EPOCH).unwrap();
        sign(&mut twice, &key, later).unwrap();
        sign(&mut once, &key, later).unwrap();
        assert_eq!(once.headers, twice.headers);
    }
}
