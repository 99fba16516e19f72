//! Samsung's side over real sockets: requests signed by hand, with no client of this crate.

mod answers;
mod operations;
mod refusals;

use serde_json::{Value, json};

use super::built_in::{server_id, volume_id};
use super::{Config as Cloud, signature};
use crate::simulator::testing::{Answer, send_to, start};
use crate::simulator::{Config, Simulator, TransitionMode};

/// The headers of a signed request, to be changed by those who want to be refused.
fn signed(url: &str, method: &str, target: &str) -> Vec<(&'static str, String)> {
    signed_at(url, method, target, time::OffsetDateTime::now_utc())
}

fn signed_at(url: &str, method: &str, target: &str, at: time::OffsetDateTime) -> Vec<(&'static str, String)> {
    let key = Cloud::default().access_keys.remove(0);
    let timestamp = (at.unix_timestamp_nanos() / 1_000_000).to_string();
    let message =
        signature::message(method, &format!("{url}{target}"), &timestamp, &key.access_key, "", signature::CLIENT_TYPE);
    vec![
        ("Scp-AccessKey", key.access_key),
        ("Scp-Signature", signature::sign(&message, key.secret_key.expose())),
        ("Scp-Timestamp", timestamp),
        ("Scp-ClientType", signature::CLIENT_TYPE.to_owned()),
        ("Scp-AccountId", String::new()),
        ("Scp-API-Version", "virtualserver 1.3".to_owned()),
    ]
}

async fn send_with(
    url: &str,
    method: &str,
    target: &str,
    headers: &[(&'static str, String)],
    body: &str,
) -> Option<Answer> {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    send_to(url, method, target, &headers, body).await
}

/// A signed request to the first region.
async fn try_call(simulator: &Simulator, method: &str, target: &str, body: &str) -> Option<Answer> {
    let url = simulator.samsungcloud_url();
    send_with(&url, method, target, &signed(&url, method, target), body).await
}

async fn call(simulator: &Simulator, method: &str, target: &str, body: &str) -> Answer {
    try_call(simulator, method, target, body).await.expect("an answer")
}

async fn get(simulator: &Simulator, target: &str) -> Answer {
    call(simulator, "GET", target, "").await
}

/// The same in another version.
async fn get_in(simulator: &Simulator, version: &str, target: &str) -> Answer {
    let url = simulator.samsungcloud_url();
    let mut headers = signed(&url, "GET", target);
    headers.retain(|(name, _)| *name != "Scp-API-Version");
    headers.push(("scp-api-version", format!("virtualserver {version}")));
    send_with(&url, "GET", target, &headers, "").await.expect("an answer")
}

/// The volume's side.
async fn attach(simulator: &Simulator, server: &str, volume: &str) -> Answer {
    let body = json!({"server_id": server}).to_string();
    call(simulator, "POST", &format!("/v1/volumes/{volume}/servers"), &body).await
}

async fn detach(simulator: &Simulator, server: &str, volume: &str) -> Answer {
    call(simulator, "DELETE", &format!("/v1/volumes/{volume}/servers/{server}"), "").await
}

async fn volume(simulator: &Simulator, id: &str) -> Value {
    get(simulator, &format!("/v1/volumes/{id}")).await.json()
}

/// The state of a volume, how many servers it lists, and how many volumes the first server lists.
async fn sight(simulator: &Simulator, id: &str) -> (String, usize, usize) {
    let volume = volume(simulator, id).await;
    let server = get(simulator, &format!("/v1/servers/{}", server_id(1))).await.json();
    let length = |list: &Value| list.as_array().unwrap().len();
    (volume["state"].as_str().unwrap().to_owned(), length(&volume["servers"]), length(&server["volumes"]))
}

/// Status and code of an error in the envelope.
fn error(answer: &Answer) -> (u16, String) {
    let body = answer.json();
    let error = &body["errors"][0];
    assert_eq!((body.as_object().unwrap().len(), &error["status"]), (1, &json!(answer.status)), "{answer:?}");
    (answer.status, error["code"].as_str().unwrap().to_owned())
}

/// Manual mode and the built-in world.
async fn simulator() -> Simulator {
    start(Config { mode: TransitionMode::Manual, ..Config::default() }).await
}

/// The same with one switch set.
async fn switched(name: &str, value: &str) -> Simulator {
    let simulator = simulator().await;
    simulator.set_samsungcloud_switches(|switches| switches.set(name, value).unwrap());
    simulator
}

/// The first pair of the built-in world.
fn pair() -> (String, String) {
    (server_id(1), volume_id(1))
}
