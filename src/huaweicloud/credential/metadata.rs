//! The keys of the agency that is bound to the ECS this runs on, from its metadata service.
//!
//! Vendor's page: ECS, "Obtaining Metadata" (security key). Version 2 of the service wants a token first; where it is not
//! offered (404, 405, 503), version 1 answers without.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::Url;

use super::{Credential, Issued};
use crate::{
    budget::Budget,
    huaweicloud::{
        error::{Error, sanitise},
        iam::SecurityKey,
    },
    transport::{Classify, ErrorKind, Request, Response, RetryAction, Transport, Unsigned},
};

const OPERATION: &str = "GetSecurityKey";
/// The service is on the same host: it answers at once or not at all.
const PATIENCE: Duration = Duration::from_secs(3);
const TTL: HeaderName = HeaderName::from_static("x-metadata-token-ttl-seconds");
const TOKEN: HeaderName = HeaderName::from_static("x-metadata-token");
/// Six hours, the longest.
const TTL_SECONDS: HeaderValue = HeaderValue::from_static("21600");

/// Every answer is one: trying again is decided here.
struct Once;

impl Classify for Once {
    fn classify(&self, _response: &Response) -> RetryAction {
        RetryAction::Done
    }
}

/// Asks for the keys.
///
/// # Errors
/// Of kind [`ErrorKind::Configuration`], because this source is the last: nothing else was configured. The caller's own
/// deadline or stop keeps its kind.
pub(super) async fn security_key(
    transport: &Transport,
    budget: &Budget,
    base: &Url,
    now: SystemTime,
) -> Result<Issued, Error> {
    let mut token = session_token(transport, budget, base).await?;
    let mut answer = get_key(transport, budget, base, token.clone()).await?;
    if answer.status == StatusCode::UNAUTHORIZED && token.is_some() && !lacks_agency(&answer) {
        token = session_token(transport, budget, base).await?;
        answer = get_key(transport, budget, base, token).await?;
    }
    if lacks_agency(&answer) {
        return Err(failed("this ECS has no agency bound to it"));
    }
    if answer.status != StatusCode::OK {
        return Err(failed(&format!("it answered HTTP {}", answer.status.as_u16())));
    }
    // What cannot be read may still be a secret: none of it is shown.
    let answer: SecurityKey =
        serde_json::from_slice(&answer.body).map_err(|_| failed("its answer is not what is documented"))?;
    let (key, expires_at) = answer.credential.into_key().ok_or_else(|| failed("its answer has no readable expiry"))?;
    Ok(Issued::until(Credential::AccessKey(key), now, expires_at))
}

async fn session_token(transport: &Transport, budget: &Budget, base: &Url) -> Result<Option<HeaderValue>, Error> {
    let headers = HeaderMap::from_iter([(TTL, TTL_SECONDS)]);
    let answer = exchange(transport, budget, base, Method::PUT, "/meta-data/latest/api/token", headers).await?;
    match answer.status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::SERVICE_UNAVAILABLE => Ok(None),
        StatusCode::OK => {
            let token = HeaderValue::from_bytes(answer.body.trim_ascii());
            let mut token = token.map_err(|_| failed("its session token is not text"))?;
            token.set_sensitive(true);
            Ok(Some(token))
        }
        status => Err(failed(&format!("it answered HTTP {} to a request for a session token", status.as_u16()))),
    }
}

async fn get_key(
    transport: &Transport,
    budget: &Budget,
    base: &Url,
    token: Option<HeaderValue>,
) -> Result<Response, Error> {
    let headers = token.map(|token| (TOKEN, token)).into_iter().collect();
    exchange(transport, budget, base, Method::GET, "/openstack/latest/securitykey", headers).await
}

async fn exchange(
    transport: &Transport,
    budget: &Budget,
    base: &Url,
    method: Method,
    path: &str,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    let request = Request { operation: OPERATION, method, url, headers, body: Bytes::new(), idempotent: true };
    match transport.send(&request, &Unsigned, &Once, &budget.shorter(PATIENCE)).await {
        Ok(answer) => Ok(answer),
        Err(error) => Err(match budget.ended() {
            Some(ended) => Error::ended(OPERATION, ended),
            None => failed(&sanitise(&error.cause.to_string(), 200)),
        }),
    }
}

/// The service says so in words only.
fn lacks_agency(answer: &Response) -> bool {
    !answer.status.is_success() && String::from_utf8_lossy(&answer.body).contains("configure Cloud Service Agency")
}

fn failed(reason: &str) -> Error {
    let text = format!("no credential is configured, and the metadata service of an ECS gave none: {reason}");
    Error::refused(OPERATION, ErrorKind::Configuration, text)
}
