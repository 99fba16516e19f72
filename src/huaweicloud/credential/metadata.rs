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

/// Asks for the keys. `again` says that it gave some before.
///
/// # Errors
/// Of kind [`ErrorKind::Configuration`] where there is no such service, no agency or no readable answer, because this source is
/// the last: nothing else was configured. What will pass, and the caller's own deadline or stop, keeps its kind.
pub(super) async fn security_key(
    transport: &Transport,
    budget: &Budget,
    base: &Url,
    now: SystemTime,
    again: bool,
) -> Result<Issued, Error> {
    let service = Service { transport, budget, base, again };
    let mut token = service.session_token().await?;
    let mut answer = service.get_key(token.clone()).await?;
    if answer.status == StatusCode::UNAUTHORIZED && token.is_some() && !lacks_agency(&answer) {
        token = service.session_token().await?;
        answer = service.get_key(token).await?;
    }
    if lacks_agency(&answer) {
        return Err(failed("this ECS has no agency bound to it"));
    }
    if answer.status != StatusCode::OK {
        return Err(refused(answer.status, ""));
    }
    // What cannot be read may still be a secret: none of it is shown.
    let answer: SecurityKey =
        serde_json::from_slice(&answer.body).map_err(|_| failed("its answer is not what is documented"))?;
    let (key, expires_at) = answer.credential.into_key().ok_or_else(|| failed("its answer has no readable expiry"))?;
    Ok(Issued::until(Credential::AccessKey(key), now, expires_at))
}

/// The service, as one caller asks it.
struct Service<'a> {
    transport: &'a Transport,
    budget: &'a Budget,
    base: &'a Url,
    again: bool,
}

impl Service<'_> {
    async fn session_token(&self) -> Result<Option<HeaderValue>, Error> {
        let headers = HeaderMap::from_iter([(TTL, TTL_SECONDS)]);
        let answer = self.exchange(Method::PUT, "/meta-data/latest/api/token", headers).await?;
        match answer.status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::SERVICE_UNAVAILABLE => Ok(None),
            StatusCode::OK => {
                let token = HeaderValue::from_bytes(answer.body.trim_ascii());
                let mut token = token.map_err(|_| failed("its session token is not text"))?;
                token.set_sensitive(true);
                Ok(Some(token))
            }
            status => Err(refused(status, " to a request for a session token")),
        }
    }

    async fn get_key(&self, token: Option<HeaderValue>) -> Result<Response, Error> {
        let headers = token.map(|token| (TOKEN, token)).into_iter().collect();
        self.exchange(Method::GET, "/openstack/latest/securitykey", headers).await
    }

    async fn exchange(&self, method: Method, path: &str, headers: HeaderMap) -> Result<Response, Error> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        let request = Request { operation: OPERATION, method, url, headers, body: Bytes::new(), idempotent: true };
        match self.transport.send(&request, &Unsigned, &Once, &self.budget.shorter(PATIENCE)).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(match self.budget.ended() {
                Some(ended) => Error::ended(OPERATION, ended),
                // Where it never answered there is most likely none.
                None => {
                    let kind = if self.again { ErrorKind::Unreachable } else { ErrorKind::Configuration };
                    failure(kind, &sanitise(&error.cause.to_string(), 200))
                }
            }),
        }
    }
}

/// The service says so in words only.
fn lacks_agency(answer: &Response) -> bool {
    !answer.status.is_success() && String::from_utf8_lossy(&answer.body).contains("configure Cloud Service Agency")
}

/// An answer that is an error: one that will pass is not believed as long as one that somebody has to see to.
fn refused(status: StatusCode, to: &str) -> Error {
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::Throttled,
        _ if status.is_server_error() => ErrorKind::Server,
        _ => ErrorKind::Configuration,
    };
    failure(kind, &format!("it answered HTTP {}{to}", status.as_u16()))
}

fn failed(reason: &str) -> Error {
    failure(ErrorKind::Configuration, reason)
}

fn failure(kind: ErrorKind, reason: &str) -> Error {
    let text = format!("no credential is configured, and the metadata service of an ECS gave none: {reason}");
    Error::refused(OPERATION, kind, text)
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::transport::TransportConfig;

    #[tokio::test]
    async fn a_service_that_cannot_be_reached_is_missing_only_if_it_never_answered() {
        let transport = Transport::new(TransportConfig { max_retries: 0, ..TransportConfig::default() }).unwrap();
        let budget = Budget::new(Duration::from_secs(20), CancellationToken::new());
        let base = Url::parse("http://127.0.0.1:1").unwrap();
        for (again, kind) in [(false, ErrorKind::Configuration), (true, ErrorKind::Unreachable)] {
            let key = security_key(&transport, &budget, &base, SystemTime::UNIX_EPOCH, again).await;
            assert_eq!(key.unwrap_err().kind(), kind);
        }
    }
}
