//! What the log shows of a call: names, status, ids and times; never a header's value, a body or a query.

use std::time::Duration;

use http::HeaderMap;
use tracing::Span;
use url::Url;

use super::{Request, SendCause};

/// Where clouds put their request id, most specific first.
const REQUEST_ID_HEADERS: [&str; 4] = ["x-request-id", "x-openstack-request-id", "x-compute-request-id", "x-trace-id"];

/// The id by which the vendor's support finds the call, where the response has one.
pub fn request_id(headers: &HeaderMap) -> Option<&str> {
    REQUEST_ID_HEADERS.iter().find_map(|name| headers.get(*name)?.to_str().ok()).filter(|id| !id.is_empty())
}

/// The URL as it may be shown: without user, password, query and fragment.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only for URLs that cannot have a user at all.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// The span around all attempts of a call.
pub(super) fn call(request: &Request) -> Span {
    tracing::debug_span!("call", operation = request.operation, method = %request.method, url = shown(&request.url))
}

pub(super) fn answered(attempt: u32, took: Duration, status: http::StatusCode, headers: &HeaderMap) {
    let request_id = request_id(headers).unwrap_or_default();
    tracing::debug!(attempt, ms = millis(took), status = status.as_u16(), request_id, "answered");
}

pub(super) fn failed(attempt: u32, took: Duration, cause: &SendCause) {
    tracing::debug!(attempt, ms = millis(took), %cause, "no answer");
}

pub(super) fn backing_off(attempt: u32, delay: Duration, throttled: bool) {
    tracing::info!(attempt, delay_ms = millis(delay), throttled, "trying again");
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_url_is_shown_without_anything_that_may_be_secret() {
        let url = Url::parse("https://user:secret@ecs.example.com:8443/v1/jobs/1?token=secret#secret").unwrap();
        assert_eq!(shown(&url), "https://ecs.example.com:8443/v1/jobs/1");
    }

    #[test]
    fn the_request_id_is_found_whichever_header_the_service_uses() {
        let mut headers = HeaderMap::new();
        assert_eq!(request_id(&headers), None);
        headers.insert("x-compute-request-id", HeaderValue::from_static("req-1"));
        assert_eq!(request_id(&headers), Some("req-1"));
        headers.insert("x-request-id", HeaderValue::from_static("abc"));
        assert_eq!(request_id(&headers), Some("abc"));
    }
}
