//! The command line: what can be said, and the configuration that comes of it.

mod clouds;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use cloudvolume::simulator::{Config, FaultRule, SettleOrder, TransitionMode, parse_duration};

use clouds::{Huaweicloud, Samsungcloud, Times};

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
pub(crate) struct Flags {
    /// A configuration as JSON; see --print-config for all there is
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// What exists, as JSON; see --print-world for the built-in world
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,

    /// Print the resulting configuration as JSON, secrets included, and end
    #[arg(long)]
    pub(crate) print_config: bool,

    /// Print the resulting world as JSON and end
    #[arg(long)]
    pub(crate) print_world: bool,

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

    #[command(flatten)]
    huaweicloud: Huaweicloud,

    #[command(flatten)]
    samsungcloud: Samsungcloud,

    #[command(flatten)]
    times: Times,

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

fn parse_order(text: &str) -> Result<SettleOrder, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn parse_fault(text: &str) -> Result<FaultRule, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

impl Flags {
    /// The configuration: defaults, then the file, then the flags.
    pub(crate) fn config(self) -> Result<Config> {
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
        self.times.apply(&mut config);
        self.huaweicloud.apply(&mut config.huaweicloud);
        self.samsungcloud.apply(&mut config.samsungcloud);
        for (name, value) in &self.switches {
            let set = match name.strip_prefix("samsungcloud.") {
                Some(name) => config.samsungcloud.switches.set(name, value),
                None => config.huaweicloud.switches.set(name, value),
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

/// A list that was given replaces the one there is.
fn set_list<T>(setting: &mut Vec<T>, flags: Vec<T>) {
    if !flags.is_empty() {
        *setting = flags;
    }
}

fn read_json<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| understanding(file))
}

fn understanding(file: &Path) -> String {
    format!("cannot understand {}", file.display())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use cloudvolume::simulator::huaweicloud::Durations;

    /// What these flags make of the defaults.
    pub(crate) fn config(flags: &[&str]) -> Result<Config> {
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
            "--cool-down=4s",
            "--switch=initial_job_status=running",
            "--switch=samsungcloud.attach_begins=reserved",
            "--samsungcloud-region=kr-south1",
            "--samsungcloud-access-key=c",
            "--samsungcloud-secret-key=d",
            "--api-version=1.5=current",
            "--signature-window=0",
            "--calls-per-minute=5",
            "--samsungcloud-calls-per-minute=6",
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
        assert_eq!(cloud.calls_per_minute, Some(6));
        let times = &cloud.durations;
        assert_eq!([times.attach, times.stop, times.cool_down], [9, 1, 4].map(Duration::from_secs));
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
}
