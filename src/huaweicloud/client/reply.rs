//! Reading an answer: is it one, is it an error, and does it hold what the vendor documents.

use std::time::{Duration, SystemTime};

use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, DATE, LOCATION},
};
use serde::de::DeserializeOwned;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use super::call::{Call, Seen};
use crate::{
    budget::Ended,
    huaweicloud::error::{Answer, Attempts, Cause, ClockSkew, Envelope, Error, Subject, kind_of, sanitise},
    transport::{
        Classify, ErrorKind, Response, RetryAction, SendCause, SendError, request_id, retry_after, status_action,
    },
};

/// Error envelopes are small: a longer success is not searched for one.
const ENVELOPE: usize = 16 * 1024;
/// How much of an answer that cannot be read is shown, in characters.
const EXCERPT: usize = 200;
/// The vendor tolerates fifteen minutes; a clock that is off by a third of that will soon be the cause.
const SKEW: Duration = Duration::from_secs(300);

/// Throttling by the body's code, which may come with HTTP 202, and all else by the status.
pub(super) struct Retrying;

impl Classify for Retrying {
    fn classify(&self, response: &Response) -> RetryAction {
        let code = envelope(response).and_then(|envelope| envelope.code);
        match code.and_then(|code| code.kind()) {
            Some(ErrorKind::Throttled) => RetryAction::Throttled { after: retry_after(&response.headers) },
            _ => status_action(response.status, &response.headers),
        }
    }
}

/// A successful answer, not yet decoded.
pub(in crate::huaweicloud) struct Reply {
    operation: &'static str,
    response: Response,
    elapsed: Duration,
    mutating: bool,
    secret: bool,
    seen: Seen,
}

impl Reply {
    /// Tells success from error.
    pub(super) fn new(call: &Call<'_>, response: Response, seen: Seen, elapsed: Duration) -> Result<Self, Error> {
        if response.status.is_success() && envelope(&response).is_none() {
            let (operation, mutating, secret) = (call.operation, call.is_mutating(), call.secret);
            return Ok(Self { operation, response, elapsed, mutating, secret, seen });
        }
        Err(error(call, &response, &seen, elapsed))
    }

    /// A header as text.
    pub(in crate::huaweicloud) fn header(&self, name: &'static str) -> Option<&str> {
        self.response.headers.get(name)?.to_str().ok()
    }

    /// Whether it has no body.
    pub(in crate::huaweicloud) fn is_empty(&self) -> bool {
        self.response.body.is_empty()
    }

    /// Reads the body.
    ///
    /// # Errors
    /// Of kind `Malformed`, or `AnswerLost` for a call that changes something: it was accepted, and we do not know as what.
    pub(in crate::huaweicloud) fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.response.body).map_err(|error| {
            // The parser's message may quote the body.
            let text = if self.secret {
                format!("cannot be read at line {}, column {}", error.line(), error.column())
            } else {
                format!("cannot be read: {}", sanitise(&self.seen.conceal(&error.to_string()), EXCERPT))
            };
            let shown = self.seen.concealed(&self.response);
            self.malformed(&format!("the answer {text}{}", excerpt(&shown, self.secret)))
        })
    }

    /// An error that says what is wrong with the answer.
    pub(in crate::huaweicloud) fn malformed(&self, reason: &str) -> Error {
        let kind = if self.mutating { ErrorKind::AnswerLost } else { ErrorKind::Malformed };
        let cause = Cause::Malformed {
            status: self.response.status,
            reason: reason.to_owned(),
            request_id: id(&self.response.headers, None),
        };
        let (attempts, elapsed) = (self.response.attempts, self.elapsed);
        Error::new(self.operation, kind, cause, Attempts { attempts, elapsed, may_have_been_processed: self.mutating })
    }
}

/// The error of a call without an answer, or with one that leaves open what happened.
pub(super) fn failed(call: &Call<'_>, error: SendError, seen: &Seen) -> Error {
    let attempts = error.attempts;
    if let Some(response) = &error.answer {
        return self::error(call, response, seen, error.elapsed);
    }
    let identity = call.subject == Subject::Identity;
    let kind = match (error.kind(), &error.cause) {
        // Asking for a credential changes nothing, whatever became of the answer.
        (_, SendCause::Ended(Ended::Stopped)) if identity => ErrorKind::Stopped,
        (_, SendCause::Ended(Ended::DeadlineExceeded)) if identity => ErrorKind::DeadlineExceeded,
        (ErrorKind::AnswerLost, _) if identity => ErrorKind::Unreachable,
        (kind, _) if error.may_have_been_processed && call.is_mutating() && kind == ErrorKind::Malformed => {
            ErrorKind::AnswerLost
        }
        (kind, _) => kind,
    };
    let may_have_been_processed = error.may_have_been_processed && !identity;
    let (elapsed, cause) = (error.elapsed, Cause::Send(error));
    Error::new(call.operation, kind, cause, Attempts { attempts, elapsed, may_have_been_processed })
}

fn envelope(response: &Response) -> Option<Envelope> {
    if !response.status.is_success() {
        Envelope::of_error(&response.body)
    } else if response.body.len() <= ENVELOPE {
        Envelope::of_success(&response.body)
    } else {
        None
    }
}

fn error(call: &Call<'_>, response: &Response, seen: &Seen, elapsed: Duration) -> Error {
    let response = &seen.concealed(response);
    let envelope = envelope(response);
    let status = response.status;
    let mut kind = kind_of(status, envelope.as_ref(), call.subject, call.is_mutating());
    let request_id = id(&response.headers, envelope.as_ref().and_then(|envelope| envelope.request_id.clone()));
    let cause = match envelope {
        Some(Envelope { code, message, .. }) => {
            let clock_skew =
                if kind == ErrorKind::Unauthenticated { clock_skew(&response.headers, seen.at) } else { None };
            Cause::Api(Answer { status, code, message, request_id, clock_skew })
        }
        // Something other than the service spoke, and its word counts for as little as its text.
        None => {
            if status.is_client_error()
                && status != StatusCode::REQUEST_TIMEOUT
                && !response.body.is_empty()
                && kind != ErrorKind::NoSuchRoute
                && kind != ErrorKind::Throttled
            {
                kind = ErrorKind::Malformed;
            }
            let reason = format!("the answer is not the service's own{}", excerpt(response, call.secret));
            Cause::Malformed { status, reason, request_id }
        }
    };
    let may_have_been_processed = kind == ErrorKind::AnswerLost;
    Error::new(call.operation, kind, cause, Attempts { attempts: response.attempts, elapsed, may_have_been_processed })
}

/// How an answer begins and what it says it is.
fn excerpt(response: &Response, secret: bool) -> String {
    if let Some(target) = response.headers.get(LOCATION).filter(|_| response.status.is_redirection()) {
        let target = target.to_str().unwrap_or_default();
        return format!(
            ": it leads to {}, where nothing is sent",
            sanitise(target.split(['?', '#']).next().unwrap_or_default(), EXCERPT)
        );
    }
    let kind = response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("no content type");
    let kind = sanitise(kind, 60);
    if response.body.is_empty() {
        return format!(": empty, {kind}");
    }
    if secret {
        return format!(": {} bytes, {kind}", response.body.len());
    }
    format!(": {kind}: {}", sanitise(&String::from_utf8_lossy(&response.body), EXCERPT))
}

fn id(headers: &HeaderMap, body: Option<String>) -> Option<String> {
    let header = request_id(headers).or_else(|| headers.get("x-iam-trace-id")?.to_str().ok());
    header.map(|id| sanitise(id, 100)).or(body)
}

fn clock_skew(headers: &HeaderMap, signed_at: Option<SystemTime>) -> Option<ClockSkew> {
    let there = SystemTime::from(OffsetDateTime::parse(headers.get(DATE)?.to_str().ok()?, &Rfc2822).ok()?);
    let here = signed_at?;
    let (distance, ahead) = match here.duration_since(there) {
        Ok(distance) => (distance, true),
        Err(error) => (error.duration(), false),
    };
    (distance > SKEW).then_some(ClockSkew { distance, ahead })
}
