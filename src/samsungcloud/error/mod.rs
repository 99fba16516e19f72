//! Why a call failed: one type for whatever the transport, the service or something on the way to it says.

mod answer;

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, Method, StatusCode, header::DATE};
use time::{OffsetDateTime, PrimitiveDateTime, macros::format_description};

use self::answer::{Answer, EXCERPT, MESSAGE, NO_SUCH_VERSION, one_line};
pub(super) use self::answer::{Classifier, is_accepted};
use super::{endpoint::LookupError, version::OfferedVersion};
use crate::{
    budget::Ended,
    transport::{ErrorKind, Request, Response, SendError},
};

/// A smaller difference between two clocks is not worth a word.
const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// Why a call failed. Never holds a secret.
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

/// How far this machine's clock is from the cloud's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct ClockSkew {
    distance: Duration,
    ahead: bool,
}

#[derive(Clone, Debug)]
struct Inner {
    operation: &'static str,
    kind: ErrorKind,
    target: Option<(Method, String)>,
    status: Option<StatusCode>,
    code: Option<String>,
    message: String,
    request_id: Option<String>,
    attempts: u32,
    elapsed: Duration,
    may_have_been_processed: bool,
    clock_skew: Option<ClockSkew>,
    offered_versions: Vec<OfferedVersion>,
}

impl Error {
    /// The vendor's name of the call, as IAM policies have it, e.g. `DetachVolumeVirtualServer`.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// What it means for the caller. A 409 is always [`ErrorKind::Conflict`], passing or lasting: look again to tell.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The service's error code. Codes are not of one style and mostly undocumented.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What was answered, on one line: the service's words, or what can be told of a body that is not the service's.
    pub fn message(&self) -> Option<&str> {
        self.0.status.map(|_| self.0.message.as_str())
    }

    /// The id by which the vendor's support finds the call.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How many attempts were made; 0 when nothing was sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Time since the first attempt.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Whether a call that changes something may have been carried out in spite of the error.
    pub fn may_have_been_processed(&self) -> bool {
        self.0.may_have_been_processed
    }

    /// After a 401: how far this machine's clock is from the cloud's, where that is more than five minutes.
    pub fn clock_skew(&self) -> Option<Duration> {
        self.0.clock_skew.map(|skew| skew.distance)
    }

    /// After a version was refused: those that the service offers; empty where it could not be asked.
    pub fn offered_versions(&self) -> &[OfferedVersion] {
        &self.0.offered_versions
    }

    /// Nothing came of the call, as far as the transport can tell.
    pub(super) fn from_send(error: &SendError, request: &Request, redact: &dyn Fn(&str) -> String) -> Self {
        let &SendError { attempts, elapsed, .. } = error;
        match &error.answer {
            // The cloud answered, and what it did is open all the same: its words, the transport's judgement.
            Some(answer) => {
                let mut told = Self::from_response(answer, request, elapsed, redact);
                told.0.kind = error.kind();
                told.0.may_have_been_processed = error.may_have_been_processed;
                told
            }
            None => {
                let about = Inner::about(request, error.kind(), one_line(&error.cause.to_string(), MESSAGE));
                let may_have_been_processed = error.may_have_been_processed;
                Self(Box::new(Inner { attempts, elapsed, may_have_been_processed, ..about }))
            }
        }
    }

    /// An answer that is not the one asked for.
    pub(super) fn from_response(
        response: &Response,
        request: &Request,
        elapsed: Duration,
        redact: &dyn Fn(&str) -> String,
    ) -> Self {
        let answer = Answer::read(response, redact);
        let kind = answer.kind(response, request.idempotent);
        Self(Box::new(Inner {
            status: Some(response.status),
            code: answer.code.map(|code| one_line(&redact(&code), EXCERPT)),
            request_id: answer.request_id.map(|id| one_line(&id, EXCERPT)),
            attempts: response.attempts,
            elapsed,
            may_have_been_processed: !request.method.is_safe() && is_open(kind),
            ..Inner::about(request, kind, answer.message)
        }))
    }

    /// An answer of success that lacks what was asked for; `reason` says what.
    pub(super) fn malformed(response: &Response, request: &Request, elapsed: Duration, reason: &str) -> Self {
        let message = format!("the answer cannot be used: {}", one_line(reason, EXCERPT));
        Self(Box::new(Inner {
            status: Some(response.status),
            attempts: response.attempts,
            elapsed,
            ..Inner::about(request, ErrorKind::Malformed, message)
        }))
    }

    /// An id that would not stay within its place in a URL; nothing was sent.
    pub(super) fn invalid_id(operation: &'static str, id: &str) -> Self {
        let message = format!("\"{}\" is no id", one_line(id, EXCERPT));
        Self(Box::new(Inner::new(operation, ErrorKind::Invalid, message)))
    }

    /// The catalog gives no endpoint; nothing was sent to the service.
    pub(super) fn lookup(operation: &'static str, error: &LookupError) -> Self {
        Self(Box::new(Inner::new(operation, ErrorKind::Configuration, one_line(&error.to_string(), MESSAGE))))
    }

    /// The budget ended before anything was sent.
    pub(super) fn ended(operation: &'static str, ended: Ended) -> Self {
        let kind = match ended {
            Ended::Stopped => ErrorKind::Stopped,
            Ended::DeadlineExceeded => ErrorKind::DeadlineExceeded,
        };
        Self(Box::new(Inner::new(operation, kind, ended.to_string())))
    }

    /// For a call that looks up where to go: what it does not find is never the server or the volume.
    pub(super) fn of_lookup(mut self) -> Self {
        if self.0.kind == ErrorKind::NotFound {
            self.0.kind = ErrorKind::NoSuchRoute;
        }
        self
    }

    /// Whether the service refused the version that was asked for.
    pub(super) fn is_version_refused(&self) -> bool {
        self.0.status == Some(StatusCode::NOT_ACCEPTABLE) || self.code() == Some(NO_SUCH_VERSION)
    }

    /// A service that lists its versions is at the right address, whatever its refusal looked like.
    pub(super) fn with_offered_versions(mut self, versions: Vec<OfferedVersion>) -> Self {
        if !versions.is_empty() {
            self.0.kind = ErrorKind::Configuration;
        }
        self.0.offered_versions = versions;
        self
    }

    /// Compares the cloud's `Date` with the time an attempt was signed at, if a wrong clock may be the cause.
    pub(super) fn with_clocks(mut self, headers: &HeaderMap, signed_at: Option<SystemTime>) -> Self {
        if self.0.kind == ErrorKind::Unauthenticated {
            self.0.clock_skew = signed_at.zip(date(headers)).and_then(|(ours, theirs)| {
                let skew = OffsetDateTime::from(ours) - theirs;
                let skew = ClockSkew { distance: skew.unsigned_abs(), ahead: skew.is_positive() };
                (skew.distance > CLOCK_SKEW).then_some(skew)
            });
        }
        self
    }
}

impl Inner {
    fn new(operation: &'static str, kind: ErrorKind, message: String) -> Self {
        Self {
            operation,
            kind,
            target: None,
            status: None,
            code: None,
            message,
            request_id: None,
            attempts: 0,
            elapsed: Duration::ZERO,
            may_have_been_processed: false,
            clock_skew: None,
            offered_versions: Vec::new(),
        }
    }

    fn about(request: &Request, kind: ErrorKind, message: String) -> Self {
        let mut url = request.url.clone();
        url.set_query(None);
        Self { target: Some((request.method.clone(), url.into())), ..Self::new(request.operation, kind, message) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { operation, target, status, code, message, request_id, attempts, elapsed, clock_skew, .. } =
            &*self.0;
        write!(f, "{operation}: ")?;
        if let Some(status) = status {
            write!(f, "HTTP {} ", status.as_u16())?;
        }
        if let Some(code) = code {
            write!(f, "{code}: ")?;
        }
        f.write_str(message)?;
        if let Some(ClockSkew { distance, ahead }) = clock_skew {
            let side = if *ahead { "ahead of" } else { "behind" };
            write!(f, "; this machine's clock is {} s {side} the cloud's", distance.as_secs())?;
        }
        if let Some((method, url)) = target {
            write!(f, " ({method} {url}, attempt {attempts}, {}.{:03} s", elapsed.as_secs(), elapsed.subsec_millis())?;
            if let Some(id) = request_id {
                write!(f, ", request {id}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Whether an answer of this kind leaves open what the cloud did.
fn is_open(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::AnswerLost | ErrorKind::Server | ErrorKind::Malformed)
}

/// `Date`, the time at which the cloud answered.
fn date(headers: &HeaderMap) -> Option<OffsetDateTime> {
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    Some(PrimitiveDateTime::parse(headers.get(DATE)?.to_str().ok()?, format).ok()?.assume_utc())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;
    use url::Url;

    use super::*;
    use crate::transport::SendCause;

    fn request(idempotent: bool) -> Request {
        Request {
            operation: "DetachVolumeVirtualServer",
            method: Method::DELETE,
            url: Url::parse("https://example.com/v1/volumes/1/servers/2?query=hush").unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            idempotent,
        }
    }

    fn response(status: u16, body: &str) -> Response {
        let status = StatusCode::from_u16(status).unwrap();
        Response { status, headers: HeaderMap::new(), body: Bytes::from(body.to_owned()), attempts: 2 }
    }

    fn redact(text: &str) -> String {
        text.replace("hush", "***")
    }

    fn error(status: u16, body: &str) -> Error {
        Error::from_response(&response(status, body), &request(false), Duration::from_millis(1250), &redact)
    }

    #[test]
    fn an_error_says_what_was_attempted_what_came_back_and_by_which_id_support_finds_it() {
        let error = error(
            409,
            r#"{"errors":[{"code":"VirtualServer.AttachVolume.Conflict","detail":["Busy."],
            "request_id":"req-1","status":409,"title":"Conflict"}]}"#,
        );
        assert_eq!(
            error.to_string(),
            "DetachVolumeVirtualServer: HTTP 409 VirtualServer.AttachVolume.Conflict: Busy. \
             (DELETE https://example.com/v1/volumes/1/servers/2, attempt 2, 1.250 s, request req-1)"
        );
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(error.code(), Some("VirtualServer.AttachVolume.Conflict"));
        assert_eq!(error.message(), Some("Busy."));
        assert_eq!(error.request_id(), Some("req-1"));
        assert_eq!((error.attempts(), error.elapsed()), (2, Duration::from_millis(1250)));
    }

    #[test]
    fn what_an_answer_repeats_of_a_secret_is_shown_nowhere() {
        let long = "x ".repeat(MESSAGE / 2 - 1);
        for body in [
            r#"{"errors":[{"code":"hush","detail":"no hush","title":"hush","request_id":"1"}]}"#.to_owned(),
            format!(r#"{{"errors":[{{"detail":"{long} hush"}}]}}"#),
            r#"{"status":401,"path":"/","error":"hush"}"#.to_owned(),
            r#"[{"msg":"hush","loc":["hush"]}]"#.to_owned(),
            format!("<html>{}hush</html>", "x".repeat(EXCERPT - 8)),
        ] {
            let error = error(401, &body);
            assert!(!format!("{error} {error:?}").contains("hu"), "{error}");
        }
    }

    #[test]
    fn a_lost_answer_keeps_the_clouds_words_and_the_transports_judgement() {
        let answer = response(500, r#"{"errors":[{"code":"InternalServerError","detail":"Ask.","status":500}]}"#);
        let lost = SendError {
            operation: "DetachVolumeVirtualServer",
            method: Method::DELETE,
            url: String::new(),
            attempts: 2,
            elapsed: Duration::from_secs(3),
            may_have_been_processed: true,
            cause: SendCause::Ambiguous(StatusCode::INTERNAL_SERVER_ERROR),
            answer: Some(Box::new(answer)),
        };
        let error = Error::from_send(&lost, &request(false), &redact);
        assert_eq!((error.kind(), error.code()), (ErrorKind::AnswerLost, Some("InternalServerError")));
        assert_eq!((error.message(), error.attempts(), error.elapsed()), (Some("Ask."), 2, Duration::from_secs(3)));

        let silent = SendError { cause: SendCause::Interrupted("reset".to_owned()), answer: None, ..lost };
        let error = Error::from_send(&silent, &request(false), &redact);
        assert_eq!((error.kind(), error.status()), (ErrorKind::AnswerLost, None));
        assert!(error.to_string().contains("the connection broke before the answer was complete: reset"), "{error}");
        assert!(!error.to_string().contains("query"), "{error}");
    }

    #[test]
    fn a_wrong_clock_is_told_after_a_401_and_only_when_it_is_far_off() {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, HeaderValue::from_static("Fri, 13 Nov 2020 18:03:45 GMT"));
        let signed =
            |minutes: u64| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1_605_290_625 + minutes * 60));
        let skew = |status, minutes| error(status, "").with_clocks(&headers, signed(minutes)).clock_skew();
        assert_eq!(skew(401, 20), Some(Duration::from_secs(20 * 60)));
        assert_eq!(skew(401, 5), None);
        assert_eq!(skew(403, 20), None);
        assert_eq!(error(401, "").with_clocks(&HeaderMap::new(), signed(20)).clock_skew(), None);
        headers.insert(DATE, HeaderValue::from_static("Fri, 13 Nov 2020 18:23:45 GMT"));
        let behind = error(401, "").with_clocks(&headers, signed(0)).to_string();
        assert!(behind.contains("this machine's clock is 1200 s behind the cloud's"), "{behind}");
        headers.insert(DATE, HeaderValue::from_static("Fri, 13 Nov 2020 18:03:45 GMT"));
        let error = error(401, "").with_clocks(&headers, signed(20));
        assert!(error.to_string().contains("this machine's clock is 1200 s ahead of the cloud's"), "{error}");
    }

    #[test]
    fn nothing_sent_is_told_without_an_attempt() {
        let error = Error::invalid_id("ShowVolume", "../\n1");
        assert_eq!(error.to_string(), "ShowVolume: \"../ 1\" is no id");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Invalid, 0));
        assert_eq!(Error::ended("ShowVolume", Ended::Stopped).kind(), ErrorKind::Stopped);
        assert_eq!(Error::ended("ShowVolume", Ended::DeadlineExceeded).kind(), ErrorKind::DeadlineExceeded);
        assert_eq!(Error::lookup("ListEndpoints", &LookupError::NoService).kind(), ErrorKind::Configuration);
    }
}
