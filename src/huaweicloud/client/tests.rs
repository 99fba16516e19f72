//! Tests of the client on a scripted server: what goes over the wire, and what becomes of each answer.

use std::{
    str::FromStr as _,
    sync::Arc,
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
    transport::{ErrorKind, Request, Transport, TransportConfig},
};

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
    let quick = BackoffConfig { initial: Duration::from_millis(1), max: Duration::from_millis(5), multiplier: 2.0 };
    let clock = Arc::new(|| SystemTime::UNIX_EPOCH + NOW);
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

/// The signature that belongs to a request as it came; shows that nothing that is signed was changed on the way.
fn expected_signature(seen: &Seen) -> String {
    let (method, path) = seen.line.split_once(' ').unwrap();
    let authorization = seen.header("authorization").unwrap();
    let names = authorization.split_once("SignedHeaders=").unwrap().1.split_once(',').unwrap().0;
    let headers = names
        .split(';')
        .filter(|name| *name != "host")
        .map(|name| (HeaderName::from_str(name).unwrap(), seen.header(name).unwrap().parse().unwrap()));
    let request = Request {
        operation: "Test",
        method: Method::from_str(method).unwrap(),
        url: Url::parse(&format!("http://{}{path}", seen.header("host").unwrap())).unwrap(),
        headers: headers.collect::<HeaderMap>(),
        body: seen.body.clone().into(),
        idempotent: true,
    };
    let headers = signer::signed_headers(&request).unwrap();
    let canonical = signer::canonical_request(&request, &headers);
    let to_sign = signer::string_to_sign(seen.header("x-sdk-date").unwrap(), &canonical);
    signer::authorization("AKEXAMPLE", &headers, &signer::signature(SECRET_KEY, &to_sign))
}

#[tokio::test]
async fn an_attach_is_sent_as_documented_and_signed_as_it_is_sent() {
    let path = format!("POST /v1/p/cloudservers/{SERVER}/attachvolume");
    let (client, script) = scripted([
        expect(&path, 200, r#"{"job_id":"j1"}"#)
            .with_body(json!({ "volumeAttachment": { "volumeId": VOLUME, "device": "/dev/vdb" } }))
            .with_header("x-project-id", "p")
            .with_header("content-type", "application/json")
            .with_header("x-sdk-date", "20260102T030405Z"),
        expect(&path, 200, r#"{"job_id":"j2"}"#).with_body(json!({ "volumeAttachment": { "volumeId": VOLUME } })),
    ])
    .await;
    let job = client.attach_server_volume(&budget(), &server(), &volume(), Some("/dev/vdb")).await.unwrap();
    assert_eq!(job, JobId::new("j1"));
    client.attach_server_volume(&budget(), &server(), &volume(), None).await.unwrap();
    for seen in script.finish() {
        assert_eq!(seen.header("authorization").unwrap(), expected_signature(&seen));
        assert_eq!(seen.header("x-auth-token"), None);
    }
}

#[tokio::test]
async fn a_detach_has_no_body_and_forces_only_when_told() {
    let (client, script) = scripted([
        expect(detach_path(), 200, r#"{"job_id":"j1"}"#),
        expect(format!("{}?delete_flag=1", detach_path()), 200, r#"{"job_id":"j2"}"#),
    ])
    .await;
    client.detach_server_volume(&budget(), &server(), &volume(), false).await.unwrap();
    client.detach_server_volume(&budget(), &server(), &volume(), true).await.unwrap();
    script.finish();
}

#[tokio::test]
async fn the_two_batches_have_two_shapes() {
    let job = r#"{"job_id":"j"}"#;
    let (client, script) = scripted([
        expect(format!("POST /v1/p/batchaction/attachvolumes/{VOLUME}"), 200, job)
            .with_body(json!({ "serverinfo": [{ "server_id": "a", "device": "/dev/vdb" }, { "server_id": "b" }] })),
        expect(format!("POST /v1/p/batchaction/detachvolumes/{VOLUME}"), 200, job)
            .with_body(json!({ "serverinfo": ["a", "b"] })),
        expect("POST /v1/p/cloudservers/action", 200, job)
            .with_body(json!({ "os-stop": { "type": "SOFT", "servers": [{ "id": "a" }] } })),
        expect("POST /v1/p/cloudservers/action", 200, job)
            .with_body(json!({ "os-start": { "servers": [{ "id": "a" }] } })),
    ])
    .await;
    let (a, b) = (ServerId::new("a"), ServerId::new("b"));
    let devices = [(a.clone(), Some("/dev/vdb".to_owned())), (b.clone(), None)];
    client.batch_attach_sharable_volumes(&budget(), &volume(), &devices).await.unwrap();
    client.batch_detach_volumes(&budget(), &volume(), &[a.clone(), b]).await.unwrap();
    client.batch_stop_servers(&budget(), std::slice::from_ref(&a)).await.unwrap();
    client.batch_start_servers(&budget(), &[a]).await.unwrap();
    script.finish();
}

#[tokio::test]
async fn setting_delete_on_termination_accepts_an_empty_answer() {
    let path = format!("PUT /v1/p/cloudservers/{SERVER}/block_device/{VOLUME}");
    let body = json!({ "block_device": { "delete_on_termination": true } });
    let (client, script) = scripted([expect(path, 200, "").with_body(body)]).await;
    client.update_server_block_device(&budget(), &server(), &volume(), true).await.unwrap();
    script.finish();
}

#[tokio::test]
async fn an_evs_record_is_released_by_its_attachment_id() {
    let body = json!({ "os-detach": { "attachment_id": "r" } });
    let (client, script) =
        scripted([expect(format!("POST /v2/p/volumes/{VOLUME}/action"), 202, "").with_body(body)]).await;
    client.os_detach(&budget(), &volume(), "r").await.unwrap();
    script.finish();
}

#[tokio::test]
async fn a_job_is_read_with_its_parts_and_a_failed_one_is_an_answer() {
    let job = json!({
        "status": "FAIL", "job_id": "P", "job_type": "batchDetachVolume", "begin_time": "2026-01-02T03:04:05.678Z", "end_time": "",
        "error_code": "Common.0021", "fail_reason": "Subjob fails.",
        "entities": { "sub_jobs_total": 2, "sub_jobs": [
            { "status": "SUCCESS", "job_id": "C1", "error_code": null, "fail_reason": null, "entities": { "server_id": "A" } },
            { "status": "FAIL", "job_id": "C2", "error_code": "Ecs.0111", "fail_reason": null,
              "entities": { "server_id": "B", "errorcode_message": "not attached" } },
        ] },
    });
    let (client, script) = scripted([expect("GET /v1/p/jobs/P", 200, job.to_string())]).await;
    let job = client.show_job(&budget(), &JobId::new("P")).await.unwrap();
    assert_eq!(job.status.as_str(), "FAIL");
    assert_eq!(job.end_time, None);
    let part = job.of_server(&ServerId::new("b")).unwrap();
    assert_eq!(part.error_code.as_ref().and_then(ErrorCode::kind), Some(ErrorKind::NotAttached));
    assert_eq!(part.fail_reason.as_deref(), Some("not attached"));
    assert_eq!(job.of_server(&ServerId::new("C")), None);
    let failed: Vec<_> = job.failures().map(|part| part.id.as_ref().unwrap().as_str()).collect();
    assert_eq!(failed, ["C2", "P"]);
    script.finish();
}

#[tokio::test]
async fn a_job_that_is_plain_new_or_strange_is_read_too() {
    let (client, script) = scripted([
        expect(
            "GET /v1/p/jobs/j",
            200,
            r#"{"status":"init","entities":{"server_id":"A","volume_id":"V"},"job_id":"j"}"#,
        ),
        expect("GET /v1/p/jobs/j", 200, r#"{"status":"PENDING_PAYMENT","entities":null,"end_time":null,"new":[1]}"#),
        expect("GET /v1/p/jobs/j", 200, r#"{"job_id":"j","entities":{}}"#),
        expect(
            "GET /v1/p/jobs/j",
            400,
            r#"{"error":{"code":"Common.0011","message":"Failed to query system tasks."}}"#,
        ),
        expect("GET /v1/p/jobs/j", 200, r#"{"code":"Common.0025","message":"Query job Error because x."}"#),
    ])
    .await;
    let show = || async { client.show_job(&budget(), &JobId::new("j")).await };
    let job = show().await.unwrap();
    assert_eq!((job.status.as_str(), job.server_id), ("INIT", Some(ServerId::new("A"))));
    assert_eq!(show().await.unwrap().status.as_str(), "PENDING_PAYMENT");
    assert_eq!(show().await.unwrap_err().kind(), ErrorKind::Malformed);
    assert_eq!(show().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(show().await.unwrap_err().code(), Some(&ErrorCode::COMMON_0025));
    script.finish();
}

#[tokio::test]
async fn devices_and_servers_are_read_whatever_type_a_field_has() {
    let devices = r#"{"attachableQuantity":{"free_scsi":"23","free_disk":23},"volumeAttachments":[
        {"id":"V","volumeId":"V","serverId":"S","device":"/dev/vda","bootIndex":0,"bus":"virtio","pciAddress":"0000:02:01.0","size":"40"},
        {"volumeId":"W","device":"","bootIndex":null,"pciAddress":"","size":40}]}"#;
    let one = r#"{"volumeAttachment":{"volumeId":"V","bootIndex":"1"}}"#;
    let shown = r#"{"server":{"id":"S","status":"ACTIVE","OS-EXT-STS:vm_state":"active","OS-EXT-STS:task_state":null,"locked":"false",
        "OS-EXT-AZ:availability_zone":"az1","os-extended-volumes:volumes_attached":[
        {"id":"V","delete_on_termination":"true","bootIndex":"0","device":"/dev/vda"},
        {"id":"W","delete_on_termination":false,"bootIndex":null,"device":null},{"id":"X"}]}}"#;
    let (client, script) = scripted([
        expect(format!("GET /v1/p/cloudservers/{SERVER}/block_device"), 200, devices),
        expect(format!("GET /v1/p/cloudservers/{SERVER}/block_device/{VOLUME}"), 200, one),
        expect(format!("GET /v1/p/cloudservers/{SERVER}"), 200, shown),
    ])
    .await;
    let devices = client.list_server_block_devices(&budget(), &server()).await.unwrap();
    assert_eq!(devices.attachable_quantity.unwrap().free_scsi, Some(23));
    let [system, data] = devices.volume_attachments.try_into().unwrap();
    assert_eq!(
        (system.boot_index, system.size, system.pci_address.as_deref()),
        (Some(0), Some(40), Some("0000:02:01.0"))
    );
    assert_eq!((data.boot_index, data.device, data.pci_address), (None, None, None));
    let device = client.show_server_block_device(&budget(), &server(), &volume()).await.unwrap();
    assert_eq!(device.boot_index, Some(1));
    let server = client.show_server(&budget(), &server()).await.unwrap();
    assert_eq!((server.status.as_str(), server.task_state, server.locked), ("ACTIVE", None, Some(false)));
    let volumes: Vec<_> = server.volumes_attached.iter().map(|v| (v.boot_index, v.delete_on_termination)).collect();
    assert_eq!(volumes, [(Some(0), Some(true)), (None, Some(false)), (None, None)]);
    script.finish();
}

#[tokio::test]
async fn volumes_are_read_one_and_many() {
    let one = r#"{"volume":{"id":"V","name":null,"status":"in-use","multiattach":true,"shareable":"false","bootable":"true","size":"40",
        "metadata":{"hw:passthrough":"true","n":1,"x":null},"wwn":" 688860300000e1bc","tags":{},"attachments":[
        {"id":"V","volume_id":"V","attachment_id":"r","server_id":"S","device":"/dev/vdb","host_name":null,"attached_at":"2026-01-02T03:04:05.678901"},
        {"id":"V","server_id":null}]}}"#;
    let ids: Vec<_> = (0..61).map(|i| VolumeId::new(format!("v{i}"))).collect();
    let listed = |ids: &[VolumeId]| {
        let ids = ids.iter().map(|id| format!("%27{id}%27")).collect::<Vec<_>>().join("%2C");
        format!("GET /v2/p/cloudvolumes/detail?ids=%5B{ids}%5D&limit=1000")
    };
    let page: Vec<_> =
        (0..1000).map(|i| json!({ "id": format!("w{i}"), "status": "in-use", "attachments": null })).collect();
    let last = r#"{"count":1001,"volumes":[{"id":"w1000","status":"in-use"}],"volumes_links":null}"#;
    let (client, script) = scripted([
        expect(format!("GET {}", volume_path()), 200, one),
        expect(listed(&ids[..60]), 200, r#"{"volumes":[{"id":"v1","status":"error"}]}"#),
        expect(listed(&ids[60..]), 200, r#"{"volumes":[]}"#),
        expect("GET /v2/p/cloudvolumes/detail?server_id=S&limit=1000", 200, json!({ "volumes": page }).to_string()),
        expect("GET /v2/p/cloudvolumes/detail?server_id=S&limit=1000&marker=w999", 200, last),
    ])
    .await;
    let found = client.show_volume(&budget(), &volume()).await.unwrap();
    assert_eq!((found.multiattach, found.bootable, found.size), (Some(true), Some(true), Some(40)));
    assert_eq!(found.wwn.as_deref(), Some("688860300000e1bc"));
    assert_eq!(found.metadata["n"], "1");
    assert_eq!(found.attachment(&ServerId::new("s")).unwrap().attachment_id.as_deref(), Some("r"));
    assert_eq!(found.attachment(&ServerId::new("T")), None);
    let listed = client.list_volumes_by_id(&budget(), &ids).await.unwrap();
    assert_eq!(listed.len(), 1);
    let listed = client.list_volumes_of_server(&budget(), &ServerId::new("S")).await.unwrap();
    assert_eq!(listed.len(), 1001);
    script.finish();
}

#[tokio::test]
async fn a_lite_server_and_its_operations_are_read() {
    let shown = r#"{"id":"L","name":"n","status":"RUNNING","create_at":1767323045000,"cloud_server":{"id":"C","type":"HPS","hps_ecs_id":"E"},
        "volumes":[{"size":100,"type":"DATA","evs_type":"SSD","evs_id":"V"}]}"#;
    let base = format!("/v1/p/dev-servers/{SERVER}");
    let (client, script) = scripted([
        expect(format!("GET {base}"), 200, shown),
        expect(format!("GET {base}"), 200, r#"{"id":"L","status":"STOPPED","cloud_server":null,"volumes":null}"#),
        expect(format!("POST {base}/attachvolume"), 200, r#"{"operation_id":"o","operation_status":"Pending","operation_type":"node_attach_volume"}"#)
            .with_body(json!({ "volume_id": VOLUME })),
        expect(format!("DELETE {base}/detachvolume/{VOLUME}"), 200, r#"{"operation_id":"o"}"#),
        expect(
            format!("GET {base}/operation/o"),
            200,
            r#"{"operation_id":"o","operation_status":"failed","operation_error":{"code":"ModelArts.7000","message":"m"}}"#,
        ),
        expect(format!("GET {base}"), 400, r#"{"error_code":"ModelArts.6404","error_msg":"LiteServer instance 'x' not found."}"#)
            .answering_header("X-Request-Id", "trace-1"),
        expect(format!("POST {base}/attachvolume"), 200, r#"{"operation_status":"pending"}"#)
            .with_body(json!({ "volume_id": VOLUME })),
    ])
    .await;
    let dev_server = client.show_dev_server(&budget(), &server()).await.unwrap();
    assert_eq!(dev_server.cloud_server.unwrap().hps_ecs_id, Some(ServerId::new("E")));
    assert_eq!(dev_server.volumes.unwrap()[0].evs_id, Some(VolumeId::new("V")));
    assert_eq!(client.show_dev_server(&budget(), &server()).await.unwrap().volumes, None);
    let attached = client.attach_dev_server_volume(&budget(), &server(), &volume()).await.unwrap();
    assert_eq!((attached.id, attached.status.as_str()), (JobId::new("o"), "pending"));
    let detached = client.detach_dev_server_volume(&budget(), &server(), &volume()).await.unwrap();
    assert_eq!(detached.status.as_str(), "pending");
    let failed = client.show_dev_server_operation(&budget(), &server(), &JobId::new("o")).await.unwrap();
    assert_eq!((failed.status.as_str(), failed.error_code), ("failed", Some(ErrorCode::MODELARTS_7000)));
    let gone = client.show_dev_server(&budget(), &server()).await.unwrap_err();
    assert_eq!((gone.kind(), gone.request_id()), (ErrorKind::NotFound, Some("trace-1")));
    let lost = client.attach_dev_server_volume(&budget(), &server(), &volume()).await.unwrap_err();
    assert_eq!((lost.kind(), lost.may_have_been_processed()), (ErrorKind::AnswerLost, true));
    script.finish();
}

/// What a detach ends with when it is answered so.
async fn refused(exchange: Exchange) -> Error {
    let (client, script) = scripted([exchange]).await;
    let error = client.detach_server_volume(&budget(), &server(), &volume(), false).await.unwrap_err();
    script.finish();
    error
}

#[tokio::test]
async fn an_error_tells_code_message_request_id_status_and_attempts() {
    let body = r#"{"error":{"code":"Ecs.0111","message":"Disk x is not in the attachment list."}}"#;
    let error = refused(expect(detach_path(), 400, body).answering_header("X-Request-Id", "abc")).await;
    assert_eq!(error.kind(), ErrorKind::NotAttached);
    assert_eq!((error.operation(), error.status().unwrap().as_u16()), ("DetachServerVolume", 400));
    assert_eq!((error.request_id(), error.attempts()), (Some("abc"), 1));
    let text = error.to_string();
    let expected =
        "DetachServerVolume: Ecs.0111: Disk x is not in the attachment list. (HTTP 400, request id abc, attempt 1, ";
    assert!(text.starts_with(expected), "{text}");
}

#[tokio::test]
async fn throttling_is_waited_out_even_when_it_comes_as_a_success() {
    let limit = r#"{"error":{"code":"Common.0024","message":"Flow limit exceeded."}}"#;
    let gateway =
        r#"{"error_code":"APIGW.0308","error_msg":"The throttling threshold has been reached","request_id":"r"}"#;
    let busy = r#"{"error":{"code":"Common.1503","message":"Api flow control Error because x."}}"#;
    let (client, script) = scripted([
        expect(detach_path(), 202, limit),
        expect(detach_path(), 429, gateway),
        expect(detach_path(), 503, busy),
        expect(detach_path(), 200, r#"{"job_id":"j"}"#),
    ])
    .await;
    client.detach_server_volume(&budget(), &server(), &volume(), false).await.unwrap();
    script.finish();
}

#[tokio::test]
async fn a_change_whose_outcome_is_unknown_is_not_sent_again_and_says_so() {
    let body = r#"{"error":{"code":"Common.0001","message":"System exception."}}"#;
    let error = refused(expect(detach_path(), 500, body).answering_header("X-Request-Id", "abc")).await;
    assert_eq!((error.kind(), error.may_have_been_processed()), (ErrorKind::AnswerLost, true));
    assert_eq!((error.code(), error.request_id()), (Some(&ErrorCode::COMMON_0001), Some("abc")));
    for reply in [r#"{}"#, r#"{"job_id":null}"#, r#"{"job_id":"#, "", "<html>"] {
        let error = refused(expect(detach_path(), 200, reply)).await;
        assert_eq!((error.kind(), error.may_have_been_processed()), (ErrorKind::AnswerLost, true), "{reply}");
    }
}

#[tokio::test]
async fn a_read_is_sent_again_after_a_failure_of_the_server() {
    let path = format!("GET {}", volume_path());
    let (client, script) =
        scripted([expect(&path, 502, "<html>"), expect(&path, 500, "{}"), expect(&path, 200, AVAILABLE)]).await;
    client.show_volume(&budget(), &volume()).await.unwrap();
    script.finish();
}

#[tokio::test]
async fn only_the_vendors_own_word_makes_a_volume_gone() {
    for (status, reply, kind) in [
        (404, r#"{"error":{"code":"EVS.5404","message":"m"}}"#, ErrorKind::NotFound),
        (404, r#"{"itemNotFound":{"code":404,"message":"m"}}"#, ErrorKind::NotFound),
        (404, r#"{"error_code":"APIGW.0101","error_msg":"m"}"#, ErrorKind::NoSuchRoute),
        (404, "<html><body>Not Found</body></html>", ErrorKind::NoSuchRoute),
        (404, "", ErrorKind::NoSuchRoute),
        (403, "<html>blocked</html>", ErrorKind::Malformed),
        (302, "", ErrorKind::Malformed),
        (200, "<html>log in</html>", ErrorKind::Malformed),
        (200, r#"{"volume":{"status":"available"}}"#, ErrorKind::Malformed),
        (200, "null", ErrorKind::Malformed),
    ] {
        let (client, script) = scripted([expect(format!("GET {}", volume_path()), status, reply)]).await;
        let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {reply}");
        assert!(!error.may_have_been_processed());
        script.finish();
    }
}

#[tokio::test]
async fn an_answer_that_is_not_the_services_is_shown_short_and_harmless() {
    let page = format!("<html>\r\n\u{1b}[31mGateway {}</html>", "x".repeat(1000));
    let exchange = expect(format!("GET {}", volume_path()), 404, page).answering_header("Content-Type", "text/html");
    let (client, script) = scripted([exchange]).await;
    let text = client.show_volume(&budget(), &volume()).await.unwrap_err().to_string();
    assert!(
        text.starts_with("ShowVolume: the answer is not the service's own: text/html: <html> [31mGateway xxx"),
        "{text}"
    );
    assert!(text.len() < 400 && !text.contains(char::is_control), "{text}");
    script.finish();
    let exchange = expect(format!("GET {}", volume_path()), 302, "")
        .answering_header("Location", "https://login.example/?t=secret");
    let (client, script) = scripted([exchange]).await;
    let text = client.show_volume(&budget(), &volume()).await.unwrap_err().to_string();
    assert!(text.contains("it leads to https://login.example/, where nothing is sent"), "{text}");
    script.finish();
}

#[tokio::test]
async fn a_refused_key_is_refused_once_and_a_wrong_clock_is_named() {
    let body = r#"{"error_msg":"Incorrect IAM authentication information: verify aksk signature fail, canonicalRequest:GET|/v2/|host:x|","error_code":"APIGW.0301","request_id":"r"}"#;
    let exchange = |date: &str| expect(format!("GET {}", volume_path()), 401, body).answering_header("Date", date);
    for (date, skew, word) in [
        ("Fri, 02 Jan 2026 03:04:05 GMT", None, "signature fail (HTTP"),
        ("Fri, 02 Jan 2026 03:24:05 GMT", Some(Duration::from_secs(1200)), "clock is 1200 s behind the cloud's"),
        ("Fri, 02 Jan 2026 02:54:05 GMT", Some(Duration::from_secs(600)), "clock is 600 s ahead of the cloud's"),
        ("nonsense", None, "signature fail (HTTP"),
    ] {
        let (client, script) = scripted([exchange(date)]).await;
        let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
        assert_eq!((error.kind(), error.clock_skew()), (ErrorKind::Unauthenticated, skew));
        assert_eq!((error.request_id(), error.attempts()), (Some("r"), 1));
        let text = error.to_string();
        assert!(text.contains(word) && !text.contains("canonicalRequest"), "{text}");
        script.finish();
    }
}

#[tokio::test]
async fn an_id_that_would_lead_elsewhere_is_not_sent() {
    let (client, script) = scripted([]).await;
    let error = client.show_volume(&budget(), &VolumeId::new("../x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    script.finish();
}

#[tokio::test]
async fn the_project_is_looked_up_once_however_many_ask() {
    let mut exchanges = vec![expect(
        "GET /v3/projects?name=cn-north-4",
        200,
        r#"{"projects":[{"id":"p","name":"cn-north-4","enabled":true}],"links":{}}"#,
    )];
    exchanges.extend((0..5).map(|_| expect(format!("GET {}", volume_path()), 200, AVAILABLE)));
    let script = Script::start(exchanges).await;
    let client = client(Config { project_id: None, ..config(&script) });
    let (budget, volume) = (budget(), volume());
    let reads = (0..5).map(|_| client.show_volume(&budget, &volume));
    for read in futures::future::join_all(reads).await {
        read.unwrap();
    }
    script.finish();
}

#[tokio::test]
async fn a_region_without_exactly_one_project_is_named() {
    for (reply, word) in [
        (r#"{"projects":[]}"#, "no project is called \"cn-north-4\" in region cn-north-4"),
        (r#"{"projects":[{"id":"a"},{"id":"b"}]}"#, "2 projects are called \"cn-north-4\" in region cn-north-4"),
    ] {
        let script = Script::start([expect("GET /v3/projects?name=cn-north-4", 200, reply)]).await;
        let client = client(Config { project_id: None, ..config(&script) });
        for _ in 0..2 {
            let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().contains(word), "{error}");
        }
        script.finish();
    }
}

#[tokio::test]
async fn an_unknown_account_is_never_taken_for_a_volume_that_is_gone() {
    for (status, reply) in [
        (404, r#"{"error":{"code":404,"message":"Could not find project","title":"Not Found"}}"#),
        (404, r#"{"itemNotFound":{"code":404,"message":"m"}}"#),
    ] {
        let script = Script::start([expect("GET /v3/projects?name=cn-north-4", status, reply)]).await;
        let client = client(Config { project_id: None, ..config(&script) });
        let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        script.finish();
    }
}

#[tokio::test]
async fn another_region_has_a_project_of_its_own_and_no_use_for_overridden_endpoints() {
    let projects = r#"{"projects":[{"id":"q"}]}"#;
    let script = Script::start([expect("GET /v3/projects?name=cn-east-3", 200, projects)]).await;
    let client = client(config(&script)).for_region("cn-east-3");
    assert_eq!(client.region(), "cn-east-3");
    assert_eq!(&*client.project_id(&budget()).await.unwrap(), "q");
    let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Configuration && error.to_string().contains("cn-north-4"), "{error}");
    script.finish();
}

#[tokio::test]
async fn a_given_token_is_sent_as_it_is_and_a_refusal_is_final() {
    let denied = r#"{"error":{"code":"EVS.5401","message":"m"}}"#;
    let script = Script::start([
        expect(format!("GET {}", volume_path()), 200, AVAILABLE).with_header("x-auth-token", "given-token"),
        expect(format!("GET {}", volume_path()), 401, denied).with_header("x-auth-token", "given-token"),
    ])
    .await;
    let client = client(Config { token: Some("given-token".into()), ..config(&script) });
    client.show_volume(&budget(), &volume()).await.unwrap();
    let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    for seen in script.finish() {
        assert_eq!((seen.header("authorization"), seen.header("x-sdk-date")), (None, None));
    }
}

fn login(script: &Script) -> Config {
    Config {
        user_name: Some("user".to_owned()),
        domain_name: Some("account".to_owned()),
        password: Some("pass-word".into()),
        ..without_key(script)
    }
}

/// A login for the configured project that is answered with `token`, valid for a day.
fn token(token: &str) -> Exchange {
    let user = json!({ "name": "user", "password": "pass-word", "domain": { "name": "account" } });
    let identity = json!({ "methods": ["password"], "password": { "user": user } });
    expect("POST /v3/auth/tokens?nocatalog=true", 201, r#"{"token":{"expires_at":"2026-01-03T03:04:05.000000Z"}}"#)
        .with_body(json!({ "auth": { "identity": identity, "scope": { "project": { "id": "p" } } } }))
        .answering_header("X-Subject-Token", token)
}

#[tokio::test]
async fn a_password_becomes_a_token_once_and_a_refused_token_is_replaced_once() {
    let denied = r#"{"error":{"code":"EVS.5401","message":"m"}}"#;
    let path = format!("GET {}", volume_path());
    let script = Script::start([
        token("t1"),
        expect(&path, 200, AVAILABLE).with_header("x-auth-token", "t1"),
        expect(&path, 401, denied).with_header("x-auth-token", "t1"),
        token("t2"),
        expect(&path, 200, AVAILABLE).with_header("x-auth-token", "t2"),
        expect(&path, 401, denied).with_header("x-auth-token", "t2"),
        token("t3"),
        expect(&path, 401, denied).with_header("x-auth-token", "t3"),
    ])
    .await;
    let client = client(login(&script));
    client.show_volume(&budget(), &volume()).await.unwrap();
    client.show_volume(&budget(), &volume()).await.unwrap();
    let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    script.finish();
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_however_many_ask() {
    let reply = r#"{"error":{"code":401,"message":"The username or password is wrong.","title":"Unauthorized"}}"#;
    let script = Script::start([token("unused").answering(401, reply)]).await;
    let client = client(login(&script));
    let (budget, volume) = (budget(), volume());
    for error in futures::future::join_all((0..5).map(|_| client.show_volume(&budget, &volume))).await {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.to_string().contains("The username or password is wrong."), "{error}");
        assert!(!format!("{error:?}{error}").contains("pass-word"));
    }
    client.show_volume(&budget, &volume).await.unwrap_err();
    script.finish();
}

#[tokio::test]
async fn an_ecs_gives_the_keys_of_its_agency() {
    let key = r#"{"credential":{"access":"AKMETA","secret":"SKMETA","securitytoken":"STMETA","expires_at":"2026-01-02T09:04:05.000000Z"}}"#;
    let script = Script::start([
        expect("PUT /meta-data/latest/api/token", 200, "session\n")
            .with_header("x-metadata-token-ttl-seconds", "21600"),
        expect("GET /openstack/latest/securitykey", 200, key).with_header("x-metadata-token", "session"),
        expect(format!("GET {}", volume_path()), 200, AVAILABLE).with_header("x-security-token", "STMETA"),
        expect(format!("GET {}", volume_path()), 200, AVAILABLE).with_header("x-security-token", "STMETA"),
    ])
    .await;
    let client = client(without_key(&script));
    client.show_volume(&budget(), &volume()).await.unwrap();
    client.show_volume(&budget(), &volume()).await.unwrap();
    let seen = script.finish();
    assert!(seen[2].header("authorization").unwrap().contains("Access=AKMETA,"));
}

#[tokio::test]
async fn an_older_metadata_service_is_asked_without_a_token_and_expiring_keys_are_replaced() {
    // Ten seconds of life: a third of it is the margin, but the next call comes at the same moment and keeps the key.
    let key = |expires_at: &str| {
        format!(r#"{{"credential":{{"access":"AK","secret":"SK","securitytoken":"ST","expires_at":"{expires_at}"}}}}"#)
    };
    let v1 = |status: u16, expires_at: &str| {
        [
            expect("PUT /meta-data/latest/api/token", status, ""),
            expect("GET /openstack/latest/securitykey", 200, key(expires_at)),
            expect(format!("GET {}", volume_path()), 200, AVAILABLE),
        ]
    };
    let expired = "2026-01-02T03:04:00Z";
    let script =
        Script::start([v1(404, expired), v1(405, expired), v1(503, "2026-01-02T03:04:15Z")].into_iter().flatten())
            .await;
    let client = client(without_key(&script));
    for _ in 0..3 {
        client.show_volume(&budget(), &volume()).await.unwrap();
    }
    script.finish();
}

#[tokio::test]
async fn no_credential_anywhere_is_explained() {
    let script = Script::start([
        expect("PUT /meta-data/latest/api/token", 200, "session"),
        expect("GET /openstack/latest/securitykey", 401, "Please configure Cloud Service Agency first"),
    ])
    .await;
    let error = client(without_key(&script)).show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let text = error.to_string();
    assert!(text.contains("no credential is configured") && text.contains("no agency bound"), "{text}");
    script.finish();

    let script = Script::start([]).await;
    let config = Config { metadata_endpoint: Some("http://127.0.0.1:1".to_owned()), ..without_key(&script) };
    let error = client(config).show_volume(&budget(), &volume()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Configuration && error.to_string().contains("cannot connect"), "{error}");
    script.finish();
}

#[tokio::test]
async fn agencies_are_assumed_one_after_the_other() {
    let iam = r#"{"credential":{"access":"AK1","secret":"SK1","securitytoken":"ST1","expires_at":"2026-01-02T04:04:05.000000Z"}}"#;
    let sts = r#"{"credentials":{"access_key_id":"AK2","secret_access_key":"SK2","security_token":"ST2"}}"#;
    let script = Script::start([
        expect("POST /v3.0/OS-CREDENTIAL/securitytokens", 201, iam).with_body(json!({ "auth": { "identity": {
            "methods": ["assume_role"],
            "assume_role": { "agency_name": "first", "domain_name": "account", "duration_seconds": 3600 } } } })),
        expect("POST /v5/agencies/assume", 200, sts).with_header("x-security-token", "ST1").with_body(json!({
            "agency_urn": "iam::d2:agency:second", "agency_session_name": "cloudvolume", "duration_seconds": 3600 })),
        expect(format!("GET {}", volume_path()), 200, AVAILABLE).with_header("x-security-token", "ST2"),
        expect(format!("GET {}", volume_path()), 200, AVAILABLE).with_header("x-security-token", "ST2"),
    ])
    .await;
    let first = AssumeRole {
        agency_name: "first".to_owned(),
        domain_name: Some("account".to_owned()),
        duration: Some(Duration::from_secs(3600)),
        ..AssumeRole::default()
    };
    let second =
        AssumeRole { agency_name: "second".to_owned(), domain_id: Some("d2".to_owned()), ..AssumeRole::default() };
    let client = client(Config { assume_role: vec![first, second], ..config(&script) });
    client.show_volume(&budget(), &volume()).await.unwrap();
    client.show_volume(&budget(), &volume()).await.unwrap();
    let seen = script.finish();
    for (seen, key) in seen.iter().zip(["AKEXAMPLE", "AK1", "AK2", "AK2"]) {
        assert!(seen.header("authorization").unwrap().contains(&format!("Access={key},")), "{}", seen.line);
    }
}

#[tokio::test]
async fn a_failed_login_never_looks_like_a_change_that_may_have_been_made() {
    let failing = (0..6).map(|_| token("t").answering(503, "<html>"));
    let script = Script::start(failing).await;
    let error = client(login(&script)).detach_server_volume(&budget(), &server(), &volume(), false).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_processed()), (ErrorKind::Server, false));
    script.finish();
}

#[tokio::test]
async fn a_stop_ends_a_call_at_once() {
    let stop = CancellationToken::new();
    stop.cancel();
    let (client, script) = scripted([]).await;
    let budget = Budget::new(Duration::from_secs(20), stop);
    let error = client.detach_server_volume(&budget, &server(), &volume(), false).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_processed()), (ErrorKind::Stopped, false));
    script.finish();
}

#[tokio::test]
async fn no_secret_is_in_the_text_of_anything() {
    // A proxy that answers with the request as it saw it, and answers of IAM that hold keys but cannot be read.
    const SECRETS: [&str; 6] = [SECRET_KEY, "session-token-1", "given-token-1", "pass-word", "SKMETA1", "STMETA1"];
    let broken = r#"{"credential":{"access":"A","secret":"SKMETA1","securitytoken":"STMETA1"}}"#;
    let denied = r#"{"error":{"code":"EVS.5401","message":"bad token given-token-1"}}"#;
    let path = format!("GET {}", volume_path());
    let role = AssumeRole { agency_name: "a".to_owned(), domain_name: Some("d".to_owned()), ..AssumeRole::default() };
    let security_token = Some("session-token-1".into());
    let given_token = || Some("given-token-1".into());
    type Make = Box<dyn Fn(&Script) -> Config>;
    let cases: Vec<(Vec<Exchange>, Make)> = vec![
        (
            vec![expect(&path, 403, format!("<pre>{SECRET_KEY} session-token-1</pre>"))],
            Box::new(move |script| Config { security_token: security_token.clone(), ..config(script) }),
        ),
        (
            vec![expect(&path, 200, "<pre>given-token-1</pre>")],
            Box::new(move |script| Config { token: given_token(), ..config(script) }),
        ),
        (vec![expect(&path, 401, denied)], Box::new(move |script| Config { token: given_token(), ..config(script) })),
        (
            vec![
                expect("POST /v3.0/OS-CREDENTIAL/securitytokens", 201, broken)
                    .with_body(json!({ "auth": { "identity": {
                "methods": ["assume_role"], "assume_role": { "agency_name": "a", "domain_name": "d" } } } })),
            ],
            Box::new(move |script| Config { assume_role: vec![role.clone()], ..config(script) }),
        ),
        (
            vec![
                expect("PUT /meta-data/latest/api/token", 404, ""),
                expect("GET /openstack/latest/securitykey", 200, broken),
            ],
            Box::new(without_key),
        ),
        (vec![token("t").answering(201, r#"{"token":"pass-word"}"#)], Box::new(login)),
    ];
    for (exchanges, make) in cases {
        let script = Script::start(exchanges).await;
        let config = make(&script);
        let mut shown = format!("{config:?}");
        let client = client(config);
        let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
        shown.push_str(&format!("{client:?} {:?} {error:?} {error} {error:#?}", client.shared.credentials));
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        script.finish();
    }
}
