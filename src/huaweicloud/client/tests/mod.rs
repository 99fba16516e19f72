//! Tests of the client: what they share.

use std::{
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderName, Method};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    backoff::BackoffConfig,
    budget::Budget,
    huaweicloud::{
        AssumeRole, Client, Config, EndpointConfig, Error, ErrorCode,
        script::{Exchange, Script, Seen, expect},
        signer,
    },
    ids::{JobId, ServerId, VolumeId},
    transport::{Clock, ErrorKind, Request, Transport, TransportConfig},
};

mod answers;
mod calls;
mod contract;
mod identity;

const SERVER: &str = "4d8c3732-a248-40ed-bebc-539a6ffd25c0";
const VOLUME: &str = "a26887c6-c47b-4654-abb5-dfadf7d3f803";
const SECRET_KEY: &str = "wJalrXUtnFEMI-secret-key";
/// 2026-01-02T03:04:05Z.
const NOW: Duration = Duration::from_secs(1_767_323_045);

fn server() -> ServerId {
    ServerId::new(SERVER)
}

fn volume() -> VolumeId {
    VolumeId::new(VOLUME)
}

fn budget() -> Budget {
    Budget::new(Duration::from_secs(20), CancellationToken::new())
}

fn transport() -> Transport {
    transport_with(Arc::new(|| SystemTime::UNIX_EPOCH + NOW))
}

fn transport_with(clock: Clock) -> Transport {
    let quick = BackoffConfig { initial: Duration::from_millis(1), max: Duration::from_millis(5), multiplier: 2.0 };
    let config =
        TransportConfig { backoff: quick.clone(), throttle_backoff: quick, clock, ..TransportConfig::default() };
    Transport::new(config).unwrap()
}

/// A key, a project, and every service at `script`.
fn config(script: &Script) -> Config {
    let url = || Some(script.url().to_owned());
    Config {
        region: Some("cn-north-4".to_owned()),
        access_key: Some("AKEXAMPLE".to_owned()),
        secret_key: Some(SECRET_KEY.into()),
        project_id: Some("p".to_owned()),
        endpoints: EndpointConfig { ecs: url(), evs: url(), modelarts: url(), iam: url(), sts: url() },
        metadata_endpoint: url(),
        ..Config::default()
    }
}

fn without_key(script: &Script) -> Config {
    Config { access_key: None, secret_key: None, ..config(script) }
}

fn client(config: Config) -> Client {
    Client::new(config, transport()).unwrap()
}

/// A client whose clock is as many seconds after [`NOW`] as the number says.
fn client_at(config: Config) -> (Client, Arc<AtomicU64>) {
    let seconds = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&seconds);
    let clock = move || SystemTime::UNIX_EPOCH + NOW + Duration::from_secs(clock.load(Ordering::Relaxed));
    (Client::new(config, transport_with(Arc::new(clock))).unwrap(), seconds)
}

/// A client with a key and a project on a script of these exchanges.
async fn scripted(exchanges: impl IntoIterator<Item = Exchange>) -> (Client, Script) {
    let script = Script::start(exchanges).await;
    (client(config(&script)), script)
}

fn volume_path() -> String {
    format!("/v2/p/cloudvolumes/{VOLUME}")
}

fn detach_path() -> String {
    format!("DELETE /v1/p/cloudservers/{SERVER}/detachvolume/{VOLUME}")
}

const AVAILABLE: &str =
    r#"{"volume":{"id":"a26887c6-c47b-4654-abb5-dfadf7d3f803","status":"available","attachments":[]}}"#;
