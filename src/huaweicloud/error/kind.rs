//! What an error means for the caller: the code decides, then the status, and what the call was about.

use http::StatusCode;

use super::{Envelope, ErrorCode};
use crate::transport::ErrorKind;

/// What a call is about, which is what "not found" is said of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Subject {
    /// One thing, or several that all have to exist.
    Thing,
    /// A pair of server and volume: what is not found may be the pair only.
    Pair,
    /// A credential or a project. Never "not found", lest a wrong account be taken for a volume that is gone.
    Identity,
}

/// The kind of an error answer. Only the vendor's own code makes "not found" of it: a 404 alone may come from a proxy, a
/// gateway or a wrong URL.
pub(crate) fn kind_of(status: StatusCode, envelope: Option<&Envelope>, subject: Subject, mutating: bool) -> ErrorKind {
    let code = envelope.and_then(|envelope| envelope.code.as_ref());
    let item_not_found = envelope.is_some_and(|envelope| envelope.item_not_found);
    let kind = match (code, code.and_then(ErrorCode::kind)) {
        // ECS hands on what its OpenStack service said.
        (Some(code), _) if *code == ErrorCode::ITEM_NOT_FOUND || *code == ErrorCode::ECS_1000 && item_not_found => {
            if subject == Subject::Pair {
                ErrorKind::NotAttached
            } else {
                ErrorKind::NotFound
            }
        }
        // The same code for a service that cannot be reached and for a request that is too large.
        (Some(code), _) if *code == ErrorCode::APIGW_0201 && status.is_client_error() => ErrorKind::Invalid,
        (_, Some(kind)) => kind,
        (_, None) => by_status(status, envelope.is_some()),
    };
    match kind {
        ErrorKind::NotFound | ErrorKind::NotAttached if subject == Subject::Identity => ErrorKind::Configuration,
        ErrorKind::NoSuchRoute
            if subject == Subject::Identity && envelope.is_some() && code != Some(&ErrorCode::APIGW_0101) =>
        {
            ErrorKind::Configuration
        }
        ErrorKind::Server if mutating && leaves_open(status, code) => ErrorKind::AnswerLost,
        kind => kind,
    }
}

/// Whether a failed service may have done what it was asked to. With `Ecs.1000` ECS hands on a refusal of its OpenStack
/// service; with the other codes it does not know what became of the request.
fn leaves_open(status: StatusCode, code: Option<&ErrorCode>) -> bool {
    const LOST: [ErrorCode; 3] = [ErrorCode::ECS_1001, ErrorCode::ECS_1002, ErrorCode::ECS_1300];
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT || code.is_some_and(|code| LOST.contains(code))
}

fn by_status(status: StatusCode, vendors_own: bool) -> ErrorKind {
    match status {
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthenticated,
        StatusCode::FORBIDDEN => ErrorKind::PermissionDenied,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => ErrorKind::NoSuchRoute,
        StatusCode::CONFLICT => ErrorKind::Conflict,
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::Throttled,
        // Whoever says it gave up waiting, which tells nothing of what was done.
        StatusCode::REQUEST_TIMEOUT => ErrorKind::Server,
        _ if status.is_server_error() => ErrorKind::Server,
        _ if status.is_client_error() && vendors_own => ErrorKind::Invalid,
        _ => ErrorKind::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str, subject: Subject, mutating: bool) -> ErrorKind {
        let envelope = Envelope::of_error(body.as_bytes());
        kind_of(StatusCode::from_u16(status).unwrap(), envelope.as_ref(), subject, mutating)
    }

    fn ecs(code: &str) -> String {
        format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#)
    }

    #[test]
    fn a_404_is_not_found_only_with_a_code_that_says_so() {
        for subject in [Subject::Thing, Subject::Pair] {
            assert_eq!(kind(404, &ecs("Ecs.0114"), subject, false), ErrorKind::NotFound);
            assert_eq!(kind(404, &ecs("Ecs.9999"), subject, false), ErrorKind::NoSuchRoute);
            assert_eq!(
                kind(404, r#"{"error_code":"APIGW.0101","error_msg":"m"}"#, subject, false),
                ErrorKind::NoSuchRoute
            );
            assert_eq!(
                kind(404, r#"{"error_code":"APIG.0101","error_msg":"m"}"#, subject, false),
                ErrorKind::NoSuchRoute
            );
            assert_eq!(kind(404, r#"{"code":404,"message":"Not Found"}"#, subject, false), ErrorKind::NoSuchRoute);
            assert_eq!(kind(404, r#"{"message":"no Route matched"}"#, subject, false), ErrorKind::NoSuchRoute);
            assert_eq!(kind(404, "<html>404</html>", subject, false), ErrorKind::NoSuchRoute);
            assert_eq!(kind(404, "", subject, false), ErrorKind::NoSuchRoute);
        }
    }

    #[test]
    fn a_code_outweighs_its_status() {
        assert_eq!(kind(400, &ecs("Ecs.0114"), Subject::Thing, false), ErrorKind::NotFound);
        assert_eq!(
            kind(400, r#"{"error_code":"ModelArts.6404","error_msg":"m"}"#, Subject::Thing, true),
            ErrorKind::NotFound
        );
        assert_eq!(kind(400, &ecs("Ecs.0111"), Subject::Pair, true), ErrorKind::NotAttached);
        assert_eq!(kind(400, &ecs("Ecs.0057"), Subject::Thing, true), ErrorKind::AlreadyAttached);
        assert_eq!(kind(501, &ecs("Ecs.0603"), Subject::Pair, true), ErrorKind::Conflict);
        assert_eq!(kind(202, &ecs("Common.0024"), Subject::Pair, true), ErrorKind::Throttled);
    }

    #[test]
    fn a_project_that_is_not_the_credentials_is_a_matter_of_the_configuration() {
        for (status, code) in [(400, "Ecs.0023"), (400, "Common.0018"), (403, "Common.0018")] {
            assert_eq!(kind(status, &ecs(code), Subject::Pair, true), ErrorKind::Configuration, "{code}");
        }
        assert_eq!(kind(403, &ecs("Ecs.0069"), Subject::Pair, true), ErrorKind::PermissionDenied);
    }

    #[test]
    fn what_nova_did_not_find_is_the_pair_where_the_call_is_about_a_pair() {
        let wrapped = r#"{"error":{"code":"Ecs.1000","message":"{\"itemNotFound\":{}}"}}"#;
        let plain = r#"{"itemNotFound":{"code":404,"message":"m"}}"#;
        for body in [wrapped, plain] {
            assert_eq!(kind(400, body, Subject::Pair, false), ErrorKind::NotAttached);
            assert_eq!(kind(400, body, Subject::Thing, false), ErrorKind::NotFound);
        }
        assert_eq!(kind(400, &ecs("Ecs.1000"), Subject::Pair, false), ErrorKind::Server);
    }

    #[test]
    fn nothing_about_an_identity_is_ever_not_found() {
        for body in [
            r#"{"error":{"code":404,"message":"m","title":"Not Found"}}"#,
            r#"{"itemNotFound":{"code":404,"message":"m"}}"#,
        ] {
            assert_eq!(kind(404, body, Subject::Identity, false), ErrorKind::Configuration);
        }
        let route = r#"{"error_code":"APIGW.0101","error_msg":"m"}"#;
        assert_eq!(kind(404, route, Subject::Identity, false), ErrorKind::NoSuchRoute);
        assert_eq!(
            kind(401, r#"{"error":{"code":401,"message":"m"}}"#, Subject::Identity, false),
            ErrorKind::Unauthenticated
        );
    }

    #[test]
    fn a_failed_service_leaves_open_whether_a_change_was_made() {
        for (status, body) in [
            (500, ecs("Common.0001")),
            (502, String::new()),
            (400, ecs("Ecs.1001")),
            (400, ecs("Ecs.1002")),
            (400, ecs("Ecs.1300")),
            (408, String::new()),
            (408, ecs("X.1")),
            (500, ecs("X.1")),
        ] {
            assert_eq!(kind(status, &body, Subject::Pair, true), ErrorKind::AnswerLost, "{status} {body}");
            assert_eq!(kind(status, &body, Subject::Pair, false), ErrorKind::Server, "{status} {body}");
        }
        assert_eq!(kind(400, &ecs("Ecs.1000"), Subject::Pair, true), ErrorKind::Server);
        assert_eq!(
            kind(413, r#"{"error_code":"APIGW.0201","error_msg":"m"}"#, Subject::Pair, true),
            ErrorKind::Invalid
        );
    }

    #[test]
    fn an_unknown_code_goes_by_its_status() {
        assert_eq!(kind(400, &ecs("Ecs.9999"), Subject::Thing, true), ErrorKind::Invalid);
        assert_eq!(kind(403, &ecs("Ecs.9999"), Subject::Thing, true), ErrorKind::PermissionDenied);
        assert_eq!(kind(409, &ecs("Ecs.9999"), Subject::Thing, true), ErrorKind::Conflict);
        assert_eq!(kind(400, "<html>", Subject::Thing, true), ErrorKind::Malformed);
        assert_eq!(kind(302, "", Subject::Thing, true), ErrorKind::Malformed);
    }
}
