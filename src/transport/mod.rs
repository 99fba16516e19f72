//! HTTP without any cloud: one logical call is attempts of { rate limit, sign, send, classify, back off }.
//!
//! What is sent again, which callers may rely on:
//! - no connection was made: any call;
//! - the cloud refused for now ([`RetryAction::Throttled`]): any call;
//! - the connection broke, no answer came in time, or the cloud failed ([`RetryAction::Transient`]): only a call that is
//!   [`Request::idempotent`]; for another one the result is a [`SendError`] of kind [`ErrorKind::AnswerLost`];
//! - at most [`TransportConfig::max_retries`] times, and never when the next attempt would come after the deadline; the
//!   last answer is then handed over as it is.
//!
//! Redirects are answers. The time between attempts is the server's `Retry-After`, else a back-off with jitter, a slow
//! one after throttling. Each attempt is signed anew, because both clouds sign the time.

mod classify;
mod client;
mod config;
mod error;
mod limit;
mod loopback;
mod message;
mod retry;
mod service;
#[cfg(test)]
mod tests;
mod tls;
mod trace;

pub use classify::{ByStatus, retry_after, status_action};
pub use client::{Transport, Unsigned};
pub use config::{Clock, ConfigError, TlsConfig, TransportConfig, system_clock};
pub use error::{ErrorKind, SendCause, SendError};
pub(crate) use loopback::is_loopback;
pub use message::{Classify, Request, Response, RetryAction, Sign, SignError};
pub use service::{Service, ServiceError};
pub use trace::request_id;
