//! Who may call Huawei Cloud's side, how long things take there, and how it decides what the vendor leaves open.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Switches;
use crate::simulator::{Secret, duration};

/// Huawei Cloud's side of the configuration. One account (domain) with one project per region.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The account's id.
    pub domain_id: String,
    /// The account's name.
    pub domain_name: String,
    /// Services that listen on an address of their own, as all of them do in the field: `ecs`, `evs`, `modelarts`, `iam`,
    /// `sts`, `metadata`. The common address has the others, and a call at the wrong one is a route nobody knows.
    pub service_addresses: BTreeMap<String, SocketAddr>,
    /// The regions with their projects; the first is the one things without a region are in.
    pub regions: Vec<Region>,
    /// Keys that sign.
    pub access_keys: Vec<AccessKey>,
    /// Users who log in.
    pub users: Vec<User>,
    /// Tokens that are valid from the start.
    pub tokens: Vec<Token>,
    /// Names of agencies that may be assumed.
    pub agencies: Vec<String>,
    /// The agency bound to the machine that asks the metadata service; none: 401.
    pub metadata_agency: Option<String>,
    /// How long a token lives.
    #[serde(with = "duration")]
    pub token_lifetime: Duration,
    /// How long a finished job can be asked for.
    #[serde(with = "duration")]
    pub job_retention: Duration,
    /// How long things take.
    pub durations: Durations,
    /// Locks a key for five minutes when more than so many signatures in a row were wrong; never when absent.
    pub lock_after_bad_signatures: Option<u32>,
    /// Calls a minute that one operation takes before the gateway throttles; without limit when absent.
    pub calls_per_minute: Option<u32>,
    /// What the vendor leaves open.
    pub switches: Switches,
}

impl Default for Config {
    fn default() -> Self {
        let region = |name: &str, project_id: &str| Region { name: name.to_owned(), project_id: project_id.to_owned() };
        Self {
            domain_id: "d0000000000000000000000000000001".to_owned(),
            domain_name: "simulated".to_owned(),
            service_addresses: BTreeMap::new(),
            regions: vec![
                region("cn-north-4", "a0000000000000000000000000000001"),
                region("eu-west-101", "a0000000000000000000000000000002"),
            ],
            access_keys: vec![AccessKey {
                access_key: "SIMULATORACCESSKEY01".to_owned(),
                secret_key: "simulator-secret-key-0000000000000000001".into(),
                security_token: None,
            }],
            users: vec![User {
                id: "b0000000000000000000000000000001".to_owned(),
                name: "practitioner".to_owned(),
                password: "simulator-password".into(),
            }],
            tokens: Vec::new(),
            agencies: vec!["attacher".to_owned()],
            metadata_agency: Some("attacher".to_owned()),
            token_lifetime: Duration::from_secs(24 * 3600),
            job_retention: Duration::from_secs(24 * 3600),
            durations: Durations::default(),
            lock_after_bad_signatures: Some(5),
            calls_per_minute: None,
            switches: Switches::default(),
        }
    }
}

impl Config {
    /// Whether a listener has a service: `only` that one, or all that have no listener of their own.
    pub(crate) fn serves(&self, only: Option<&str>, service: &str) -> bool {
        only.map_or_else(|| !self.service_addresses.contains_key(service), |only| only == service)
    }

    /// The region of a project.
    pub(crate) fn region_of(&self, project_id: &str) -> Option<&str> {
        self.regions.iter().find(|region| region.project_id == project_id).map(|region| region.name.as_str())
    }
}

/// A region and the account's project in it, which bears the region's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// For example `cn-north-4`.
    pub name: String,
    /// The project's id, 32 hexadecimal digits.
    pub project_id: String,
}

/// A key that signs requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// The public half.
    pub access_key: String,
    /// The secret half.
    pub secret_key: Secret,
    /// For a temporary key: what must come with each request as `X-Security-Token`.
    #[serde(default)]
    pub security_token: Option<Secret>,
}

/// A user who logs in with a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The user's id.
    pub id: String,
    /// The user's name, unique in the account.
    pub name: String,
    /// The password.
    pub password: Secret,
}

/// A token that is valid from the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The token itself.
    pub token: Secret,
    /// The project it is for; the whole account when absent.
    #[serde(default)]
    pub project_id: Option<String>,
}

/// How long jobs take from the request to their end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Durations {
    /// The part of a job that it spends in `INIT` (`pending` on ModelArts).
    #[serde(with = "duration")]
    pub init: Duration,
    /// ECS attach.
    #[serde(with = "duration")]
    pub attach: Duration,
    /// ECS detach.
    #[serde(with = "duration")]
    pub detach: Duration,
    /// ECS batch attach and batch detach, however many members, unless they end one after the other.
    #[serde(with = "duration")]
    pub batch: Duration,
    /// How much later each member of a batch ends than the one before it; zero: all together.
    #[serde(with = "duration")]
    pub member: Duration,
    /// ECS stop.
    #[serde(with = "duration")]
    pub stop: Duration,
    /// ECS start.
    #[serde(with = "duration")]
    pub start: Duration,
    /// ModelArts attach and detach.
    #[serde(with = "duration")]
    pub lite_server: Duration,
}

impl Default for Durations {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            init: Duration::from_millis(200),
            attach: seconds(3),
            detach: seconds(3),
            batch: seconds(3),
            member: Duration::ZERO,
            stop: seconds(4),
            start: seconds(4),
            lite_server: seconds(5),
        }
    }
}

impl Durations {
    /// The same duration for every job, a tenth of it in `INIT`, and all members of a batch together.
    pub fn all(duration: Duration) -> Self {
        Self {
            init: duration / 10,
            attach: duration,
            detach: duration,
            batch: duration,
            member: Duration::ZERO,
            stop: duration,
            start: duration,
            lite_server: duration,
        }
    }
}
