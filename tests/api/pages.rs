//! The vendors' own pages, example by example: method, path, headers and body as printed, and the printed reply understood.
//!
//! The examples are files below `tests/data/<cloud>/pages`, as printed. A page's blanks and line breaks are for its readers: what
//! is sent has the same content without them.

use std::time::{Duration, SystemTime};

use cloudvolume::{
    budget::Budget,
    huaweicloud::{self, modelarts::OperationStatus},
    ids::{JobId, ServerId, VolumeId},
    samsungcloud,
    transport::{ErrorKind, Transport, TransportConfig},
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::wire::{Reply, Seen, Wire};

/// What the pages write `{project_id}`.
const PROJECT: &str = "0605768a3300d5762f82c01180692873";
/// What the pages write `{id}` and `{volume_id}` where they print none.
const SERVER: &str = "4d8c3732-a248-40ed-bebc-539a6ffd25c0";
const VOLUME: &str = "1e79eff7-c02b-4dfd-a0d6-f76c90d9b4e0";

macro_rules! page {
    ($file:literal) => {
        include_str!(concat!("../data/", $file))
    };
}

fn budget() -> Budget {
    Budget::new(Duration::from_secs(20), CancellationToken::new())
}

/// Of Huawei Cloud, with a token: a signature would need the key that the pages do not print.
fn huaweicloud(wire: &Wire) -> huaweicloud::Client {
    let url = || Some(wire.url.clone());
    let config = huaweicloud::Config {
        region: Some("cn-north-4".to_owned()),
        token: Some("MIIEXAMPLETOKEN".into()),
        project_id: Some(PROJECT.to_owned()),
        endpoints: huaweicloud::EndpointConfig {
            ecs: url(),
            evs: url(),
            modelarts: url(),
            ..huaweicloud::EndpointConfig::default()
        },
        ..huaweicloud::Config::default()
    };
    huaweicloud::Client::new(config, Transport::new(TransportConfig::default()).unwrap()).unwrap()
}

/// Asserts that a request is the page's: its line, its body without the page's blanks, and no more headers than there need to be.
fn assert_as_printed(seen: &Seen, line: &str, body: Option<&str>) {
    assert_eq!(seen.line, format!("{} HTTP/1.1", line.replace("{project_id}", PROJECT)));
    let printed = body.map(|body| serde_json::from_str::<Value>(body).unwrap().to_string());
    assert_eq!(seen.body, printed.unwrap_or_default());
    assert_eq!(seen.header("x-auth-token"), Some("MIIEXAMPLETOKEN"));
    // The vendor's SDK sends these with every call; they change nothing but the language of errors.
    assert_eq!((seen.header("content-type"), seen.header("x-language")), (Some("application/json"), Some("en-us")));
    let of_http = ["accept", "accept-encoding", "content-length", "host", "user-agent"];
    let known = ["content-type", "x-auth-token", "x-language", "x-project-id"];
    for name in seen.header_names().into_iter().filter(|name| !of_http.contains(name)) {
        assert!(known.contains(&name), "{name} is on no page");
    }
}

/// "Mounting a Disk to a Lite Server" of ModelArts.
#[tokio::test]
async fn mounting_a_disk_to_a_lite_server_is_as_printed() {
    const REPLY: Reply =
        Reply { status: 200, body: page!("huaweicloud/pages/mounting-a-disk-to-a-lite-server/reply.json") };
    let wire = Wire::answering(&[REPLY]).await;
    let (server, volume) = (ServerId::new(SERVER), VolumeId::new(VOLUME));
    let operation = huaweicloud(&wire).attach_dev_server_volume(&budget(), &server, &volume).await.unwrap();
    assert_eq!(operation.id, JobId::new("b894b879-a3c0-49ee-b5cb-92202b2794e2"));
    assert_eq!(operation.status, OperationStatus::Pending);
    assert_eq!(operation.operation_type.as_deref(), Some("node_attach_volume"));

    let line = format!("POST /v1/{{project_id}}/dev-servers/{SERVER}/attachvolume");
    let body = page!("huaweicloud/pages/mounting-a-disk-to-a-lite-server/request.json");
    assert_as_printed(&wire.finish().await[0], &line, Some(body));
}

/// "Unmounting a Disk from a Lite Server" of ModelArts, whose reply has a comma too many: nobody can say what operation it is, so
/// the pair has to be looked at, and nothing may be sent again before that.
#[tokio::test]
async fn unmounting_a_disk_from_a_lite_server_is_as_printed_and_its_broken_reply_counts_as_lost() {
    const BROKEN: Reply =
        Reply { status: 200, body: page!("huaweicloud/pages/unmounting-a-disk-from-a-lite-server/reply.txt") };
    let wire = Wire::answering(&[BROKEN]).await;
    let (server, volume) = (ServerId::new(SERVER), VolumeId::new(VOLUME));
    let error = huaweicloud(&wire).detach_dev_server_volume(&budget(), &server, &volume).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AnswerLost);
    assert!(error.to_string().contains("DetachDevServerVolume"), "{error}");
    let line = format!("DELETE /v1/{{project_id}}/dev-servers/{SERVER}/detachvolume/{VOLUME}");
    let seen = wire.finish().await;
    assert_eq!(seen.len(), 1, "it is not sent again");
    assert_as_printed(&seen[0], &line, None);
}

/// The same without that comma, as the service surely means it.
#[tokio::test]
async fn unmounting_a_disk_from_a_lite_server_is_understood_once_the_reply_is_json() {
    const MENDED: Reply = Reply {
        status: 200,
        body: r#"{"operation_id": "UUID", "operation_status": "running", "operation_type": "node_detach_volume"}"#,
    };
    let printed = page!("huaweicloud/pages/unmounting-a-disk-from-a-lite-server/reply.txt");
    let mended: Value = serde_json::from_str(&printed.replace(",\n}", "\n}")).unwrap();
    assert_eq!(mended, serde_json::from_str::<Value>(MENDED.body).unwrap(), "it is that comma and nothing else");
    let wire = Wire::answering(&[MENDED]).await;
    let (server, volume) = (ServerId::new(SERVER), VolumeId::new(VOLUME));
    let operation = huaweicloud(&wire).detach_dev_server_volume(&budget(), &server, &volume).await.unwrap();
    assert_eq!((operation.id.as_str(), operation.status), ("UUID", OperationStatus::Running));
    assert_eq!(operation.operation_type.as_deref(), Some("node_detach_volume"));
}

/// "Detaching an EVS Disk (Deprecated)" of EVS: 202 without a body, or its 400.
#[tokio::test]
async fn detaching_an_evs_disk_is_as_printed() {
    const ACCEPTED: Reply = Reply { status: 202, body: "" };
    const REFUSED: Reply = Reply { status: 400, body: page!("huaweicloud/pages/detaching-an-evs-disk/reply.json") };
    let wire = Wire::answering(&[ACCEPTED, REFUSED]).await;
    let (client, volume) = (huaweicloud(&wire), VolumeId::new(VOLUME));
    let attachment = "d8777f54-84cf-4809-a679-468ffed56cf1";
    client.os_detach(&budget(), &volume, attachment).await.unwrap();
    let error = client.os_detach(&budget(), &volume, attachment).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("XXXX"), "the page's message: {error}");
    for seen in wire.finish().await {
        let line = format!("POST /v2/{{project_id}}/volumes/{VOLUME}/action");
        assert_as_printed(&seen, &line, Some(page!("huaweicloud/pages/detaching-an-evs-disk/request.json")));
    }
}

/// "Detaching Volumes in a Batch" of ECS.
#[tokio::test]
async fn detaching_volumes_in_a_batch_is_as_printed() {
    const REPLY: Reply =
        Reply { status: 200, body: page!("huaweicloud/pages/detaching-volumes-in-a-batch/reply.json") };
    let wire = Wire::answering(&[REPLY]).await;
    let servers = ["a26887c6-c47b-4654-abb5-dfadf7d3f803", "a26887c6-c47b-4654-abb5-dfadf7d3fa05"].map(ServerId::new);
    let job =
        huaweicloud(&wire).batch_detach_volumes(&budget(), &VolumeId::new(VOLUME), &servers).await.unwrap().unwrap();
    assert_eq!(job, JobId::new("ff80808288d41e1b018990260955686a"));
    let line = format!("POST /v1/{{project_id}}/batchaction/detachvolumes/{VOLUME}");
    let body = page!("huaweicloud/pages/detaching-volumes-in-a-batch/request.json");
    assert_as_printed(&wire.finish().await[0], &line, Some(body));
}

/// "Detach Volume from Virtual Server" of Samsung Cloud Platform, in each of its four versions: a path, six headers, and an empty
/// 202. Two of the headers cannot be ours: the printed signature is no signature of anything, and the language is our choice.
#[tokio::test]
async fn detaching_a_volume_from_a_virtual_server_is_as_printed_in_every_version() {
    const ACCEPTED: Reply = Reply { status: 202, body: "" };
    const PAGES: [(&str, &str); 4] = [
        ("1.0", page!("samsungcloud/pages/detach-volume-from-virtual-server/request-1.0.txt")),
        ("1.1", page!("samsungcloud/pages/detach-volume-from-virtual-server/request-1.1.txt")),
        ("1.2", page!("samsungcloud/pages/detach-volume-from-virtual-server/request-1.2.txt")),
        ("1.3", page!("samsungcloud/pages/detach-volume-from-virtual-server/request-1.3.txt")),
    ];
    let (volume, server) = ("3f500f00-ed80-4566-a057-e31760226f9a", "2a9be312-5d4b-4bc8-b2ae-35100fa9241f");
    for (version, page) in PAGES {
        let wire = Wire::answering(&[ACCEPTED]).await;
        let (path, headers) = page.split_once('\n').unwrap();
        let headers: Vec<_> = headers
            .lines()
            .map(|line| line.trim_end_matches(',').trim_matches('"').split_once(" = ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        let client = samsungcloud(&wire, version);
        client.detach_volume(&budget(), &VolumeId::new(volume), &ServerId::new(server)).await.unwrap();

        let seen = wire.finish().await.remove(0);
        let path = path.replace("{volume_id}", volume).replace("{server_id}", server);
        assert_eq!(seen.line, format!("DELETE {path} HTTP/1.1"));
        assert_eq!(seen.body, "");
        for (name, value) in &headers {
            match name.as_str() {
                "scp-signature" => assert_eq!(seen.header(name).map(str::len), Some(44), "an HMAC-SHA256 as base64"),
                "accept-language" => assert_eq!(seen.header(name), Some("en-US")),
                _ => assert_eq!(seen.header(name), Some(*value), "{name}"),
            }
        }
        let of_http = ["accept", "accept-encoding", "host", "user-agent"];
        for name in seen.header_names().into_iter().filter(|name| !of_http.contains(name)) {
            assert!(headers.iter().any(|(printed, _)| printed == name), "{name} is not on the page");
        }
    }
}

/// Of Samsung Cloud Platform, with the page's key and at the page's time.
fn samsungcloud(wire: &Wire, version: &str) -> samsungcloud::Client {
    let config = samsungcloud::Config {
        endpoint_override: Some(wire.url.clone()),
        access_key: Some("2sd2gg=2agbdSD26svcD".into()),
        secret_key: Some("secret".into()),
        api_version: version.to_owned(),
        ..samsungcloud::Config::default()
    };
    let clock = std::sync::Arc::new(|| SystemTime::UNIX_EPOCH + Duration::from_millis(1_605_290_625_682));
    let transport = Transport::new(TransportConfig { clock, ..TransportConfig::default() }).unwrap();
    samsungcloud::Client::new(&config, transport).unwrap()
}
