//! What can go wrong with a call: one error type that says what was asked, what the cloud answered, and what it means.

mod code;
mod envelope;
mod kind;
mod text;

use std::{fmt, sync::Arc, time::Duration};

use http::StatusCode;

pub use self::code::ErrorCode;
pub(super) use self::{
    envelope::Envelope,
    kind::{Subject, kind_of},
    text::{sanitise, unescape},
};
use crate::{
    budget::Ended,
    transport::{ErrorKind, SendError},
};

/// An error of a call. Cheap to clone, so that callers that waited for the same credential can all have it.
///
/// Its text is one line with the vendor's code, message and request id; it never holds a secret.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    operation: &'static str,
    kind: ErrorKind,
    cause: Cause,
    attempts: u32,
    elapsed: Duration,
    may_have_been_processed: bool,
}

/// What is known about the failure, by how far the call came.
#[derive(Debug)]
pub(super) enum Cause {
    /// The cloud answered with an error.
    Api(Answer),
    /// The answer is not what the vendor documents.
    Malformed {
        /// The HTTP status.
        status: StatusCode,
        /// What is wrong with it, and how it begins.
        reason: String,
        /// The vendor's id of the request.
        request_id: Option<String>,
    },
    /// There is no answer.
    Send(SendError),
    /// What the call needs first, a credential or a project, could not be had.
    Needed(Error),
    /// The operation ended before the call began.
    Ended(Ended),
    /// The call was not made.
    Refused(String),
}

/// An error that the cloud answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) code: Option<ErrorCode>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) clock_skew: Option<ClockSkew>,
}

/// How far this machine's clock is from the cloud's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ClockSkew {
    pub(super) distance: Duration,
    pub(super) ahead: bool,
}

/// What is known about the attempts of a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attempts {
    pub(super) attempts: u32,
    pub(super) elapsed: Duration,
    pub(super) may_have_been_processed: bool,
}

impl Error {
    pub(super) fn new(operation: &'static str, kind: ErrorKind, cause: Cause, attempts: Attempts) -> Self {
        let Attempts { attempts, elapsed, may_have_been_processed } = attempts;
        Self(Arc::new(Inner { operation, kind, cause, attempts, elapsed, may_have_been_processed }))
    }

    /// A call that was not made, because of what it asks for or of how the client is configured.
    pub(super) fn refused(operation: &'static str, kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self::new(operation, kind, Cause::Refused(reason.into()), Attempts::default())
    }

    /// A call whose budget ended before it began.
    pub(super) fn ended(operation: &'static str, ended: Ended) -> Self {
        let kind = match ended {
            Ended::Stopped => ErrorKind::Stopped,
            Ended::DeadlineExceeded => ErrorKind::DeadlineExceeded,
        };
        Self::new(operation, kind, Cause::Ended(ended), Attempts::default())
    }

    /// A call that was not made because `error` left it without a credential or a project.
    pub(super) fn not_sent(operation: &'static str, error: Self) -> Self {
        let (kind, attempts, elapsed) = (error.kind(), error.attempts(), error.elapsed());
        Self::new(operation, kind, Cause::Needed(error), Attempts { attempts, elapsed, may_have_been_processed: false })
    }

    /// What it means for the caller.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The vendor's name of the call, e.g. `DetachServerVolume`.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.0.cause {
            Cause::Api(answer) => Some(answer.status),
            Cause::Malformed { status, .. } => Some(*status),
            Cause::Needed(error) => error.status(),
            Cause::Send(_) | Cause::Ended(_) | Cause::Refused(_) => None,
        }
    }

    /// The vendor's error code, where there was one.
    pub fn code(&self) -> Option<&ErrorCode> {
        self.answer().and_then(|answer| answer.code.as_ref())
    }

    /// The vendor's message, on one line and without the canonical request.
    pub fn message(&self) -> Option<&str> {
        self.answer().and_then(|answer| answer.message.as_deref())
    }

    /// The id by which the vendor's support finds the call.
    pub fn request_id(&self) -> Option<&str> {
        match &self.0.cause {
            Cause::Malformed { request_id, .. } => request_id.as_deref(),
            _ => self.answer().and_then(|answer| answer.request_id.as_deref()),
        }
    }

    /// How far this machine's clock is from the cloud's, where the call was refused with 401 and it is more than five minutes.
    pub fn clock_skew(&self) -> Option<Duration> {
        self.answer().and_then(|answer| answer.clock_skew).map(|skew| skew.distance)
    }

    /// How many attempts were made, of the call or of the one it needed first; zero where neither was sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The time all attempts took together.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Whether a call that changes something may have been carried out in spite of the error.
    pub fn may_have_been_processed(&self) -> bool {
        self.0.may_have_been_processed
    }

    fn answer(&self) -> Option<&Answer> {
        match &self.0.cause {
            Cause::Api(answer) => Some(answer),
            Cause::Needed(error) => error.answer(),
            Cause::Malformed { .. } | Cause::Send(_) | Cause::Ended(_) | Cause::Refused(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { operation, cause, attempts, elapsed, .. } = &*self.0;
        match cause {
            Cause::Send(error) => return write!(f, "{error}"),
            Cause::Needed(error) => return write!(f, "{operation} was not sent: {error}"),
            Cause::Ended(ended) => return write!(f, "{operation}: {ended}"),
            Cause::Refused(reason) => return write!(f, "{operation}: {reason}"),
            Cause::Api(answer) => write!(f, "{operation}: {answer}")?,
            Cause::Malformed { status, reason, .. } => write!(f, "{operation}: {reason} (HTTP {}", status.as_u16())?,
        }
        if let Some(request_id) = self.request_id() {
            write!(f, ", request id {request_id}")?;
        }
        let (seconds, millis) = (elapsed.as_secs(), elapsed.subsec_millis());
        write!(f, ", attempt {attempts}, {seconds}.{millis:03} s)")
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.code, &self.message) {
            (Some(code), Some(message)) => write!(f, "{code}: {message}")?,
            (Some(code), None) => write!(f, "{code}")?,
            (None, Some(message)) => write!(f, "{message}")?,
            (None, None) => write!(f, "{}", self.status.canonical_reason().unwrap_or("an error without a word"))?,
        }
        if let Some(ClockSkew { distance, ahead }) = self.clock_skew {
            let side = if ahead { "ahead of" } else { "behind" };
            write!(f, "; this machine's clock is {} s {side} the cloud's", distance.as_secs())?;
        }
        write!(f, " (HTTP {}", self.status.as_u16())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("operation", &self.0.operation)
            .field("kind", &self.0.kind)
            .field("cause", &self.0.cause)
            .field("attempts", &self.0.attempts)
            .field("elapsed", &self.0.elapsed)
            .field("may_have_been_processed", &self.0.may_have_been_processed)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            Cause::Needed(error) => Some(error),
            Cause::Send(error) => error.source(),
            Cause::Api(_) | Cause::Malformed { .. } | Cause::Ended(_) | Cause::Refused(_) => None,
        }
    }
}
