//! Finding the error in a body, whichever of the vendor's shapes it has.
//!
//! Seen: `{"error":{"code","message"}}` (ECS, EVS, IAM with a number for a code), `{"error_code","error_msg"}` (ModelArts, gateway,
//! IAM), `{"code","message"}`, and OpenStack's `{"itemNotFound":{"code":404,"message"}}`, whose key says what the number does not.

use serde_json::{Map, Value};

use super::{ErrorCode, text::sanitise};

/// The names of code and message, in the order of preference.
const NAMES: [(&str, &str); 3] = [("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message")];
/// OpenStack's keys, whose case differs between the vendor's pages.
const OPENSTACK: [ErrorCode; 5] = [
    ErrorCode::ITEM_NOT_FOUND,
    ErrorCode::CONFLICTING_REQUEST,
    ErrorCode::OVER_LIMIT,
    ErrorCode::BAD_REQUEST,
    ErrorCode::COMPUTE_FAULT,
];
/// Longest message that is kept, in characters.
const MESSAGE: usize = 600;

/// An error as a body tells it.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Envelope {
    pub(crate) code: Option<ErrorCode>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    /// The message quotes OpenStack's `itemNotFound`: something in the call does not exist, though the code does not say so.
    pub(crate) item_not_found: bool,
}

impl Envelope {
    /// Reads the body of an answer whose status is an error.
    pub(crate) fn of_error(body: &[u8]) -> Option<Self> {
        let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return None };
        read(&body, None).or_else(|| nested(&body))
    }

    /// Reads the body of an answer whose status is a success: throttling, for one, comes with HTTP 202. What a failed job
    /// says about itself is no error of the call.
    pub(crate) fn of_success(body: &[u8]) -> Option<Self> {
        let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return None };
        if let Some(Value::Object(error)) = body.get("error") {
            return read(error, None);
        }
        let payload =
            |key: &String| !matches!(key.as_str(), "request_id" | "encoded_authorization_message" | "internalError");
        let named = |key: &String| NAMES.iter().any(|(code, message)| key == code || key == message);
        if body.keys().filter(|key| payload(key)).all(named) {
            read(&body, None).filter(|it| it.code.is_some())
        } else {
            None
        }
    }
}

/// `error` before any other key that holds an object.
fn nested(body: &Map<String, Value>) -> Option<Envelope> {
    let error = body.get_key_value("error");
    let others = body.iter().filter(|(key, _)| *key != "error");
    error.into_iter().chain(others).find_map(|(key, value)| {
        let mut envelope = read(value.as_object()?, Some(key))?;
        envelope.request_id = envelope.request_id.or_else(|| text(body.get("request_id")));
        Some(envelope)
    })
}

fn read(object: &Map<String, Value>, key: Option<&str>) -> Option<Envelope> {
    let (code, message) = NAMES.iter().find_map(|(code, message)| {
        let found = (text(object.get(*code)), object.get(*message).and_then(Value::as_str));
        (found.0.is_some() || found.1.is_some()).then_some(found)
    })?;
    let openstack = key.and_then(|key| OPENSTACK.into_iter().find(|code| code.as_str().eq_ignore_ascii_case(key)));
    // A number repeats the HTTP status, the key says more; a code of the vendor's own says most.
    let number = code.as_deref().is_none_or(|code| code.bytes().all(|c| c.is_ascii_digit()));
    let code = if number { openstack.or_else(|| code.map(ErrorCode::new)) } else { code.map(ErrorCode::new) };
    Some(Envelope {
        code,
        item_not_found: message.is_some_and(|message| message.contains(ErrorCode::ITEM_NOT_FOUND.as_str())),
        message: message.map(|message| sanitise(before_canonical_request(message), MESSAGE)),
        request_id: text(object.get("request_id")),
    })
}

/// A refused signature comes with the request as the gateway saw it: long, and with the session token in it.
fn before_canonical_request(message: &str) -> &str {
    message.split_once("canonicalRequest").map_or(message, |(before, _)| before.trim_end_matches([' ', ',', ':']))
}

/// Text or a number, but not an empty text.
fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.trim().is_empty() => Some(sanitise(text, 100)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> String {
        Envelope::of_error(body.as_bytes()).unwrap().code.unwrap().as_str().to_owned()
    }

    #[test]
    fn every_shape_gives_its_code_and_message() {
        for (body, expected) in [
            (r#"{"error":{"code":"Ecs.0114","message":"m"}}"#, "Ecs.0114"),
            (
                r#"{"error":{"code":"Ecs.0611","message":"m"},"internalError":[{"id":"x","error_code":"Ecs.1"}]}"#,
                "Ecs.0611",
            ),
            (r#"{"itemNotFound":{"code":404,"message":"m"}}"#, "itemNotFound"),
            (r#"{"itemNotFound":{"code":"EVS.5404","message":"m"}}"#, "EVS.5404"),
            (r#"{"itemNotFound":{"code":"404","message":"m"}}"#, "itemNotFound"),
            (r#"{"badrequest":{"message":"m"}}"#, "badRequest"),
            (r#"{"conflictingRequest":{"code":409,"message":"m"}}"#, "conflictingRequest"),
            (r#"{"error_code":"ModelArts.6404","error_msg":"m"}"#, "ModelArts.6404"),
            (r#"{"error_msg":"m","error_code":"APIGW.0301","request_id":"r"}"#, "APIGW.0301"),
            (r#"{"errorCode":"X.1","errorMsg":"m"}"#, "X.1"),
            (r#"{"code":"Common.0011","message":"m"}"#, "Common.0011"),
            (r#"{"error":{"code":400,"message":"m","title":"Bad Request"}}"#, "400"),
            (r#"{"error":{"error_code":"IAM.0011","error_msg":"m"}}"#, "IAM.0011"),
            (r#"{"error_code":"PAP.0001","error_msg":"m","encoded_authorization_message":"XXXX"}"#, "PAP.0001"),
            (r#"{"error":{"code":"Ecs.0001","message":"m","details":[{"code":"Ecs.2","message":"n"}]}}"#, "Ecs.0001"),
        ] {
            assert_eq!(code(body), expected, "{body}");
            assert_eq!(Envelope::of_error(body.as_bytes()).unwrap().message.as_deref(), Some("m"), "{body}");
        }
    }

    #[test]
    fn what_is_no_error_gives_none() {
        for body in [
            "",
            "null",
            "[]",
            "\"error\"",
            "{",
            "{}",
            "<html>",
            r#"{"volumes":[]}"#,
            r#"{"error":null}"#,
            r#"{"error":"text"}"#,
        ] {
            assert_eq!(Envelope::of_error(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_success_holds_an_error_only_in_an_envelope_of_its_own() {
        let throttled = br#"{"error":{"code":"Common.0024","message":"Flow limit exceeded."}}"#;
        assert_eq!(Envelope::of_success(throttled).unwrap().code, Some(ErrorCode::COMMON_0024));
        let query = br#"{"code":"Common.0025","message":"Query job Error","request_id":"r"}"#;
        assert_eq!(Envelope::of_success(query).unwrap().request_id.as_deref(), Some("r"));
        let failed =
            br#"{"status":"FAIL","job_id":"j","error_code":"Ecs.0205","fail_reason":"r","code":null,"message":null}"#;
        assert_eq!(Envelope::of_success(failed), None);
        for body in [
            r#"{"job_id":"j"}"#,
            "{}",
            "",
            r#"{"message":"done"}"#,
            r#"{"operation_id":"o","operation_error":{"code":"c","message":"m"}}"#,
        ] {
            assert_eq!(Envelope::of_success(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_message_is_cut_before_the_canonical_request_and_holds_no_control_characters() {
        let body = br#"{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information: verify aksk signature fail, canonicalRequest:GET|/v1/|x-security-token:SECRET"}"#;
        let message = Envelope::of_error(body).unwrap().message.unwrap();
        assert_eq!(message, "Incorrect IAM authentication information: verify aksk signature fail");
        let body = format!(r#"{{"error":{{"code":"c","message":"a\nb\u001b[31m{}"}}}}"#, "x".repeat(5000));
        let message = Envelope::of_error(body.as_bytes()).unwrap().message.unwrap();
        assert!(message.starts_with("a b [31mx") && message.chars().count() == MESSAGE, "{message}");
    }

    #[test]
    fn nova_text_inside_a_message_is_seen() {
        let body =
            br#"{"error":{"code":"Ecs.1000","message":"request nova failed: {\"itemNotFound\":{\"code\":404}}"}}"#;
        assert!(Envelope::of_error(body).unwrap().item_not_found);
    }
}
