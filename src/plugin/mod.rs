//! Being a Terraform plugin: protocol 6 over gRPC, for the Terraform that started us and for nobody else.

mod provider;
mod resource;

pub use provider::Provider;
pub use resource::{CallContext, Outcome, Plan, PlanRequest, Resource, Stored};
