//! Errors of the transport, and the kinds that every cloud sorts its own errors into.

use std::time::Duration;

use super::Response;
use crate::budget::Ended;

/// What an error means for the caller, whichever cloud it came from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ErrorKind {
    /// The vendor's own word that the server, the volume or the job does not exist. A gateway's 404 is not this.
    NotFound,
    /// The pair is attached already.
    AlreadyAttached,
    /// The pair is not attached.
    NotAttached,
    /// Something else is being done to the server or the volume, or its state does not fit: look again, and try again while it is transient.
    Conflict,
    /// A limit was reached: disks of a server, servers of a volume.
    Quota,
    /// The request can never succeed as it is.
    Invalid,
    /// Wrong key, signature, token or clock.
    Unauthenticated,
    /// The credential is known and lacks a permission, or the account is frozen.
    PermissionDenied,
    /// The URL leads to no such call: wrong endpoint or region.
    NoSuchRoute,
    /// Throttled beyond all retries.
    Throttled,
    /// The cloud failed.
    Server,
    /// The call was sent and no answer can be told: it may have been processed.
    AnswerLost,
    /// The call never reached the cloud.
    Unreachable,
    /// An answer that is not what the vendor documents.
    Malformed,
    /// No usable credential or configuration: nothing was sent, or the cloud says that a setting does not fit.
    Configuration,
    /// Terraform asked to stop.
    Stopped,
    /// The operation's time ran out.
    DeadlineExceeded,
}

/// Why a call got no answer, or none that tells what happened. Shows neither header nor body nor query.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {cause} ({method} {url}, attempt {attempts}, {}.{:03} s)", .elapsed.as_secs(), .elapsed.subsec_millis())]
pub struct SendError {
    /// The vendor's name of the call.
    pub operation: &'static str,
    /// The method.
    pub method: http::Method,
    /// The URL without its query.
    pub url: String,
    /// How many attempts were made.
    pub attempts: u32,
    /// Time since the first.
    pub elapsed: Duration,
    /// Whether the cloud may have processed the call; never for a safe method (GET), which has nothing to process.
    pub may_have_been_processed: bool,
    /// What went wrong with the last attempt.
    pub cause: SendCause,
    /// The answer behind [`SendCause::Ambiguous`], for its error code and request id.
    pub answer: Option<Box<Response>>,
}

/// What went wrong with an attempt.
#[derive(Debug, thiserror::Error)]
pub enum SendCause {
    /// No connection: DNS, TCP, TLS.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// No connection, because the server's certificate is not trusted.
    #[error("the server's certificate is not trusted: {0}")]
    Untrusted(String),
    /// The connection broke or the response was cut short.
    #[error("the connection broke before the answer was complete: {0}")]
    Interrupted(String),
    /// No complete answer within the attempt's time.
    #[error("no answer within {} s", .0.as_secs())]
    AttemptTimeout(Duration),
    /// A server error for a call that must not be sent twice.
    #[error("HTTP {0}: whether the call was processed is unknown")]
    Ambiguous(http::StatusCode),
    /// The body is larger than the transport reads.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The request could not be signed; it was not sent.
    #[error("{0}")]
    Sign(String),
    /// The operation was stopped or ran out of time.
    #[error("{0}")]
    Ended(Ended),
}

impl SendError {
    /// The kind that every cloud's error takes over.
    pub fn kind(&self) -> ErrorKind {
        match &self.cause {
            // A stop or a deadline in the middle of a mutating call is both; that the answer was lost is what decides what happens next.
            SendCause::Ended(_) if self.may_have_been_processed => ErrorKind::AnswerLost,
            SendCause::Ended(Ended::Stopped) => ErrorKind::Stopped,
            SendCause::Ended(Ended::DeadlineExceeded) => ErrorKind::DeadlineExceeded,
            SendCause::Sign(_) => ErrorKind::Configuration,
            SendCause::Connect(_) | SendCause::Untrusted(_) => ErrorKind::Unreachable,
            SendCause::TooLarge(_) => ErrorKind::Malformed,
            SendCause::Interrupted(_) | SendCause::AttemptTimeout(_) | SendCause::Ambiguous(_) => ErrorKind::AnswerLost,
        }
    }
}
