//! What the acceptance tests and the benchmarks share: a simulated cloud, a folder with a configuration, and the real Terraform.
//!
//! Nothing here sleeps for the cloud. A test waits on the simulator's journal for the call that it is about, acts, and
//! reads what is left: the journal, the state file, and what Terraform told the practitioner.

pub(crate) mod account;
pub(crate) mod fleet;
pub(crate) mod process;
pub(crate) mod run;
pub(crate) mod stage;
pub(crate) mod state;
pub(crate) mod subject;
pub(crate) mod workspace;
