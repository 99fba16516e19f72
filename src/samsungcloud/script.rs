//! The tests' cloud: a loopback server that expects given requests in order, answers each as scripted, and fails on
//! anything else.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{Client, Config, EndpointConfig};
use crate::{
    backoff::BackoffConfig,
    budget::Budget,
    transport::{Transport, TransportConfig},
};

pub(super) const ACCESS_KEY: &str = "AKTEST0123456789abcdef0123456789";
pub(super) const SECRET_KEY: &str = "sk-test-00000000-1111-2222-3333-444444444444";
pub(super) const TIMESTAMP: u64 = 1_605_290_625_682;

/// A request that is expected, and its reply.
pub(super) struct Step {
    line: String,
    status: u16,
    headers: String,
    body: String,
}

impl Step {
    /// `line` is method and target, e.g. `GET /v1/volumes/1`; the reply is JSON.
    pub(super) fn new(line: impl Into<String>, status: u16, body: impl Into<String>) -> Self {
        Self { line: line.into(), status, headers: String::new(), body: body.into() }
            .header("content-type: application/json")
    }

    /// Adds a header to the reply.
    pub(super) fn header(mut self, line: &str) -> Self {
        self.headers = format!("{}{line}\r\n", self.headers);
        self
    }
}

/// A request as it came.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) target: String,
    /// By lower-case name.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

/// A running script.
pub(super) struct Script {
    pub(super) url: String,
    run: JoinHandle<Vec<Seen>>,
}

impl Script {
    pub(super) async fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let run = tokio::spawn(async move {
            let mut seen = Vec::new();
            for step in steps {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (line, request) = read(&mut stream).await;
                assert_eq!(line, step.line, "the next request");
                seen.push(request);
                let Step { status, headers, body, .. } = step;
                let length = body.len();
                let reply = format!(
                    "HTTP/1.1 {status} Scripted\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
            seen
        });
        Self { url, run }
    }

    /// A client whose override is this script.
    pub(super) fn client(&self) -> Client {
        self.client_with(|_| {})
    }

    /// The same with other settings.
    pub(super) fn client_with(&self, change: impl FnOnce(&mut Config)) -> Client {
        let virtualserver = Some(self.url.clone());
        let mut config =
            Config { endpoints: EndpointConfig { virtualserver, ..EndpointConfig::default() }, ..config() };
        change(&mut config);
        Client::new(&config, transport()).unwrap()
    }

    /// What came, once every step was taken.
    pub(super) async fn finish(self) -> Vec<Seen> {
        tokio::time::timeout(Duration::from_secs(10), self.run).await.expect("a request is missing").unwrap()
    }
}

/// The settings of the signing vectors' account, without a place to go.
pub(super) fn config() -> Config {
    Config { access_key: Some(ACCESS_KEY.into()), secret_key: Some(SECRET_KEY.into()), ..Config::default() }
}

/// One that tries twice, at once, at the vectors' time.
pub(super) fn transport() -> Transport {
    let at_once =
        || BackoffConfig { initial: Duration::from_millis(1), max: Duration::from_millis(1), multiplier: 1.0 };
    let clock = std::sync::Arc::new(|| SystemTime::UNIX_EPOCH + Duration::from_millis(TIMESTAMP));
    let config = TransportConfig {
        max_retries: 1,
        backoff: at_once(),
        throttle_backoff: at_once(),
        clock,
        ..TransportConfig::default()
    };
    Transport::new(config).unwrap()
}

pub(super) fn budget() -> Budget {
    Budget::new(Duration::from_secs(10), CancellationToken::new())
}

async fn read(stream: &mut TcpStream) -> (String, Seen) {
    let mut bytes = Vec::new();
    let end = loop {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the client went away");
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let headers = lines.map(|line| line.split_once(": ").unwrap_or((line.trim_end_matches(':'), "")));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect::<BTreeMap<_, _>>();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + 4 + length {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the client went away");
    }
    let body = String::from_utf8(bytes[end + 4..].to_vec()).unwrap();
    let target = line.split_once(' ').unwrap().1.to_owned();
    (line, Seen { target, headers, body })
}
