//! Terraform and OpenTofu provider that attaches and detaches block volumes.

pub mod backoff;
pub mod budget;
pub mod huaweicloud;
pub mod ids;
pub mod plugin;
pub mod provider;
pub mod samsungcloud;
pub mod simulator;
pub mod sync;
pub mod transport;
pub mod wait;
