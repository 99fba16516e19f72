//! A scripted server for tests: it expects exchanges in order, answers each as told, and anything else fails the test.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What is expected, and how it is answered.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    request: String,
    body: Option<Value>,
    headers: Vec<(&'static str, String)>,
    status: u16,
    reply_headers: Vec<(&'static str, String)>,
    reply: String,
}

/// Expects `request`, e.g. `GET /v1/p/jobs/j`, and answers `status` with `reply`.
pub(super) fn expect(request: impl Into<String>, status: u16, reply: impl Into<String>) -> Exchange {
    Exchange {
        request: request.into(),
        body: None,
        headers: Vec::new(),
        status,
        reply_headers: vec![("Content-Type", "application/json".to_owned())],
        reply: reply.into(),
    }
}

impl Exchange {
    /// Expects this JSON as the body; without it no body is expected.
    pub(super) fn with_body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Expects a header with this value.
    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Answers otherwise.
    pub(super) fn answering(mut self, status: u16, reply: impl Into<String>) -> Self {
        (self.status, self.reply) = (status, reply.into());
        self
    }

    /// Answers with this header.
    pub(super) fn answering_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.reply_headers.retain(|(known, _)| *known != name);
        self.reply_headers.push((name, value.into()));
        self
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Record {
    seen: Vec<Seen>,
    wrong: Vec<String>,
}

/// A running script.
pub(super) struct Script {
    url: String,
    expected: usize,
    record: Arc<Mutex<Record>>,
}

impl Script {
    /// Listens on a free port of this machine.
    pub(super) async fn start(exchanges: impl IntoIterator<Item = Exchange>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut exchanges: std::collections::VecDeque<_> = exchanges.into_iter().collect();
        let (expected, record) = (exchanges.len(), Arc::new(Mutex::new(Record::default())));
        let shared = Arc::clone(&record);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                serve(stream, &mut exchanges, &shared).await;
            }
        });
        Self { url, expected, record }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Everything that came; fails if it is not exactly what was expected.
    pub(super) fn finish(self) -> Vec<Seen> {
        let record = self.record.lock().unwrap();
        assert!(record.wrong.is_empty(), "{:#?}", record.wrong);
        let lines: Vec<_> = record.seen.iter().map(|seen| seen.line.as_str()).collect();
        assert_eq!(record.seen.len(), self.expected, "only these came: {lines:#?}");
        record.seen.clone()
    }
}

/// One exchange a connection, in the order of the connections.
async fn serve(mut stream: TcpStream, exchanges: &mut std::collections::VecDeque<Exchange>, record: &Mutex<Record>) {
    let Some(seen) = read(&mut stream).await else { return };
    let exchange = exchanges.pop_front();
    let wrong = match &exchange {
        None => Some(format!("nothing was expected any more, but {seen:?} came")),
        Some(exchange) => compare(exchange, &seen),
    };
    {
        let mut record = record.lock().unwrap();
        record.seen.push(seen);
        record.wrong.extend(wrong);
    }
    let exchange = exchange.unwrap_or_else(|| expect("", 418, "{}"));
    let mut head = format!("HTTP/1.1 {} Scripted\r\nConnection: close\r\n", exchange.status);
    for (name, value) in &exchange.reply_headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let answer = format!("{head}Content-Length: {}\r\n\r\n{}", exchange.reply.len(), exchange.reply);
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}

fn compare(exchange: &Exchange, seen: &Seen) -> Option<String> {
    let body = if seen.body.is_empty() { None } else { serde_json::from_str::<Value>(&seen.body).ok() };
    let headers = exchange.headers.iter().all(|(name, value)| seen.header(name) == Some(value));
    let same = exchange.request == seen.line && exchange.body == body && headers;
    (!same).then(|| format!("expected {exchange:?}, but {seen:?} came"))
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        stream.read_buf(&mut body).await.unwrap();
    }
    Some(Seen { line, headers, body: String::from_utf8(body).unwrap() })
}
