//! Everything that can be set, as plain data: what a JSON file, the binary's flags and a test all fill in.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{FaultRule, World, duration, huaweicloud, samsungcloud};

/// The simulator's configuration. Every field has a default, so a file may name only what differs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where all of Huawei Cloud's services listen that have no address of their own. Port 0 takes a free one.
    pub huaweicloud_address: SocketAddr,
    /// Where the first region of Samsung Cloud Platform and its catalog listen. Each other region takes the next port up;
    /// with port 0, any free one.
    pub samsungcloud_address: SocketAddr,
    /// Who finishes what was started.
    pub mode: TransitionMode,
    /// How much later than the job the cloud's lists agree with it.
    #[serde(with = "duration")]
    pub settle_lag: Duration,
    /// Which list agrees first when there is a lag.
    pub settle_order: SettleOrder,
    /// Seconds by which the cloud's clock is ahead of this machine's; negative: behind.
    pub clock_offset: i64,
    /// Makes ids and probabilities repeatable.
    pub seed: u64,
    /// Faults in force from the start.
    pub faults: Vec<FaultRule>,
    /// What exists; the built-in world when absent.
    pub world: Option<World>,
    /// Accounts, durations and switches of Huawei Cloud.
    pub huaweicloud: huaweicloud::Config,
    /// Accounts, versions, durations and switches of Samsung Cloud Platform.
    pub samsungcloud: samsungcloud::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            huaweicloud_address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            samsungcloud_address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            mode: TransitionMode::Auto,
            settle_lag: Duration::ZERO,
            settle_order: SettleOrder::Together,
            clock_offset: 0,
            seed: 1,
            faults: Vec::new(),
            world: None,
            huaweicloud: huaweicloud::Config::default(),
            samsungcloud: samsungcloud::Config::default(),
        }
    }
}

impl Config {
    /// The addresses the simulator will bind.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let services = self.huaweicloud.service_addresses.values().copied();
        [self.huaweicloud_address, self.samsungcloud_address].into_iter().chain(services).collect()
    }
}

/// Who finishes what was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransitionMode {
    /// Time does, after the configured durations.
    #[default]
    Auto,
    /// The test does, with [`advance`](super::Simulator::advance): first every job leaves `INIT`, then every job ends,
    /// then (with a settle lag) the lists follow.
    Manual,
}

/// Which of the cloud's records changes first when a job ends and there is a settle lag. Samsung Cloud Platform has no
/// jobs: there the volume's `state` stands in the job's place, and `servers[]` is the volume's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettleOrder {
    /// The job; the server's and the volume's records follow together.
    #[default]
    Together,
    /// The job and the server's record (ECS block devices, Lite Server volumes); the volume's (EVS) follows.
    ServerFirst,
    /// The job and the volume's record (EVS); the server's follows.
    VolumeFirst,
    /// Both records; the job follows.
    JobLast,
}
