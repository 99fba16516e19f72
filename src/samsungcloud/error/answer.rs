//! What an answer means: the service's error envelope, the gateway's and the firewall's own bodies, and their kinds.

use http::{StatusCode, header::CONTENT_TYPE};
use serde_json::Value;

use crate::transport::{Classify, ErrorKind, Response, RetryAction, request_id, retry_after, status_action};

/// The code of an API version that the service has no more or has not yet (406).
pub(super) const NO_SUCH_VERSION: &str = "NoSuchVersion";

/// A message is cut after so many characters, a body that is not the service's after [`EXCERPT`].
pub(super) const MESSAGE: usize = 1000;
pub(super) const EXCERPT: usize = 200;

/// Tells what to send again: throttling is 429, the edge firewall's 417, and a 503 by which the service itself or a
/// `Retry-After` says that nothing was done.
#[derive(Clone, Copy, Debug)]
pub(in crate::samsungcloud) struct Classifier;

impl Classify for Classifier {
    fn classify(&self, response: &Response) -> RetryAction {
        if is_throttled(response) {
            return RetryAction::Throttled { after: retry_after(&response.headers) };
        }
        status_action(response.status, &response.headers)
    }
}

fn is_throttled(response: &Response) -> bool {
    match response.status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::EXPECTATION_FAILED => envelope(&json(response)).is_none(),
        StatusCode::SERVICE_UNAVAILABLE => {
            retry_after(&response.headers).is_some() || envelope(&json(response)).is_some()
        }
        _ => false,
    }
}

/// Whether `response` says that the call was accepted: 2xx, and no error or foreign page in its place.
pub(in crate::samsungcloud) fn is_accepted(response: &Response) -> bool {
    let body = json(response);
    response.status.is_success() && (response.body.is_empty() || body.is_object()) && envelope(&body).is_none()
}

/// The body, or null where it is no JSON.
fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

/// The elements of the service's error envelope.
fn envelope(body: &Value) -> Option<&Vec<Value>> {
    body.get("errors").and_then(Value::as_array).filter(|errors| errors.iter().any(Value::is_object))
}

/// A body that is not what was asked for.
pub(super) struct Answer {
    /// The status that the service's own envelope repeats; no other body has one that counts.
    status: Option<u64>,
    pub(super) code: Option<String>,
    pub(super) message: String,
    pub(super) request_id: Option<String>,
}

impl Answer {
    pub(super) fn read(response: &Response, redact: &dyn Fn(&str) -> String) -> Self {
        let body = json(response);
        let read = match (envelope(&body), &body) {
            (Some(errors), _) => Self::envelope(errors),
            (None, Value::Object(keys)) if keys.contains_key("status") && keys.contains_key("path") => {
                Self::gateway(response.status, &body)
            }
            (None, Value::Array(fields)) if fields.iter().any(|field| field.get("msg").is_some()) => {
                Self::fields(fields)
            }
            (None, _) => Self::foreign(response, redact),
        };
        let request_id = read.request_id.or_else(|| request_id(&response.headers).map(str::to_owned));
        // Redacted before it is cut: half a secret is one too.
        Self { message: one_line(&redact(&read.message), MESSAGE), request_id, ..read }
    }

    /// The service: `{"errors":[…]}`.
    fn envelope(errors: &[Value]) -> Self {
        let first = |key: &str| errors.iter().find_map(|error| error.get(key).and_then(text));
        let said = errors.iter().map(|error| {
            let detail = error.get("detail").map(lines).filter(|detail| !detail.is_empty());
            detail.or_else(|| error.get("title").and_then(text)).unwrap_or_default()
        });
        let message = said.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
        Self {
            status: errors.iter().find_map(|error| error.get("status").and_then(text)?.parse().ok()),
            code: first("code"),
            message: if message.is_empty() { "the service gives no reason".to_owned() } else { message },
            request_id: first("request_id").or_else(|| first("global_request_id")),
        }
    }

    /// The gateway before it, in Spring's JSON: `{"timestamp":…,"path":…,"status":404,"error":…,"requestId":…}`.
    fn gateway(status: StatusCode, body: &Value) -> Self {
        let error = body.get("error").and_then(text).unwrap_or_default();
        let message = if status == StatusCode::NOT_FOUND {
            "the gateway knows no such call, which it also says when the Scp- headers are missing, for example because \
             a proxy took them out"
                .to_owned()
        } else {
            format!("the gateway says: {error}")
        };
        let request_id = body.get("requestId").and_then(text);
        Self { status: None, code: None, message, request_id }
    }

    /// The service's validation as its document has it and nobody has seen it: `[{"msg":…,"loc":…}]`.
    fn fields(fields: &[Value]) -> Self {
        let message = fields.iter().map(|field| {
            let place = field.get("loc").map(lines).filter(|place| !place.is_empty());
            let said = field.get("msg").and_then(text).unwrap_or_default();
            place.map_or(said.clone(), |place| format!("{place}: {said}"))
        });
        let message = message.collect::<Vec<_>>().join("; ");
        Self { status: None, code: None, message, request_id: None }
    }

    /// Somebody else: the edge firewall, a proxy, a wrong host.
    fn foreign(response: &Response, redact: &dyn Fn(&str) -> String) -> Self {
        let kind = response.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("no content type");
        let body = one_line(&redact(&String::from_utf8_lossy(&response.body)), EXCERPT);
        let by = match response.status {
            StatusCode::EXPECTATION_FAILED => "the edge firewall refused the call, as it does when many come at once",
            status if status.is_redirection() => "a redirect, which is not followed",
            _ => "not an answer of the service",
        };
        let message = if body.is_empty() {
            format!("{by}: an empty body")
        } else {
            format!("{by}: {}, \"{body}\"", one_line(kind, EXCERPT))
        };
        Self { status: None, code: None, message, request_id: None }
    }

    /// The whole table. Statuses that name no kind of their own mean a request that cannot succeed (4xx).
    pub(super) fn kind(&self, response: &Response, idempotent: bool) -> ErrorKind {
        // A success with an error inside counts as the error it holds.
        let status = match (response.status.as_u16(), self.status) {
            (200..=299, Some(inner)) => inner,
            (outer, _) => outer.into(),
        };
        match status {
            _ if self.code.as_deref() == Some(NO_SUCH_VERSION) => ErrorKind::Configuration,
            _ if is_throttled(response) => ErrorKind::Throttled,
            200..=299 if idempotent => ErrorKind::Malformed,
            200..=299 => ErrorKind::AnswerLost,
            401 => ErrorKind::Unauthenticated,
            403 => ErrorKind::PermissionDenied,
            // Anything on the way can say 404, and a resource believed to be gone is dropped from the state: only the
            // service's own envelope, which repeats the status, is believed.
            404 if response.status == StatusCode::NOT_FOUND && self.status == Some(404) => ErrorKind::NotFound,
            300..=399 | 404..=406 => ErrorKind::NoSuchRoute,
            409 | 423 => ErrorKind::Conflict,
            429 => ErrorKind::Throttled,
            400..=407 | 410..=499 => ErrorKind::Invalid,
            // 408 and 5xx.
            _ if idempotent => ErrorKind::Server,
            _ => ErrorKind::AnswerLost,
        }
    }
}

/// Text, or a number as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `detail` is a list of texts or one text.
fn lines(value: &Value) -> String {
    match value {
        Value::Array(lines) => lines.iter().filter_map(text).collect::<Vec<_>>().join("; "),
        other => text(other).unwrap_or_default(),
    }
}

/// `text` on one line, without control characters, cut after `max` characters.
pub(super) fn one_line(text: &str, max: usize) -> String {
    let words = text.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue, header::RETRY_AFTER};

    use super::*;

    const GATEWAY_404: &str = r#"{"timestamp":"2026-06-30T01:02:03.456+00:00","path":"/v1/volumes/1","status":404,
        "error":"Not Found","requestId":"1a2b3c4d-5"}"#;
    const FIREWALL: &str = "<html><head><title>Request Rejected</title></head>\n<body>Support ID: 1</body></html>";

    fn response(status: u16, body: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap();
        Response { status, headers: HeaderMap::new(), body: Bytes::from(body.to_owned()), attempts: 1 }
    }

    fn with_header(name: HeaderName, value: &'static str, mut response: Response) -> Response {
        response.headers.insert(name, HeaderValue::from_static(value));
        response
    }

    fn envelope(status: u16, code: &str) -> String {
        format!(
            r#"{{"errors":[{{"code":"{code}","detail":["Said."],"global_request_id":"req-g","links":[],
                "related_resources":[],"request_id":"req-r","response":null,"status":{status},"title":"{code}"}}]}}
"#
        )
    }

    fn read(response: &Response) -> Answer {
        Answer::read(response, &str::to_owned)
    }

    fn kind(status: u16, body: &str, idempotent: bool) -> ErrorKind {
        let response = response(status, body);
        read(&response).kind(&response, idempotent)
    }

    #[test]
    fn the_services_envelope_names_the_kind() {
        for (status, code, expected) in [
            (400, "ValidationError", ErrorKind::Invalid),
            (401, "Unauthorized", ErrorKind::Unauthenticated),
            (403, "Forbidden", ErrorKind::PermissionDenied),
            (404, "NotFound", ErrorKind::NotFound),
            (406, "NoSuchVersion", ErrorKind::Configuration),
            (400, "NoSuchVersion", ErrorKind::Configuration),
            (409, "VirtualServer.CreateInterface.Conflict", ErrorKind::Conflict),
            (417, "ExpectationFailed", ErrorKind::Invalid),
            (429, "TooManyRequests", ErrorKind::Throttled),
            (500, "InternalServerError", ErrorKind::Server),
            (503, "ServiceUnavailable", ErrorKind::Throttled),
        ] {
            assert_eq!(kind(status, &envelope(status, code), true), expected, "{status} {code}");
        }
    }

    #[test]
    fn only_the_services_own_404_means_that_something_is_gone() {
        assert_eq!(kind(404, &envelope(404, "NotFound"), true), ErrorKind::NotFound);
        assert_eq!(kind(404, r#"{"errors":[{"status":"404"}]}"#, true), ErrorKind::NotFound);
        for body in ["", "{}", "[]", "null", FIREWALL, GATEWAY_404, r#"{"errors":[]}"#, r#"{"errors":["404"]}"#] {
            assert_eq!(kind(404, body, true), ErrorKind::NoSuchRoute, "{body}");
        }
        assert_eq!(kind(404, r#"{"errors":[{"code":"NotFound"}]}"#, true), ErrorKind::NoSuchRoute);
        assert_eq!(kind(404, &envelope(500, "NotFound"), true), ErrorKind::NoSuchRoute);
        assert_eq!(kind(200, &envelope(404, "NotFound"), true), ErrorKind::NoSuchRoute);
    }

    #[test]
    fn the_gateways_404_is_explained_by_missing_headers() {
        let answer = read(&response(404, GATEWAY_404));
        assert!(answer.message.contains("when the Scp- headers are missing"), "{}", answer.message);
        assert_eq!(answer.request_id.as_deref(), Some("1a2b3c4d-5"));
        assert_eq!(kind(401, &GATEWAY_404.replace("404", "401"), true), ErrorKind::Unauthenticated);
    }

    #[test]
    fn the_detail_is_a_list_or_a_text_and_the_title_stands_in_for_it() {
        for (detail, expected) in [
            (r#"["One.","Two."]"#, "One.; Two."),
            (r#""One.""#, "One."),
            ("[]", "Title"),
            ("null", "Title"),
            ("[7]", "7"),
        ] {
            let body = format!(r#"{{"errors":[{{"detail":{detail},"title":"Title","status":400}}]}}"#);
            assert_eq!(read(&response(400, &body)).message, expected, "{detail}");
        }
        let body = r#"{"errors":[{"detail":"One.","global_request_id":"req-g"},{"detail":"Two."}]}"#;
        let answer = read(&response(400, body));
        assert_eq!((answer.message.as_str(), answer.request_id.as_deref()), ("One.; Two.", Some("req-g")));
        assert_eq!(read(&response(400, r#"{"errors":[{}]}"#)).message, "the service gives no reason");
    }

    #[test]
    fn the_documents_list_of_fields_is_read_though_nobody_has_seen_it() {
        let body = r#"[{"msg":"must be 8 or more","loc":["body","size"],"ctx":{},"type_":"value_error"}]"#;
        assert_eq!(read(&response(400, body)).message, "body; size: must be 8 or more");
        assert_eq!(kind(400, body, true), ErrorKind::Invalid);
    }

    #[test]
    fn a_page_of_somebody_else_is_quoted_short_on_one_line_with_its_type() {
        let page = format!("<html>\n\u{7}{}", "x".repeat(500));
        let response = with_header(CONTENT_TYPE, "text/html", response(502, &page));
        let message = read(&response).message;
        assert!(message.starts_with("not an answer of the service: text/html, \"<html> xxx"), "{message}");
        assert!(message.chars().count() < 260 && !message.chars().any(char::is_control), "{message}");
        assert_eq!(read(&super::tests::response(502, "")).message, "not an answer of the service: an empty body");
    }

    #[test]
    fn a_server_error_loses_the_answer_of_a_call_that_changes_something() {
        for status in [408, 500, 502, 504] {
            assert_eq!(kind(status, "", true), ErrorKind::Server, "{status}");
            assert_eq!(kind(status, "", false), ErrorKind::AnswerLost, "{status}");
        }
        assert_eq!(kind(302, "", true), ErrorKind::NoSuchRoute);
    }

    #[test]
    fn a_page_in_the_place_of_a_success_is_no_success() {
        assert!(is_accepted(&response(202, "")) && is_accepted(&response(200, "{}")));
        for body in [FIREWALL, "[]", "{\"volumes\":[", &envelope(409, "Conflict")] {
            assert!(!is_accepted(&response(200, body)), "{body}");
        }
        assert_eq!(kind(200, FIREWALL, true), ErrorKind::Malformed);
        assert_eq!(kind(200, FIREWALL, false), ErrorKind::AnswerLost);
        assert_eq!(kind(200, &envelope(409, "Conflict"), false), ErrorKind::Conflict);
    }

    #[test]
    fn what_was_refused_for_now_may_be_sent_again_whatever_it_was() {
        let after = |seconds| RetryAction::Throttled { after: Some(Duration::from_secs(seconds)) };
        let classify = |response: &Response| Classifier.classify(response);
        assert_eq!(classify(&with_header(RETRY_AFTER, "7", response(429, ""))), after(7));
        assert_eq!(classify(&with_header(RETRY_AFTER, "7", response(503, FIREWALL))), after(7));
        assert_eq!(classify(&response(503, &envelope(503, "Busy"))), RetryAction::Throttled { after: None });
        assert_eq!(classify(&response(417, FIREWALL)), RetryAction::Throttled { after: None });
        assert_eq!(kind(417, FIREWALL, false), ErrorKind::Throttled);
    }

    #[test]
    fn what_may_have_been_processed_is_transient_and_all_else_is_an_answer() {
        let classify = |status, body: &str| Classifier.classify(&response(status, body));
        for status in [500, 502, 503, 504] {
            assert_eq!(classify(status, FIREWALL), RetryAction::Transient { after: None }, "{status}");
        }
        for status in [200, 202, 302, 400, 401, 403, 404, 406, 409] {
            assert_eq!(classify(status, &envelope(status, "Code")), RetryAction::Done, "{status}");
        }
        assert_eq!(classify(417, &envelope(417, "Code")), RetryAction::Done);
    }
}
