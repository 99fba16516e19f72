//! Signs one attempt: HMAC-SHA256 over method, whole URL, time in milliseconds, access key, account id and client type.
//!
//! The pure functions take everything they need; the client calls them through [`Sign`], so that every attempt of a call is signed
//! anew with the time it is sent at. Not signed: the body, the API version, any other header.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac};
use http::{HeaderName, HeaderValue};
use sha2::Sha256;

use super::credential::Credential;
use crate::transport::{Request, Sign, SignError};

/// The only client type the public gateway knows.
const CLIENT_TYPE: &str = "Openapi";

/// What is signed, in the order it is signed in.
#[derive(Clone, Copy)]
pub struct SigningParams<'a> {
    /// Upper case.
    pub method: &'a str,
    /// The URL to the last byte as it is sent: scheme, host, port unless it is the default, path, raw query.
    pub url: &'a str,
    /// Unix time in milliseconds, the very text of `Scp-Timestamp`. Seconds look right and are refused.
    pub timestamp: &'a str,
    /// The access key.
    pub access_key: &'a str,
    /// The very text of `Scp-AccountId`; empty where that header is not sent.
    pub account_id: &'a str,
}

impl fmt::Debug for SigningParams<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningParams")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

/// The message: its parts one after another, with nothing between them.
pub fn string_to_sign(params: &SigningParams<'_>) -> String {
    let SigningParams { method, url, timestamp, access_key, account_id } = params;
    format!("{method}{url}{timestamp}{access_key}{account_id}{CLIENT_TYPE}")
}

/// `Scp-Signature`: HMAC-SHA256 of the message under the secret key, in base64 with padding.
pub fn signature(secret_key: &str, string_to_sign: &str) -> String {
    // HMAC takes a key of any length, so the error cannot come; were it to, an empty signature is merely refused.
    Hmac::<Sha256>::new_from_slice(secret_key.as_bytes()).map_or_else(
        |_| String::new(),
        |mac| BASE64_STANDARD.encode(mac.chain_update(string_to_sign.as_bytes()).finalize().into_bytes()),
    )
}

/// Signs the attempts of one call and remembers when the last of them was signed.
pub(super) struct Signer<'a> {
    credential: &'a Credential,
    account_id: &'a str,
    signed_at_ms: AtomicU64,
}

impl<'a> Signer<'a> {
    /// For a service call: no account id is sent or signed, whatever is configured.
    pub(super) fn new(credential: &'a Credential) -> Self {
        Self::with_account_id(credential, "")
    }

    /// For the catalog call, which alone carries the account id.
    pub(super) fn with_account_id(credential: &'a Credential, account_id: &'a str) -> Self {
        Self { credential, account_id, signed_at_ms: AtomicU64::new(0) }
    }

    /// When the last attempt was signed; `None` before the first.
    pub(super) fn signed_at(&self) -> Option<SystemTime> {
        match self.signed_at_ms.load(Ordering::Relaxed) {
            0 => None,
            ms => SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms)),
        }
    }
}

#[async_trait]
impl Sign for Signer<'_> {
    async fn sign(&self, request: &mut Request, now: SystemTime) -> Result<(), SignError> {
        let ms = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()
            .and_then(|since| u64::try_from(since.as_millis()).ok())
            .ok_or_else(|| SignError("the clock of this machine stands before 1970".to_owned()))?;
        let timestamp = ms.to_string();
        let message = string_to_sign(&SigningParams {
            method: request.method.as_str(),
            url: request.url.as_str(),
            timestamp: &timestamp,
            access_key: self.credential.access_key(),
            account_id: self.account_id,
        });
        let signature = signature(self.credential.secret_key(), &message);

        set(request, "scp-accesskey", self.credential.access_key(), true)?;
        set(request, "scp-signature", &signature, true)?;
        set(request, "scp-timestamp", &timestamp, false)?;
        set(request, "scp-clienttype", CLIENT_TYPE, false)?;
        if !self.account_id.is_empty() {
            set(request, "scp-accountid", self.account_id, false)?;
        }
        if let Some(token) = self.credential.auth_token() {
            set(request, "x-auth-token", token, true)?;
        }
        self.signed_at_ms.store(ms, Ordering::Relaxed);
        Ok(())
    }
}

fn set(request: &mut Request, name: &'static str, value: &str, sensitive: bool) -> Result<(), SignError> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| SignError(format!("the value of {name} fits no HTTP header")))?;
    value.set_sensitive(sensitive);
    request.headers.insert(HeaderName::from_static(name), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use bytes::Bytes;
    use http::{HeaderMap, Method};
    use secrecy::SecretString;
    use serde_json::Value;
    use url::Url;

    use super::*;
    use crate::samsungcloud::config::Config;

    fn vectors() -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/samsungcloud/signing"))
    }

    fn file(case: &str, name: &str) -> String {
        let path = vectors().join(case).join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).trim_end().to_owned()
    }

    fn context(key: &str) -> String {
        let context: Value = serde_json::from_str(&file("", "context.json")).unwrap();
        context[key].as_str().unwrap().to_owned()
    }

    fn message(method: &str, url: &str) -> String {
        string_to_sign(&SigningParams {
            method,
            url,
            timestamp: &context("timestamp"),
            access_key: &context("access_key"),
            account_id: &context("account_id"),
        })
    }

    fn credential(auth_token: Option<&str>) -> Credential {
        Credential::from_config(&Config {
            access_key: Some(context("access_key").into()),
            secret_key: Some(context("secret_key").into()),
            auth_token: auth_token.map(SecretString::from),
            ..Config::default()
        })
        .unwrap()
    }

    fn request(method: &str, url: &str) -> Request {
        Request {
            operation: "Vector",
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            url: Url::parse(url).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            idempotent: true,
        }
    }

    fn time() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(context("timestamp").parse().unwrap())
    }

    #[tokio::test]
    async fn every_vector_is_met_stage_by_stage() {
        let mut cases = 0;
        for entry in fs::read_dir(vectors()).unwrap() {
            let case = entry.unwrap().file_name().into_string().unwrap();
            if !vectors().join(&case).join("signature.txt").is_file() {
                continue;
            }
            cases += 1;
            let line = file(&case, "request.txt");
            let (method, url) = line.split_once(' ').unwrap();
            let message = message(method, url);
            assert_eq!(message, file(&case, "string-to-sign.txt"), "{case}: string to sign");
            assert_eq!(signature(&context("secret_key"), &message), file(&case, "signature.txt"), "{case}: signature");

            let mut request = request(method, url);
            Signer::new(&credential(None)).sign(&mut request, time()).await.unwrap();
            assert_eq!(request.url.as_str(), url, "{case}: the URL to be sent is the URL signed");
            assert_eq!(request.headers["scp-signature"], file(&case, "signature.txt").as_str(), "{case}: header");
            assert_eq!(request.headers["scp-timestamp"], context("timestamp").as_str(), "{case}: header");
        }
        assert_eq!(cases, 14);
    }

    #[test]
    fn signing_only_the_path_gives_the_signature_that_must_be_rejected() {
        let rejected = file("TV9", "rejected-signature.txt");
        assert_eq!(signature(&context("secret_key"), &file("TV9", "string-to-sign.txt")), rejected);
        let line = file("TV9", "request.txt");
        let (method, url) = line.split_once(' ').unwrap();
        assert_ne!(signature(&context("secret_key"), &message(method, url)), rejected);
    }

    #[tokio::test]
    async fn a_service_call_carries_the_five_headers_and_hides_three_of_them() {
        let mut request = request("GET", "https://example.com/v1/x");
        Signer::new(&credential(Some("token"))).sign(&mut request, time()).await.unwrap();
        let mut names = request.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>();
        names.sort_unstable();
        assert_eq!(names, ["scp-accesskey", "scp-clienttype", "scp-signature", "scp-timestamp", "x-auth-token"]);
        assert_eq!(request.headers["scp-clienttype"], "Openapi");
        assert_eq!(request.headers["x-auth-token"], "token");
        for name in ["scp-accesskey", "scp-signature", "x-auth-token"] {
            assert!(request.headers[name].is_sensitive(), "{name}");
        }
    }

    #[tokio::test]
    async fn an_account_id_is_signed_exactly_where_it_is_sent() {
        let credential = credential(None);
        let (mut plain, mut with) = (request("GET", "https://example.com/"), request("GET", "https://example.com/"));
        Signer::new(&credential).sign(&mut plain, time()).await.unwrap();
        Signer::with_account_id(&credential, "0a1b").sign(&mut with, time()).await.unwrap();
        assert!(plain.headers.get("scp-accountid").is_none());
        assert_eq!(with.headers["scp-accountid"], "0a1b");
        assert_ne!(plain.headers["scp-signature"], with.headers["scp-signature"]);
    }

    #[tokio::test]
    async fn each_attempt_is_signed_with_its_own_time() {
        let credential = credential(None);
        let signer = Signer::new(&credential);
        assert_eq!(signer.signed_at(), None);
        let mut request = request("GET", "https://example.com/");
        signer.sign(&mut request, time()).await.unwrap();
        let first = request.headers["scp-signature"].clone();
        signer.sign(&mut request, time() + Duration::from_millis(1)).await.unwrap();
        assert_ne!(request.headers["scp-signature"], first);
        assert_eq!(request.headers["scp-timestamp"], "1605290625683");
        assert_eq!(request.headers.get_all("scp-signature").iter().count(), 1);
        assert_eq!(signer.signed_at(), Some(time() + Duration::from_millis(1)));
    }
}
