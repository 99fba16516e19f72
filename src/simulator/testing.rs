//! What the simulator's own tests call it with: HTTP by hand, over a real socket, with no client of this crate.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::huaweicloud::{Token, signature};
use super::message::Request;
use super::{Config, Simulator, TransitionMode};

/// The project of the built-in first region.
pub(super) const PROJECT: &str = "a0000000000000000000000000000001";
/// A token for the whole account, so that tests need not sign.
pub(super) const TOKEN: &str = "token-of-the-tests";

/// One answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Status and code of an ECS or EVS error.
    pub(super) fn error(&self) -> (u16, String) {
        (self.status, self.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// Manual mode, a token that never ends, and the built-in world.
pub(super) fn manual() -> Config {
    let mut config = Config { mode: TransitionMode::Manual, ..Config::default() };
    config.huaweicloud.tokens.push(Token { token: TOKEN.into(), project_id: None });
    config
}

pub(super) async fn start(config: Config) -> Simulator {
    Simulator::start(config).await.unwrap()
}

/// Sends a request with these headers to Huawei Cloud's side. `None` when the connection is reset.
pub(super) async fn send(
    simulator: &Simulator,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    send_to(&simulator.huaweicloud_url(), method, target, headers, body).await
}

/// Sends a request with these headers and nothing else but what HTTP needs. `None` when the connection is reset.
pub(super) async fn send_to(
    url: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    let address = url.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let mut request = format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut raw = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut raw)).await.unwrap();
    if read.is_err() || raw.is_empty() {
        return None;
    }
    let raw = String::from_utf8(raw).unwrap();
    let (head, text) = raw.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    Some(Answer { status, headers, text: text.to_owned() })
}

/// Signs a request now, with the headers the vendor's own client signs, and sends it.
pub(super) async fn sign_and_send(
    simulator: &Simulator,
    method: &str,
    target: &str,
    body: &str,
    access_key: &str,
    secret_key: &str,
    session: Option<&str>,
) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let date = signature::date(time::OffsetDateTime::now_utc());
    let host = simulator.huaweicloud_url().trim_start_matches("http://").to_owned();
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![("host".to_owned(), host), ("x-sdk-date".to_owned(), date.clone())],
        body: body.to_owned().into(),
    };
    let authorization = signature::sign(&request, access_key, secret_key, &["host", "x-sdk-date"]);
    let mut headers = vec![("x-sdk-date", date.as_str()), ("authorization", &authorization)];
    headers.extend(session.map(|token| ("x-security-token", token)));
    send(simulator, method, target, &headers, body).await.expect("an answer")
}

/// Sends a request as the bearer of the tests' token. `{p}` in the target is the project.
pub(super) async fn call(simulator: &Simulator, method: &str, target: &str, body: &str) -> Answer {
    let target = target.replace("{p}", PROJECT);
    send(simulator, method, &target, &[("x-auth-token", TOKEN)], body).await.expect("an answer")
}

/// `AttachServerVolume`.
pub(super) async fn attach(simulator: &Simulator, server: &str, volume: &str) -> Answer {
    let body = format!(r#"{{"volumeAttachment":{{"volumeId":"{volume}"}}}}"#);
    call(simulator, "POST", &format!("/v1/{{p}}/cloudservers/{server}/attachvolume"), &body).await
}

/// `DetachServerVolume`.
pub(super) async fn detach(simulator: &Simulator, server: &str, volume: &str) -> Answer {
    call(simulator, "DELETE", &format!("/v1/{{p}}/cloudservers/{server}/detachvolume/{volume}"), "").await
}

/// `ShowJob` of the job an answer names.
pub(super) async fn job(simulator: &Simulator, answer: &Answer) -> Value {
    let id = answer.json()["job_id"].as_str().unwrap().to_owned();
    let answer = call(simulator, "GET", &format!("/v1/{{p}}/jobs/{id}"), "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// `ShowVolume`'s volume.
pub(super) async fn volume(simulator: &Simulator, id: &str) -> Value {
    call(simulator, "GET", &format!("/v2/{{p}}/cloudvolumes/{id}"), "").await.json()["volume"].clone()
}

/// The volumes `ListServerBlockDevices` lists.
pub(super) async fn block_devices(simulator: &Simulator, server: &str) -> Vec<Value> {
    let answer = call(simulator, "GET", &format!("/v1/{{p}}/cloudservers/{server}/block_device"), "").await;
    answer.json()["volumeAttachments"].as_array().unwrap().clone()
}
