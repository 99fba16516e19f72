//! The simulator's process entry: flags become a configuration, the configuration a simulator, until Ctrl-C.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{CommandFactory, FromArgMatches, Parser};
use cloudvolume::simulator::huaweicloud::{AccessKey, Durations, Region, Switches, User};
use cloudvolume::simulator::samsungcloud::{self, ApiVersion};
use cloudvolume::simulator::{Config, FaultRule, SettleOrder, Simulator, TransitionMode, World, parse_duration};

/// Where the simulator listens when neither a flag nor a file says otherwise: fixed, so that a CI job can name it.
const HUAWEICLOUD_ADDRESS: &str = "127.0.0.1:8180";
const SAMSUNGCLOUD_ADDRESS: &str = "127.0.0.1:8181";

/// Clouds on loopback for block volumes: attach and detach as the APIs of Huawei Cloud and Samsung Cloud Platform do, with
/// jobs, rules and faults.
///
/// Every flag overrides the file given with --config, and the file overrides the defaults. Durations are written like
/// 250ms, 3s or 1m30s. The simulator prints the provider block to use and runs until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "cloudvolume-simulator", version)]
struct Flags {
    /// A configuration as JSON; see --print-config for all there is
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// What exists, as JSON; see --print-world for the built-in world
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,

    /// Print the resulting configuration as JSON, secrets included, and end
    #[arg(long)]
    print_config: bool,

    /// Print the resulting world as JSON and end
    #[arg(long)]
    print_world: bool,

    /// Where all of Huawei Cloud's services listen; port 0 takes a free one [default: 127.0.0.1:8180]
    #[arg(long, value_name = "ADDRESS")]
    huaweicloud_address: Option<SocketAddr>,

    /// Where Samsung Cloud Platform's catalog and first region listen; its other regions take the next ports; port 0 takes
    /// free ones [default: 127.0.0.1:8181]
    #[arg(long, value_name = "ADDRESS")]
    samsungcloud_address: Option<SocketAddr>,

    /// Listen on an address that other machines can reach; the control endpoint stays on loopback
    #[arg(long)]
    allow_remote: bool,

    /// Finish jobs only when told to, with POST /_simulator/advance
    #[arg(long)]
    manual: bool,

    /// How much later than the job the cloud's lists agree with it [default: 0s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    settle_lag: Option<Duration>,

    /// What changes first when a job ends: together, server_first, volume_first or job_last [default: together]
    #[arg(long, value_name = "ORDER", value_parser = parse_order)]
    settle_order: Option<SettleOrder>,

    /// Seconds by which the cloud's clock is ahead; negative: behind [default: 0]
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    clock_offset: Option<i64>,

    /// Makes ids and probabilities repeatable [default: 1]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

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

    /// ECS and Virtual Server stop [default: 4s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    stop_time: Option<Duration>,

    /// ECS and Virtual Server start [default: 4s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    start_time: Option<Duration>,

    /// ModelArts attach and detach [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    lite_server_time: Option<Duration>,

    /// How long a finished job can be asked for [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    job_retention: Option<Duration>,

    /// How long a token lives [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    token_lifetime: Option<Duration>,

    /// Throttle an operation after so many calls a minute [default: no limit]
    #[arg(long, value_name = "NUMBER")]
    calls_per_minute: Option<u32>,

    /// Lock a key for five minutes after more than so many bad signatures in a row [default: never]
    #[arg(long, value_name = "NUMBER")]
    lock_after_bad_signatures: Option<u32>,

    /// A fault rule as JSON, e.g. '{"operation":"ShowJob","effect":{"kind":"reset_after"},"times":1}'. Repeatable
    #[arg(long = "fault", value_name = "JSON", value_parser = parse_fault)]
    faults: Vec<FaultRule>,

    /// Decide something a vendor leaves open; the names are listed below. Repeatable
    #[arg(long = "switch", value_name = "NAME=VALUE", value_parser = parse_pair)]
    switches: Vec<(String, String)>,
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} has no ="))?;
    Ok((name.to_owned(), value.to_owned()))
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

fn parse_order(text: &str) -> Result<SettleOrder, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn parse_fault(text: &str) -> Result<FaultRule, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

impl Flags {
    /// The configuration: defaults, then the file, then the flags.
    fn config(self) -> Result<Config> {
        let mut config = Config {
            huaweicloud_address: HUAWEICLOUD_ADDRESS.parse()?,
            samsungcloud_address: SAMSUNGCLOUD_ADDRESS.parse()?,
            ..Config::default()
        };
        if let Some(file) = &self.config {
            let mut written: serde_json::Map<String, serde_json::Value> = read_json(file)?;
            written.entry("huaweicloud_address").or_insert_with(|| HUAWEICLOUD_ADDRESS.into());
            written.entry("samsungcloud_address").or_insert_with(|| SAMSUNGCLOUD_ADDRESS.into());
            config = serde_json::from_value(written.into()).with_context(|| understanding(file))?;
        }
        if let Some(file) = &self.world {
            config.world = Some(read_json(file)?);
        }
        if self.manual {
            config.mode = TransitionMode::Manual;
        }
        set(&mut config.huaweicloud_address, self.huaweicloud_address);
        set(&mut config.samsungcloud_address, self.samsungcloud_address);
        set(&mut config.settle_lag, self.settle_lag);
        set(&mut config.settle_order, self.settle_order);
        set(&mut config.clock_offset, self.clock_offset);
        set(&mut config.seed, self.seed);
        config.faults.extend(self.faults);
        let cloud = &mut config.huaweicloud;
        if !self.regions.is_empty() {
            cloud.regions = self.regions;
        }
        if !self.users.is_empty() {
            cloud.users = self.users;
        }
        if let (Some(access_key), Some(secret_key)) = (self.access_key, self.secret_key) {
            cloud.access_keys = vec![AccessKey { access_key, secret_key: secret_key.into(), security_token: None }];
        }
        set(&mut cloud.durations, self.job_time.map(Durations::all));
        set(&mut cloud.durations.init, self.init_time);
        set(&mut cloud.durations.attach, self.attach_time);
        set(&mut cloud.durations.detach, self.detach_time);
        set(&mut cloud.durations.batch, self.batch_time);
        set(&mut cloud.durations.stop, self.stop_time);
        set(&mut cloud.durations.start, self.start_time);
        set(&mut cloud.durations.lite_server, self.lite_server_time);
        set(&mut cloud.job_retention, self.job_retention);
        set(&mut cloud.token_lifetime, self.token_lifetime);
        cloud.calls_per_minute = self.calls_per_minute.or(cloud.calls_per_minute);
        cloud.lock_after_bad_signatures = self.lock_after_bad_signatures.or(cloud.lock_after_bad_signatures);
        let samsungcloud = &mut config.samsungcloud;
        if !self.samsungcloud_regions.is_empty() {
            samsungcloud.regions = self.samsungcloud_regions;
        }
        if let (Some(access_key), Some(secret_key)) = (self.samsungcloud_access_key, self.samsungcloud_secret_key) {
            samsungcloud.access_keys = vec![samsungcloud::AccessKey { access_key, secret_key: secret_key.into() }];
        }
        if !self.api_versions.is_empty() {
            samsungcloud.api_versions = self.api_versions;
        }
        set(&mut samsungcloud.signature_window, self.signature_window);
        set(&mut samsungcloud.durations, self.job_time.map(samsungcloud::Durations::all));
        set(&mut samsungcloud.durations.begin, self.init_time);
        set(&mut samsungcloud.durations.attach, self.attach_time);
        set(&mut samsungcloud.durations.detach, self.detach_time);
        set(&mut samsungcloud.durations.stop, self.stop_time);
        set(&mut samsungcloud.durations.start, self.start_time);
        for (name, value) in &self.switches {
            let set = match name.strip_prefix("samsungcloud.") {
                Some(name) => samsungcloud.switches.set(name, value),
                None => cloud.switches.set(name, value),
            };
            set.map_err(anyhow::Error::msg)?;
        }
        if let Some(address) = config.addresses().into_iter().find(|address| !address.ip().is_loopback())
            && !self.allow_remote
        {
            bail!("{address} can be reached from other machines; say --allow-remote if that is meant");
        }
        Ok(config)
    }
}

/// A flag that was given wins.
fn set<T>(setting: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *setting = value;
    }
}

fn read_json<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| understanding(file))
}

fn understanding(file: &Path) -> String {
    format!("cannot understand {}", file.display())
}

/// The switches as the end of `--help`.
fn switch_help() -> String {
    let mut help = "Switches (the first value is the default):\n".to_owned();
    let huaweicloud = Switches::table().into_iter().map(|switch| ("", switch));
    let samsungcloud = samsungcloud::Switches::table().into_iter().map(|switch| ("samsungcloud.", switch));
    for (prefix, switch) in huaweicloud.chain(samsungcloud) {
        help.push_str(&format!("\n  {prefix}{}: {}\n", switch.name, switch.about));
        for (value, about) in switch.values {
            help.push_str(&format!("      {value:<18} {about}\n"));
        }
    }
    help
}

/// What a practitioner needs to use this simulator: environment, provider block, ids.
fn welcome(config: &Config, huaweicloud_url: &str, samsungcloud_url: &str) -> String {
    let built_in = Config::default();
    let (cloud, url) = (&config.huaweicloud, huaweicloud_url);
    let region = cloud.regions.first().map_or("", |region| &region.name);
    let key = cloud.access_keys.first().map(|key| (key.access_key.as_str(), key.secret_key.expose()));
    let is_built_in = cloud.access_keys.first().is_some_and(|key| built_in.huaweicloud.access_keys.contains(key));
    let (access_key, secret_key) = shown(key, is_built_in);
    let (scp, scp_url) = (&config.samsungcloud, samsungcloud_url);
    let scp_region = scp.regions.first().map_or("", String::as_str);
    let key = scp.access_keys.first().map(|key| (key.access_key.as_str(), key.secret_key.expose()));
    let is_built_in = scp.access_keys.first().is_some_and(|key| built_in.samsungcloud.access_keys.contains(key));
    let (scp_access_key, scp_secret_key) = shown(key, is_built_in);
    let mut text = format!(
        r#"Huawei Cloud (ECS, EVS, ModelArts Lite Server, IAM, STS, metadata): {url}
Samsung Cloud Platform (catalog, Virtual Server in {scp_region}): {scp_url}
Control: {url}/_simulator/ (health, journal, jobs, operations, world, faults, switches, advance, reset)

  export HW_REGION_NAME='{region}'
  export HW_ACCESS_KEY='{access_key}'
  export HW_SECRET_KEY='{secret_key}'

  export SCP_TF_AUTH_URL='{scp_url}/v1'
  export SCP_TF_DEFAULT_REGION='{scp_region}'
  export SCP_TF_ACCESS_KEY='{scp_access_key}'
  export SCP_TF_SECRET_KEY='{scp_secret_key}'

provider "cloudvolume" {{
  huaweicloud = {{
    region     = "{region}"
    access_key = "{access_key}"
    secret_key = "{secret_key}"
    endpoints = {{
      ecs       = "{url}"
      evs       = "{url}"
      modelarts = "{url}"
      iam       = "{url}"
    }}
  }}
  samsungcloud = {{
    auth_url       = "{scp_url}/v1"
    default_region = "{scp_region}"
    access_key     = "{scp_access_key}"
    secret_key     = "{scp_secret_key}"
  }}
}}

"#
    );
    let world = config.world.clone().unwrap_or_else(World::built_in);
    text.push_str("Huawei Cloud has:\n");
    for server in world.huaweicloud.servers.iter().take(20) {
        let (name, zone) = (&server.name, &server.availability_zone);
        text.push_str(&format!("server       {} {name} ({}, {zone})\n", server.id, server.status));
    }
    for server in world.huaweicloud.lite_servers.iter().take(20) {
        let (name, kind) = (&server.name, &server.cloud_server.kind);
        text.push_str(&format!("lite server  {} {name} ({}, {kind})\n", server.id, server.status));
    }
    for volume in world.huaweicloud.volumes.iter().filter(|volume| !volume.bootable).take(20) {
        let (name, zone) = (&volume.name, &volume.availability_zone);
        let kind = if volume.multiattach { "shared" } else { "volume" };
        text.push_str(&format!("{kind}       {} {name} ({}, {zone})\n", volume.id, volume.status));
    }
    text.push_str("Samsung Cloud Platform has:\n");
    for server in world.samsungcloud.servers.iter().take(20) {
        let (name, zone) = (&server.name, &server.zone);
        text.push_str(&format!("server       {} {name} ({}, {zone})\n", server.id, server.state));
    }
    for volume in world.samsungcloud.volumes.iter().filter(|volume| !volume.bootable).take(20) {
        let (name, zone) = (&volume.name, &volume.zone);
        let kind = if volume.multiattach { "shared" } else { "volume" };
        text.push_str(&format!("{kind}       {} {name} ({}, {zone})\n", volume.id, volume.state));
    }
    text
}

/// A key pair as it may be printed: a secret somebody else chose stays out of the logs of his CI.
fn shown<'a>(key: Option<(&'a str, &'a str)>, is_built_in: bool) -> (&'a str, &'a str) {
    match key {
        Some((access_key, _)) if !is_built_in => (access_key, "<the secret key you configured>"),
        Some(pair) => pair,
        None => ("<none configured>", "<none configured>"),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cloudvolume-simulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "this program speaks to people; only the provider's stdout is a protocol")]
async fn run() -> Result<()> {
    let matches = Flags::command().after_long_help(switch_help()).get_matches();
    let flags = Flags::from_arg_matches(&matches)?;
    let (print_config, print_world) = (flags.print_config, flags.print_world);
    let config = flags.config()?;
    if print_config {
        println!("{}", serde_json::to_string_pretty(&config)?);
    } else if print_world {
        println!("{}", serde_json::to_string_pretty(&config.world.unwrap_or_else(World::built_in))?);
    } else {
        let simulator = Simulator::start(config.clone()).await.context("the simulator cannot start")?;
        println!(
            "{}Ctrl-C ends the simulator.",
            welcome(&config, &simulator.huaweicloud_url(), &simulator.samsungcloud_url())
        );
        wait_for_the_end().await?;
        println!("The simulator saw {} requests and ends.", simulator.journal().entries().len());
    }
    Ok(())
}

/// Returns on Ctrl-C, and on the signal with which CI ends a service.
async fn wait_for_the_end() -> Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(flags: &[&str]) -> Result<Config> {
        let program = std::iter::once("cloudvolume-simulator");
        Flags::try_parse_from(program.chain(flags.iter().copied()))?.config()
    }

    #[test]
    fn flags_become_the_configuration() {
        let flags = [
            "--manual",
            "--settle-lag=2s",
            "--settle-order=job_last",
            "--clock-offset=-900",
            "--seed=7",
            "--region=r=0123",
            "--access-key=a",
            "--secret-key=b",
            "--user=u=p",
            "--job-time=1s",
            "--attach-time=9s",
            "--switch=initial_job_status=running",
            "--switch=samsungcloud.attach_begins=reserved",
            "--samsungcloud-region=kr-south1",
            "--samsungcloud-access-key=c",
            "--samsungcloud-secret-key=d",
            "--api-version=1.5=current",
            "--signature-window=0",
            "--calls-per-minute=5",
            r#"--fault={"effect":{"kind":"reset_after"}}"#,
        ];
        let config = config(&flags).unwrap();
        let cloud = &config.huaweicloud;
        assert_eq!((config.mode, config.settle_order), (TransitionMode::Manual, SettleOrder::JobLast));
        assert_eq!((config.clock_offset, config.seed, config.faults.len()), (-900, 7, 1));
        assert_eq!(
            cloud.durations,
            Durations { attach: Duration::from_secs(9), ..Durations::all(Duration::from_secs(1)) }
        );
        assert_eq!((cloud.regions.len(), cloud.users.len(), cloud.calls_per_minute), (1, 1, Some(5)));
        assert_eq!(cloud.access_keys[0].secret_key.expose(), "b");
        assert_eq!(serde_json::to_value(&cloud.switches).unwrap()["initial_job_status"], "running");
        let cloud = &config.samsungcloud;
        assert_eq!((cloud.regions.concat().as_str(), cloud.signature_window), ("kr-south1", Duration::ZERO));
        assert_eq!((cloud.durations.attach, cloud.durations.stop), (Duration::from_secs(9), Duration::from_secs(1)));
        assert_eq!(cloud.access_keys[0].secret_key.expose(), "d");
        assert_eq!(serde_json::to_value(&cloud.api_versions).unwrap()[0]["status"], "CURRENT");
        assert_eq!(serde_json::to_value(&cloud.switches).unwrap()["attach_begins"], "reserved");
    }

    #[test]
    fn an_address_others_can_reach_needs_a_word() {
        let error = config(&["--huaweicloud-address=0.0.0.0:0"]).unwrap_err();
        assert!(error.to_string().contains("--allow-remote"));
        assert!(config(&["--huaweicloud-address=0.0.0.0:0", "--allow-remote"]).is_ok());
        assert!(config(&["--huaweicloud-address=[::1]:0"]).is_ok());
    }

    #[test]
    fn wrong_flags_are_named() {
        for flags in [
            &["--attach-time=soon"][..],
            &["--switch=speed=high"],
            &["--switch=x"],
            &["--settle-order=never"],
            &["--api-version=v1.3=CURRENT"],
            &["--switch=samsungcloud.speed=high"],
            &["--fault={}"],
            &["--access-key=a"],
            &["--world=/nonexistent/world.json"],
        ] {
            assert!(config(flags).is_err(), "{flags:?}");
        }
    }

    #[test]
    fn the_configuration_it_prints_is_one_it_reads() {
        let written = serde_json::to_string(&config(&[]).unwrap()).unwrap();
        let read: Config = serde_json::from_str(&written).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
    }

    #[test]
    fn a_file_needs_to_name_only_what_differs() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{"seed": 5, "huaweicloud": {"job_retention": "2h"}}"#).unwrap();
        let flag = format!("--config={}", file.path().display());
        let config = config(&[&flag, "--seed=6"]).unwrap();
        assert_eq!((config.seed, config.huaweicloud.job_retention), (6, Duration::from_secs(7200)));
        assert_eq!((config.huaweicloud_address.port(), config.samsungcloud_address.port()), (8180, 8181));
        std::fs::write(file.path(), r#"{"sead": 5}"#).unwrap();
        assert!(self::config(&[&flag]).is_err(), "a misspelt setting is no setting");
    }

    #[test]
    fn help_lists_every_switch_and_the_welcome_names_the_block_to_use() {
        let help = switch_help();
        assert!(Switches::table().iter().all(|switch| help.contains(switch.name)));
        assert!(help.contains("samsungcloud.attach_begins"));
        let text = welcome(&config(&[]).unwrap(), "http://127.0.0.1:1", "http://127.0.0.1:2");
        for part in ["HW_ACCESS_KEY", "endpoints = {", "modelarts = \"http://127.0.0.1:1\"", "web-1", "shared-1"] {
            assert!(text.contains(part), "{part}");
        }
        for part in ["SCP_TF_AUTH_URL='http://127.0.0.1:2/v1'", "default_region = \"kr-west1\"", "5c000000-"] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn a_secret_somebody_chose_is_not_printed() {
        for prefix in ["", "samsungcloud-"] {
            let (access_key, secret_key) = (format!("--{prefix}access-key=mine"), format!("--{prefix}secret-key=hush"));
            let text = welcome(&config(&[&access_key, &secret_key]).unwrap(), "http://h", "http://s");
            assert!(text.contains("mine") && !text.contains("hush"), "{text}");
        }
    }
}
