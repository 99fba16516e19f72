//! Every call on the wire: method, path, headers, body, and what becomes of the reply.

use super::*;
use crate::{
    samsungcloud::{
        script::{ACCESS_KEY, SECRET_KEY, Script, Seen, Step, TIMESTAMP, budget},
        signer::{SigningParams, signature, string_to_sign},
    },
    transport::ErrorKind,
};

const VOLUME: &str = "3f500f00-ed80-4566-a057-e31760226f9a";
const SERVER: &str = "2a9be312-5d4b-4bc8-b2ae-35100fa9241f";
const SHOW_VOLUME: &str = include_str!("../../../tests/data/samsungcloud/replies/show-volume.json");
const SHOW_SERVER: &str = include_str!("../../../tests/data/samsungcloud/replies/show-server.json");
const LIST_SERVER_VOLUMES: &str = include_str!("../../../tests/data/samsungcloud/replies/list-server-volumes.json");
const ATTACH_VOLUME: &str = include_str!("../../../tests/data/samsungcloud/replies/attach-volume.json");
const NOT_FOUND: &str = include_str!("../../../tests/data/samsungcloud/replies/not-found.json");
const GATEWAY_NOT_FOUND: &str = include_str!("../../../tests/data/samsungcloud/replies/gateway-not-found.json");

fn volume() -> VolumeId {
    VolumeId::new(VOLUME)
}

fn server() -> ServerId {
    ServerId::new(SERVER)
}

fn line(text: &str) -> String {
    text.replace("{volume_id}", VOLUME).replace("{server_id}", SERVER)
}

/// Checks the signature of what came against the URL as the other side sees it, and the headers around it.
fn check_headers(url: &str, method: &str, version: &str, seen: &Seen) {
    let message = string_to_sign(&SigningParams {
        method,
        url: &format!("{url}{}", seen.target),
        timestamp: &TIMESTAMP.to_string(),
        access_key: ACCESS_KEY,
        account_id: "",
    });
    let header = |name: &str| seen.headers.get(name).map(String::as_str);
    assert_eq!(header("scp-signature"), Some(signature(SECRET_KEY, &message).as_str()));
    assert_eq!(header("scp-accesskey"), Some(ACCESS_KEY));
    assert_eq!(header("scp-timestamp"), Some("1605290625682"));
    assert_eq!(header("scp-clienttype"), Some("Openapi"));
    assert_eq!(header("scp-api-version"), Some(format!("virtualserver {version}").as_str()));
    assert_eq!(header("accept-language"), Some("en-US"));
    assert_eq!(header("content-type"), (!seen.body.is_empty()).then_some("application/json"));
    for absent in ["scp-accountid", "x-auth-token", "authorization"] {
        assert_eq!(header(absent), None, "{absent}");
    }
}

/// The vendor's page "Detach Volume from Virtual Server", its four examples.
#[tokio::test]
async fn the_vendors_example_of_a_detach_is_sent_byte_for_byte_in_each_version_and_its_empty_202_is_success() {
    for version in ["1.3", "1.2", "1.1", "1.0"] {
        let step = Step::new(line("DELETE /v1/volumes/{volume_id}/servers/{server_id}"), 202, "");
        let script = Script::start(vec![step]).await;
        let url = script.url.clone();
        let client = script.client_with(|config| config.api_version = version.to_owned());
        client.detach_volume(&budget(), &volume(), &server()).await.unwrap();
        let seen = script.finish().await;
        assert_eq!(seen[0].target, format!("/v1/volumes/{VOLUME}/servers/{SERVER}"));
        assert_eq!(seen[0].body, "");
        check_headers(&url, "DELETE", version, &seen[0]);
        let known = ["accept", "accept-encoding", "accept-language", "host", "user-agent"];
        let others = seen[0].headers.keys().filter(|name| !known.contains(&name.as_str()));
        assert_eq!(
            others.collect::<Vec<_>>(),
            ["scp-accesskey", "scp-api-version", "scp-clienttype", "scp-signature", "scp-timestamp"]
        );
    }
}

#[tokio::test]
async fn an_attach_names_the_server_and_the_flag_only_where_it_is_set() {
    let step = || Step::new(line("POST /v1/volumes/{volume_id}/servers"), 202, ATTACH_VOLUME);
    let script = Script::start(vec![step(), step(), step()]).await;
    let (url, client) = (script.url.clone(), script.client());
    for flag in [None, Some(true), Some(false)] {
        let attached = client.attach_volume(&budget(), &volume(), &server(), flag).await.unwrap();
        assert_eq!((attached.device.as_deref(), attached.delete_on_termination), (Some("/dev/vdb"), Some(false)));
    }
    let seen = script.finish().await;
    let bodies = seen.iter().map(|request| request.body.as_str()).collect::<Vec<_>>();
    assert_eq!(
        bodies,
        [
            line(r#"{"server_id":"{server_id}"}"#),
            line(r#"{"delete_on_termination":true,"server_id":"{server_id}"}"#),
            line(r#"{"delete_on_termination":false,"server_id":"{server_id}"}"#),
        ]
    );
    check_headers(&url, "POST", "1.3", &seen[0]);
}

#[tokio::test]
async fn an_accepted_attach_is_a_success_whatever_else_its_body_says() {
    let step = |body: &str| Step::new(line("POST /v1/volumes/{volume_id}/servers"), 202, body);
    let script = Script::start(vec![step(""), step("{}"), step(r#"{"device":7}"#)]).await;
    let client = script.client();
    for _ in 0..3 {
        assert_eq!(client.attach_volume(&budget(), &volume(), &server(), None).await.unwrap().device, None);
    }
    script.finish().await;
}

#[tokio::test]
async fn the_flag_is_set_with_the_volume_repeated_in_the_body_and_an_empty_answer() {
    let step = Step::new(line("PUT /v1/servers/{server_id}/volumes/{volume_id}"), 200, "");
    let script = Script::start(vec![step]).await;
    let (url, client) = (script.url.clone(), script.client());
    client.set_server_volume(&budget(), &server(), &volume(), true).await.unwrap();
    let seen = script.finish().await;
    assert_eq!(seen[0].body, line(r#"{"delete_on_termination":true,"volume_id":"{volume_id}"}"#));
    check_headers(&url, "PUT", "1.3", &seen[0]);
}

#[tokio::test]
async fn a_server_is_stopped_and_started_without_a_body() {
    let script = Script::start(vec![
        Step::new(line("POST /v1/servers/{server_id}/stop"), 202, ""),
        Step::new(line("POST /v1/servers/{server_id}/start"), 202, ""),
    ])
    .await;
    let (url, client) = (script.url.clone(), script.client());
    client.stop_server(&budget(), &server()).await.unwrap();
    client.start_server(&budget(), &server()).await.unwrap();
    for seen in script.finish().await {
        assert_eq!(seen.body, "");
        check_headers(&url, "POST", "1.3", &seen);
    }
}

#[tokio::test]
async fn the_four_reads_go_to_their_paths_and_bring_what_the_vendor_shows() {
    let attachment =
        r#"{"delete_on_termination":true,"device":"/dev/vdb","id":"1","server_id":"2","volume_id":"VOLUME"}"#;
    let script = Script::start(vec![
        Step::new(line("GET /v1/volumes/{volume_id}"), 200, SHOW_VOLUME),
        Step::new(line("GET /v1/servers/{server_id}"), 200, SHOW_SERVER),
        Step::new(line("GET /v1/servers/{server_id}/volumes"), 200, LIST_SERVER_VOLUMES),
        Step::new(
            line("GET /v1/servers/{server_id}/volumes/{volume_id}"),
            200,
            attachment.replace("VOLUME", &VOLUME.to_uppercase()),
        ),
    ])
    .await;
    let (url, client) = (script.url.clone(), script.client());
    assert_eq!(client.show_volume(&budget(), &volume()).await.unwrap().state, VolumeState::InUse);
    assert_eq!(client.show_server(&budget(), &server()).await.unwrap().state, ServerState::Active);
    let volumes = client.list_server_volumes(&budget(), &server()).await.unwrap();
    assert_eq!(
        volumes.iter().map(|volume| volume.device.as_deref()).collect::<Vec<_>>(),
        [Some("/dev/vda"), Some("/dev/vdb")]
    );
    let ours = volumes.iter().find(|entry| entry.volume_id == volume()).unwrap();
    assert_ne!(ours.attachment_id.as_deref(), Some(VOLUME), "the attachment's id is its own");
    let shown = client.show_server_volume(&budget(), &server(), &volume()).await.unwrap();
    assert_eq!(shown.delete_on_termination, Some(true));
    for seen in script.finish().await {
        check_headers(&url, "GET", "1.3", &seen);
    }
}

#[tokio::test]
async fn a_server_is_found_inside_a_wrapper_too() {
    let body = format!(r#"{{"server":{SHOW_SERVER}}}"#);
    let script = Script::start(vec![Step::new(line("GET /v1/servers/{server_id}"), 200, body)]).await;
    assert_eq!(script.client().show_server(&budget(), &server()).await.unwrap().name.as_deref(), Some("web-1"));
    script.finish().await;
}

#[tokio::test]
async fn an_answer_about_something_else_or_about_nothing_is_malformed() {
    for body in [SHOW_VOLUME.replace(VOLUME, SERVER), "{}".to_owned(), String::new(), "<html>".to_owned()] {
        let script = Script::start(vec![Step::new(line("GET /v1/volumes/{volume_id}"), 200, body.clone())]).await;
        let error = script.client().show_volume(&budget(), &volume()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{body}: {error}");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(200));
        assert_eq!(error.operation(), "ShowVolume");
        script.finish().await;
    }
}

#[tokio::test]
async fn only_the_services_404_says_that_the_volume_is_gone() {
    for (body, kind) in [(NOT_FOUND, ErrorKind::NotFound), (GATEWAY_NOT_FOUND, ErrorKind::NoSuchRoute)] {
        let script = Script::start(vec![Step::new(line("GET /v1/volumes/{volume_id}"), 404, body)]).await;
        let error = script.client().show_volume(&budget(), &volume()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        script.finish().await;
    }
}

#[tokio::test]
async fn a_read_and_the_flag_are_sent_again_after_a_500_and_a_detach_is_not() {
    let failed = |text: &str| Step::new(line(text), 500, r#"{"errors":[{"code":"InternalServerError","status":500}]}"#);
    let script = Script::start(vec![
        failed("GET /v1/volumes/{volume_id}"),
        Step::new(line("GET /v1/volumes/{volume_id}"), 200, SHOW_VOLUME),
        failed("PUT /v1/servers/{server_id}/volumes/{volume_id}"),
        Step::new(line("PUT /v1/servers/{server_id}/volumes/{volume_id}"), 200, ""),
        failed("DELETE /v1/volumes/{volume_id}/servers/{server_id}"),
    ])
    .await;
    let client = script.client();
    client.show_volume(&budget(), &volume()).await.unwrap();
    client.set_server_volume(&budget(), &server(), &volume(), false).await.unwrap();
    let error = client.detach_volume(&budget(), &volume(), &server()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::AnswerLost, Some("InternalServerError")));
    assert!(error.may_have_been_processed());
    script.finish().await;
}

#[tokio::test]
async fn a_detach_that_was_refused_for_now_is_sent_again() {
    let detach = |status| Step::new(line("DELETE /v1/volumes/{volume_id}/servers/{server_id}"), status, "");
    for status in [417, 429] {
        let script = Script::start(vec![detach(status).header("retry-after: 0"), detach(202)]).await;
        script.client().detach_volume(&budget(), &volume(), &server()).await.unwrap();
        script.finish().await;
    }
}

#[tokio::test]
async fn an_id_that_would_lead_elsewhere_is_refused_before_anything_is_sent() {
    let script = Script::start(Vec::new()).await;
    let client = script.client();
    for id in ["", ".", "..", "a/b", "a?b", "a#b", "%2e%2e", "a b", "é"] {
        let error = client.detach_volume(&budget(), &volume(), &ServerId::new(id)).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Invalid, 0), "{id:?}");
        let error = client.detach_volume(&budget(), &VolumeId::new(id), &server()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{id:?}");
    }
    script.finish().await;
}
