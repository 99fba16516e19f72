//! A client of Huawei Cloud for block volumes: ECS, EVS, ModelArts Lite Server, and the IAM calls behind them.
//!
//! It knows nothing of Terraform, reads neither environment nor files, and prints nothing. [`Config`] is plain data;
//! [`Client::new`] checks it; every call takes a [`crate::budget::Budget`] and gives a typed answer or an [`Error`] whose
//! [`Error::kind`] says what it means. Calls carry the vendor's operation ids in snake case. What waits for a job, what tries
//! again after a conflict and what talks to people is elsewhere.
//!
//! A call goes: project id (looked up once for each region) → URL ([`endpoint`]) → attempts { credential → signature → send }
//! ([`crate::transport`]) → error or reply ([`error`]).

pub mod client;
pub mod config;
pub mod credential;
pub mod ecs;
pub mod endpoint;
pub mod error;
pub mod evs;
mod iam;
pub mod job;
pub mod modelarts;
#[cfg(test)]
mod script;
pub mod signer;

pub use self::{
    client::Client,
    config::{AssumeRole, Config, EndpointConfig},
    credential::AccessKey,
    error::{Error, ErrorCode},
};
pub use crate::config_error::{ConfigError, Problem};
