//! Huawei Cloud's side as its clients see it, over sockets.

mod attach;
mod batch;
mod evs;
mod gateway;
mod iam;
mod modelarts;
mod server;

use super::Switches;
use crate::simulator::Simulator;
use crate::simulator::testing::{manual, start};

/// The built-in world in manual mode.
async fn simulator() -> Simulator {
    start(manual()).await
}

/// The same with some switches changed.
async fn with_switches(change: impl FnOnce(&mut Switches)) -> Simulator {
    let simulator = simulator().await;
    simulator.set_switches(change);
    simulator
}
