//! Who may call Samsung Cloud Platform's side, which versions it speaks, how long things take there, and how it decides
//! what the vendor leaves open.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Switches;
use super::version::ApiVersion;
use crate::simulator::{Secret, duration};

/// Samsung Cloud Platform's side of the configuration: one account in several regions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The regions the catalog lists. The first has the configured address and the catalog; each other one has a port of
    /// its own: the next one up, or any free one when the configured port is 0.
    pub regions: Vec<String>,
    /// `http`, or `https` when something in front of the simulator terminates TLS: it is part of what is signed.
    pub scheme: String,
    /// Keys that sign.
    pub access_keys: Vec<AccessKey>,
    /// How far a timestamp may be off; zero: as far as it likes.
    #[serde(with = "duration")]
    pub signature_window: Duration,
    /// The versions of the virtualserver API, newest first. One that is not here has expired or never was.
    pub api_versions: Vec<ApiVersion>,
    /// Calls a minute, of all kinds together, that are let through; without limit when absent.
    pub calls_per_minute: Option<u32>,
    /// How long things take.
    pub durations: Durations,
    /// What the vendor leaves open.
    pub switches: Switches,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            regions: vec!["kr-west1".to_owned(), "kr-east1".to_owned()],
            scheme: "http".to_owned(),
            access_keys: vec![AccessKey {
                access_key: "SIMULATORSCPACCESSKEY0000000001".to_owned(),
                secret_key: "simulator-scp-secret-key-0000-000000000001".into(),
            }],
            signature_window: Duration::from_secs(15 * 60),
            api_versions: ApiVersion::known(),
            calls_per_minute: None,
            durations: Durations::default(),
            switches: Switches::default(),
        }
    }
}

/// A key that signs requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// The public half.
    pub access_key: String,
    /// The secret half.
    pub secret_key: Secret,
}

/// How long operations take from the request to their end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Durations {
    /// The part of an attach or detach before the state says `attaching` or `detaching`, when the switches `attach_begins`
    /// and `detach_begins` leave one.
    #[serde(with = "duration")]
    pub begin: Duration,
    /// Attach.
    #[serde(with = "duration")]
    pub attach: Duration,
    /// Detach.
    #[serde(with = "duration")]
    pub detach: Duration,
    /// Stop.
    #[serde(with = "duration")]
    pub stop: Duration,
    /// Start.
    #[serde(with = "duration")]
    pub start: Duration,
    /// For how long after an operation's end its server still refuses what it refused until then.
    #[serde(with = "duration")]
    pub cool_down: Duration,
}

impl Default for Durations {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            begin: Duration::from_millis(200),
            attach: seconds(3),
            detach: seconds(3),
            stop: seconds(4),
            start: seconds(4),
            cool_down: Duration::ZERO,
        }
    }
}

impl Durations {
    /// The same duration for every operation, a tenth of it before the state moves, and no cool-down.
    pub fn all(duration: Duration) -> Self {
        Self {
            begin: duration / 10,
            attach: duration,
            detach: duration,
            stop: duration,
            start: duration,
            cool_down: Duration::ZERO,
        }
    }
}
