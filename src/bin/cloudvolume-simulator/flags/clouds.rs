//! What is said of one cloud, and how long things take in both: a group of flags each.

use std::time::Duration;

use clap::Args;
use cloudvolume::simulator::huaweicloud::{self, AccessKey, Region, User};
use cloudvolume::simulator::samsungcloud::{self, ApiVersion};
use cloudvolume::simulator::{Config, parse_duration};

use super::{parse_pair, set, set_list};

/// Accounts and limits of Huawei Cloud.
#[derive(Debug, Args)]
pub(super) struct Huaweicloud {
    /// A region and the project in it; the first is the one printed. Repeatable [default: two regions]
    #[arg(long = "region", value_name = "NAME=PROJECT_ID", value_parser = parse_region)]
    regions: Vec<Region>,

    /// The access key that signs [default: a fixed one, printed on start]
    #[arg(long, value_name = "KEY", requires = "secret_key")]
    access_key: Option<String>,

    /// Its secret key
    #[arg(long, value_name = "KEY", requires = "access_key")]
    secret_key: Option<String>,

    /// A user who logs in with a password. Repeatable [default: practitioner]
    #[arg(long = "user", value_name = "NAME=PASSWORD", value_parser = parse_user)]
    users: Vec<User>,

    /// How long a finished job can be asked for [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    job_retention: Option<Duration>,

    /// How long a token lives [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    token_lifetime: Option<Duration>,

    /// Throttle an operation after so many calls a minute [default: no limit]
    #[arg(long, value_name = "NUMBER")]
    calls_per_minute: Option<u32>,

    /// Lock a key for five minutes after more than so many bad signatures in a row [default: 5]
    #[arg(long, value_name = "NUMBER")]
    lock_after_bad_signatures: Option<u32>,
}

impl Huaweicloud {
    pub(super) fn apply(self, cloud: &mut huaweicloud::Config) {
        set_list(&mut cloud.regions, self.regions);
        set_list(&mut cloud.users, self.users);
        if let (Some(access_key), Some(secret_key)) = (self.access_key, self.secret_key) {
            cloud.access_keys = vec![AccessKey { access_key, secret_key: secret_key.into(), security_token: None }];
        }
        set(&mut cloud.job_retention, self.job_retention);
        set(&mut cloud.token_lifetime, self.token_lifetime);
        cloud.calls_per_minute = self.calls_per_minute.or(cloud.calls_per_minute);
        cloud.lock_after_bad_signatures = self.lock_after_bad_signatures.or(cloud.lock_after_bad_signatures);
    }
}

/// Accounts and versions of Samsung Cloud Platform.
#[derive(Debug, Args)]
pub(super) struct Samsungcloud {
    /// A region of Samsung Cloud Platform; the first is the one printed. Repeatable [default: kr-west1, kr-east1]
    #[arg(long = "samsungcloud-region", value_name = "NAME")]
    samsungcloud_regions: Vec<String>,

    /// The access key that signs for Samsung Cloud Platform [default: a fixed one, printed on start]
    #[arg(long, value_name = "KEY", requires = "samsungcloud_secret_key")]
    samsungcloud_access_key: Option<String>,

    /// Its secret key
    #[arg(long, value_name = "KEY", requires = "samsungcloud_access_key")]
    samsungcloud_secret_key: Option<String>,

    /// A version of Samsung Cloud Platform's API, e.g. 1.5=CURRENT; others have expired. Repeatable [default: 1.0 to 1.3]
    #[arg(long = "api-version", value_name = "VERSION=STATUS", value_parser = parse_api_version)]
    api_versions: Vec<ApiVersion>,

    /// How far a timestamp signed for Samsung Cloud Platform may be off; 0 for any [default: 15m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    signature_window: Option<Duration>,

    /// Refuse what comes to Samsung Cloud Platform after so many calls a minute, of all kinds together [default: no limit]
    #[arg(long, value_name = "NUMBER")]
    samsungcloud_calls_per_minute: Option<u32>,
}

impl Samsungcloud {
    pub(super) fn apply(self, cloud: &mut samsungcloud::Config) {
        set_list(&mut cloud.regions, self.samsungcloud_regions);
        set_list(&mut cloud.api_versions, self.api_versions);
        if let (Some(access_key), Some(secret_key)) = (self.samsungcloud_access_key, self.samsungcloud_secret_key) {
            cloud.access_keys = vec![samsungcloud::AccessKey { access_key, secret_key: secret_key.into() }];
        }
        set(&mut cloud.signature_window, self.signature_window);
        cloud.calls_per_minute = self.samsungcloud_calls_per_minute.or(cloud.calls_per_minute);
    }
}

/// How long things take.
#[derive(Debug, Args)]
pub(super) struct Times {
    /// The duration of every job; the flags below change single ones
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    job_time: Option<Duration>,

    /// The part of a job spent in INIT, or of an operation before a state moves [default: 200ms]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    init_time: Option<Duration>,

    /// ECS and Virtual Server attach [default: 3s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    attach_time: Option<Duration>,

    /// ECS and Virtual Server detach [default: 3s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    detach_time: Option<Duration>,

    /// ECS batch attach and batch detach [default: 3s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    batch_time: Option<Duration>,

    /// How much later each member of a batch ends than the one before it [default: 0s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    member_time: Option<Duration>,

    /// ECS and Virtual Server stop [default: 4s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    stop_time: Option<Duration>,

    /// ECS and Virtual Server start [default: 4s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    start_time: Option<Duration>,

    /// ModelArts attach and detach [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    lite_server_time: Option<Duration>,

    /// For how long a Virtual Server still refuses after what kept it busy has ended [default: 0s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    cool_down: Option<Duration>,
}

impl Times {
    pub(super) fn apply(self, config: &mut Config) {
        let times = &mut config.huaweicloud.durations;
        set(times, self.job_time.map(huaweicloud::Durations::all));
        set(&mut times.init, self.init_time);
        set(&mut times.attach, self.attach_time);
        set(&mut times.detach, self.detach_time);
        set(&mut times.batch, self.batch_time);
        set(&mut times.member, self.member_time);
        set(&mut times.stop, self.stop_time);
        set(&mut times.start, self.start_time);
        set(&mut times.lite_server, self.lite_server_time);
        let times = &mut config.samsungcloud.durations;
        let cool_down = times.cool_down;
        set(times, self.job_time.map(samsungcloud::Durations::all));
        times.cool_down = self.cool_down.unwrap_or(cool_down);
        set(&mut times.begin, self.init_time);
        set(&mut times.attach, self.attach_time);
        set(&mut times.detach, self.detach_time);
        set(&mut times.stop, self.stop_time);
        set(&mut times.start, self.start_time);
    }
}

fn parse_region(text: &str) -> Result<Region, String> {
    parse_pair(text).map(|(name, project_id)| Region { name, project_id })
}

fn parse_user(text: &str) -> Result<User, String> {
    parse_pair(text).map(|(name, password)| User { id: format!("{name}-id"), name, password: password.into() })
}

fn parse_api_version(text: &str) -> Result<ApiVersion, String> {
    let (version, status) = parse_pair(text)?;
    let known = ApiVersion::known().into_iter().find(|known| String::from(known.version) == version);
    Ok(ApiVersion {
        version: version.try_into()?,
        status: serde_json::from_value(status.to_uppercase().into()).map_err(|error| error.to_string())?,
        not_before: known.map(|known| known.not_before).unwrap_or_default(),
    })
}
