//! Being a Terraform plugin: protocol 6 over gRPC, for the Terraform that started us and for nobody else.
//!
//! Reading order: [`serve()`] is the life of the process; `handshake`, `listener` and `tls` are how a client gets in;
//! `router` and `server` are the RPCs; `dynamic`, `codec` and `private` lead from bytes to a [`Resource`] and back.

mod codec;
mod diagnostics;
mod dynamic;
mod environment;
mod handshake;
mod listener;
mod logging;
mod panics;
mod private;
mod provider;
mod resource;
mod router;
mod schema;
mod serve;
mod server;
mod tls;
mod untyped;
mod wire;

pub use dynamic::{Change, DynamicResource, dynamic};
pub use environment::Environment;
pub use provider::Provider;
pub use resource::{CallContext, Outcome, Plan, PlanRequest, Resource, Stored};
pub use serve::{ServeError, ServeInfo, serve};
pub use wire::DynamicValue;
