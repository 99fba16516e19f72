//! What a call is made of: the request before it is signed, the response as it came, and the two questions a cloud answers.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::trace::{request_id, shown};

/// One logical call, before it is signed. Each attempt signs a copy of its own.
#[derive(Clone)]
pub struct Request {
    /// The vendor's name of the call, e.g. `AttachServerVolume`; for logs, errors and rate limits.
    pub operation: &'static str,
    /// The method.
    pub method: Method,
    /// The whole URL, built once, signed and sent as it is.
    pub url: Url,
    /// Headers other than the signature's.
    pub headers: HeaderMap,
    /// The exact bytes to send; empty for none.
    pub body: Bytes,
    /// Whether sending it twice does no harm. Every GET is; a mutating call is only where its doc says so.
    pub idempotent: bool,
}

/// A response, whole: its body is read to the end and capped.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How many attempts the call took, one or more.
    pub attempts: u32,
}

// Tokens and keys travel in headers, bodies and queries: neither `Debug` shows any of them.

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("url", &shown(&self.url))
            .field("body_bytes", &self.body.len())
            .field("idempotent", &self.idempotent)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("request_id", &request_id(&self.headers))
            .field("body_bytes", &self.body.len())
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Signs one attempt.
#[async_trait]
pub trait Sign: Send + Sync {
    /// Fetches what signing needs, if it has to be waited for: what is signed next is the time after that.
    ///
    /// # Errors
    /// [`SignError`] when no credential can be had; the call is not sent.
    async fn prepare(&self, _now: SystemTime) -> Result<(), SignError> {
        Ok(())
    }

    /// Adds to `request` whatever proves who sends it. `now` is the wall-clock time of this attempt.
    ///
    /// # Errors
    /// [`SignError`] when the request cannot be signed; the call is not sent.
    async fn sign(&self, request: &mut Request, now: SystemTime) -> Result<(), SignError>;
}

/// Why an attempt could not be signed. The text never holds a secret.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SignError(pub String);

/// Tells from a response what to do next; each cloud has its own.
pub trait Classify: Send + Sync {
    /// Looks at the status, the headers and the body's error code, never at its text.
    fn classify(&self, response: &Response) -> RetryAction;
}

/// What a response means for the next attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RetryAction {
    /// An answer, good or bad: hand it to the caller.
    Done,
    /// The cloud refused to process the call for now (429, a throttling code, 503 in the vendor's own envelope):
    /// any call may be sent again, not before `after`.
    Throttled {
        /// The server's own wish (`Retry-After`).
        after: Option<Duration>,
    },
    /// The call failed on the way or in the server (500, 502, 503, 504): it may or may not have been processed.
    /// Only an idempotent call is sent again; for another the answer counts as lost.
    Transient {
        /// The server's own wish (`Retry-After`).
        after: Option<Duration>,
    },
}
