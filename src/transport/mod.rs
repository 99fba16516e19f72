//! HTTP without any cloud: one logical call is attempts of { rate limit, sign, send, classify, back off }.

mod error;
mod message;

pub use error::{ErrorKind, SendCause, SendError};
pub use message::{Classify, Request, Response, RetryAction, Sign, SignError};
