//! What is not carried out, and in which words.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::simulator::samsungcloud::built_in::{boot_volume_id, shared_volume_id};
use crate::simulator::samsungcloud::{Volume, World};
use crate::simulator::{Effect, FaultRule, fault::ThrottleStyle};

const LIST: &str = "/v1/volumes";

/// Checks that an answer is the gateway's own, which has no `errors`.
fn assert_gateway(answer: &Answer, status: u16, path: &str) {
    let body = answer.json();
    let keys: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["error", "path", "requestId", "status", "timestamp"], "{answer:?}");
    assert_eq!((answer.status, &body["status"], &body["path"]), (status, &json!(status), &json!(path)));
    assert!(body["timestamp"].as_str().unwrap().ends_with("+00:00"));
}

async fn list_with(simulator: &Simulator, headers: &[(&'static str, String)]) -> Answer {
    send_with(&simulator.samsungcloud_url(), "GET", LIST, headers, "").await.expect("an answer")
}

/// Every header of a good request, with one changed or left out.
fn spoilt(simulator: &Simulator, name: &str, value: Option<&str>) -> Vec<(&'static str, String)> {
    let mut headers = signed(&simulator.samsungcloud_url(), "GET", LIST);
    match value {
        Some(value) => headers.iter_mut().filter(|(n, _)| *n == name).for_each(|(_, v)| value.clone_into(v)),
        None => headers.retain(|(n, _)| *n != name),
    }
    headers
}

#[tokio::test]
async fn without_authentication_the_gateway_knows_no_route_but_the_root() {
    let simulator = simulator().await;
    let version_only = [("scp-api-version", "virtualserver 1.3".to_owned())];
    assert_gateway(&list_with(&simulator, &version_only).await, 404, LIST);
    let url = simulator.samsungcloud_url();
    assert_gateway(&send_with(&url, "GET", "/v1/endpoints", &[], "").await.unwrap(), 404, "/v1/endpoints");
    assert_gateway(&send_with(&url, "OPTIONS", LIST, &[], "").await.unwrap(), 403, LIST);
    assert_gateway(&get(&simulator, "/v1/teapots").await, 404, "/v1/teapots");
    assert_gateway(&call(&simulator, "PATCH", LIST, "").await, 404, LIST);
}

#[tokio::test]
async fn a_request_that_is_not_signed_well_is_unauthorized() {
    let simulator = simulator().await;
    let unauthorized = (401, "Unauthorized".to_owned());
    for name in ["Scp-AccessKey", "Scp-Signature", "Scp-Timestamp", "Scp-ClientType"] {
        assert_eq!(error(&list_with(&simulator, &spoilt(&simulator, name, None)).await), unauthorized, "{name}");
    }
    for (name, value) in [("Scp-AccessKey", "nobody"), ("Scp-Signature", "AAAA"), ("Scp-Timestamp", "1605290625")] {
        assert_eq!(error(&list_with(&simulator, &spoilt(&simulator, name, Some(value))).await), unauthorized, "{name}");
    }
    assert_eq!(list_with(&simulator, &spoilt(&simulator, "Scp-AccountId", None)).await.status, 200);
    let other_path = signed(&simulator.samsungcloud_url(), "GET", "/v1/servers");
    assert_eq!(error(&list_with(&simulator, &other_path).await), unauthorized);
    simulator.set_samsungcloud_switches(|switches| switches.set("unauthorized", "gateway").unwrap());
    assert_gateway(&list_with(&simulator, &other_path).await, 401, LIST);
}

#[tokio::test]
async fn a_clock_that_is_off_by_more_than_the_window_is_refused() {
    let simulator = simulator().await;
    for (offset, status) in [(0, 200), (890, 200), (-890, 200), (910, 401), (-910, 401)] {
        simulator.set_clock_offset(offset);
        let answer = get(&simulator, LIST).await;
        assert_eq!(answer.status, status, "{offset} seconds ahead");
        assert!(answer.header("date").is_some(), "by which a client sees who is right");
    }
    simulator.set_config(|config| config.samsungcloud.signature_window = Duration::ZERO);
    assert_eq!(get(&simulator, LIST).await.status, 200, "without a window any clock will do");
}

#[tokio::test]
async fn the_scheme_is_signed_as_configured_and_the_account_as_sent() {
    let simulator = simulator().await;
    simulator.set_config(|config| "https".clone_into(&mut config.samsungcloud.scheme));
    assert_eq!(get(&simulator, LIST).await.status, 401);
    let behind_tls = simulator.samsungcloud_url().replace("http:", "https:");
    assert_eq!(list_with(&simulator, &signed(&behind_tls, "GET", LIST)).await.status, 200);
    simulator.set_config(|config| "http".clone_into(&mut config.samsungcloud.scheme));
    let with_account = spoilt(&simulator, "Scp-AccountId", Some("somebody"));
    assert_eq!(list_with(&simulator, &with_account).await.status, 401, "what is sent must be signed");
    simulator.set_samsungcloud_switches(|switches| switches.set("account_in_signature", "ignored").unwrap());
    assert_eq!(list_with(&simulator, &with_account).await.status, 200);
}

#[tokio::test]
async fn a_version_that_is_not_served_is_not_acceptable() {
    let simulator = simulator().await;
    let no_such_version = (406, "NoSuchVersion".to_owned());
    assert_eq!(error(&get_in(&simulator, "1.4", LIST).await), no_such_version);
    simulator.set_config(|config| config.samsungcloud.api_versions.retain(|v| String::from(v.version) != "1.0"));
    assert_eq!(error(&get_in(&simulator, "1.0", LIST).await), no_such_version, "expired");
    assert_eq!(error(&get_in(&simulator, "v1.3", LIST).await), no_such_version);
    simulator.set_samsungcloud_switches(|switches| {
        switches.set("no_such_version", "flat").unwrap();
        switches.set("malformed_version", "bad_request").unwrap();
    });
    let flat = get_in(&simulator, "1.4", LIST).await;
    assert_eq!((flat.status, &flat.json()["code"]), (406, &json!("NoSuchVersion")));
    assert_eq!(error(&get_in(&simulator, "v1.3", LIST).await), (400, "ValidationError".to_owned()));
}

#[tokio::test]
async fn an_error_has_the_keys_of_the_envelope_in_their_order_and_a_newline() {
    let simulator = simulator().await;
    let answer = get(&simulator, "/v1/volumes/no-id-at-all").await;
    assert_eq!(error(&answer), (404, "NotFound".to_owned()));
    let places =
        ["code", "detail", "global_request_id", "links", "related_resources", "request_id", "response", "status"]
            .map(|key| answer.text.find(&format!("\"{key}\":")).expect(key));
    assert!(places.is_sorted(), "{}", answer.text);
    let shown = answer.json()["errors"][0].clone();
    assert_eq!(shown.as_object().unwrap().len(), 9);
    assert_eq!((&shown["links"], &shown["response"], &shown["title"]), (&json!([]), &json!(null), &json!("NotFound")));
    assert!(shown["request_id"].as_str().unwrap().starts_with("req-") && answer.text.ends_with("}\n"));
    assert!(shown["detail"][0].is_string());
}

#[tokio::test]
async fn detail_is_a_list_or_a_text() {
    let simulator = simulator().await;
    let internal = Effect::ApiError { status: 500, code: "InternalServerError".to_owned(), message: "try".to_owned() };
    simulator.add_fault(FaultRule::new("ListVolumes", internal));
    for (value, of_404, of_500) in [("list", true, false), ("text", false, false), ("always_list", true, true)] {
        simulator.set_samsungcloud_switches(|switches| switches.set("error_detail", value).unwrap());
        let detail = |answer: &Answer| answer.json()["errors"][0]["detail"].is_array();
        assert_eq!(detail(&get(&simulator, "/v1/servers/x").await), of_404, "{value}");
        assert_eq!(detail(&get(&simulator, LIST).await), of_500, "{value}");
    }
}

#[tokio::test]
async fn input_that_is_not_valid_is_named() {
    let simulator = simulator().await;
    let attach_to = format!("/v1/volumes/{}/servers", volume_id(1));
    for (body, field) in [
        ("", "body"),
        ("[]", "body"),
        ("{", "body"),
        ("{}", "server_id"),
        (r#"{"server_id": 5}"#, "server_id"),
        (r#"{"server_id": "x", "delete_on_termination": "yes"}"#, "delete_on_termination"),
    ] {
        let answer = call(&simulator, "POST", &attach_to, body).await;
        assert_eq!(error(&answer), (400, "ValidationError".to_owned()), "{body}");
        assert!(answer.json()["errors"][0]["detail"][0].as_str().unwrap().contains(field), "{body}");
    }
    simulator.set_samsungcloud_switches(|switches| switches.set("invalid_input", "list").unwrap());
    let answer = call(&simulator, "POST", &attach_to, "{}").await;
    assert_eq!((answer.status, &answer.json()[0]["loc"]), (400, &json!(["server_id"])));
    assert_eq!(answer.json()[0]["type_"], "value_error");
    assert!(simulator.operations().is_empty());
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_on_either_side() {
    let simulator = simulator().await;
    let (server, id) = pair();
    let nobody = "00000000-0000-4000-8000-000000000000";
    let not_found = (404, "NotFound".to_owned());
    for answer in [
        attach(&simulator, nobody, &id).await,
        attach(&simulator, &server, nobody).await,
        attach(&simulator, "%", &id).await,
        detach(&simulator, nobody, &id).await,
        detach(&simulator, &server, nobody).await,
        get(&simulator, &format!("/v1/servers/{nobody}/volumes")).await,
        get(&simulator, &format!("/v1/servers/{server}/volumes/{id}")).await,
        call(&simulator, "POST", &format!("/v1/servers/{nobody}/stop"), "").await,
    ] {
        assert_eq!(error(&answer), not_found);
    }
}

/// Refused for good, with either status, and accepted with the switch named, if there is one.
async fn assert_lasting(world: World, server: &str, volume: &str, opens: Option<(&str, &str)>) {
    let simulator = simulator().await;
    simulator.edit(|all| all.samsungcloud = world);
    let conflict = (409, "VirtualServer.AttachVolume.Conflict".to_owned());
    assert_eq!(error(&attach(&simulator, server, volume).await), conflict, "{server} {volume}");
    simulator.set_samsungcloud_switches(|switches| switches.set("lasting_refusal", "bad_request").unwrap());
    assert_eq!(error(&attach(&simulator, server, volume).await).0, 400, "{server} {volume}");
    if let Some((name, value)) = opens {
        simulator.set_samsungcloud_switches(|switches| switches.set(name, value).unwrap());
        assert_eq!(attach(&simulator, server, volume).await.status, 202, "{name}");
    }
}

#[tokio::test]
async fn pairs_that_never_go_together_are_refused() {
    let (server, id) = pair();
    assert_lasting(World::built_in(), &server, &volume_id(5), None).await;
    assert_lasting(World::built_in(), &server_id(4), &id, Some(("scaling_group_server", "allowed"))).await;
    assert_lasting(World::built_in(), &server_id(6), &shared_volume_id(1), None).await;
    let simulator = simulator().await;
    assert_eq!(attach(&simulator, &server_id(6), &id).await.status, 202, "Windows takes plain volumes");
}

#[tokio::test]
async fn a_kubernetes_node_may_be_closed_to_volumes() {
    let simulator = switched("kubernetes_server", "refused").await;
    let (server, id) = pair();
    simulator.edit(|world| {
        world.samsungcloud.server_mut(&server).unwrap().product_offering = Some("k8s_vm".to_owned());
    });
    assert_eq!(error(&attach(&simulator, &server, &id).await).0, 409);
    simulator.set_samsungcloud_switches(|switches| switches.set("kubernetes_server", "allowed").unwrap());
    assert_eq!(attach(&simulator, &server, &id).await.status, 202);
}

#[tokio::test]
async fn a_server_takes_twenty_six_volumes_with_or_without_its_boot_volume() {
    let mut world = World::fleet(1, 27, 0);
    for n in 1..=25 {
        world.attach(&server_id(1), &volume_id(n));
    }
    let simulator = simulator().await;
    simulator.edit(|all| all.samsungcloud = world.clone());
    simulator.set_samsungcloud_switches(|switches| switches.set("volume_limit", "all_volumes").unwrap());
    assert_eq!(error(&attach(&simulator, &server_id(1), &volume_id(26)).await).0, 409);
    simulator.set_samsungcloud_switches(|switches| switches.set("volume_limit", "data_volumes").unwrap());
    let accepted = attach(&simulator, &server_id(1), &volume_id(26)).await;
    assert_eq!((accepted.status, &accepted.json()["device"]), (202, &json!("/dev/vdaa")));
    assert_eq!(error(&attach(&simulator, &server_id(1), &volume_id(27)).await).0, 409);
    world.attach(&server_id(1), &volume_id(26));
    assert_lasting(world, &server_id(1), &volume_id(27), None).await;
}

#[tokio::test]
async fn the_boot_volume_stays_where_it_is() {
    for (value, status) in [("conflict", 409), ("bad_request", 400)] {
        let simulator = switched("lasting_refusal", value).await;
        assert_eq!(error(&detach(&simulator, &server_id(1), &boot_volume_id(1)).await).0, status);
        assert_eq!(error(&attach(&simulator, &server_id(2), &boot_volume_id(1)).await).0, 409, "it is in use");
        simulator.edit(|world| {
            "/dev/sda".clone_into(&mut world.samsungcloud.server_mut(&server_id(1)).unwrap().disks[0].device);
        });
        assert_eq!(error(&detach(&simulator, &server_id(1), &boot_volume_id(1)).await).0, status, "by either name");
    }
    let simulator = simulator().await;
    simulator.edit(|world| {
        let restored = Volume { bootable: true, ..Volume::new("5b000000-0000-4000-8000-000000000001") };
        world.samsungcloud.volumes.push(restored);
    });
    let restored = "5b000000-0000-4000-8000-000000000001";
    assert_eq!(attach(&simulator, &server_id(1), restored).await.status, 202, "bootable alone is no boot volume");
    simulator.advance();
    assert_eq!(detach(&simulator, &server_id(1), restored).await.status, 202);
}

#[tokio::test]
async fn a_volume_is_attached_only_when_it_is_available() {
    let simulator = simulator().await;
    let (server, id) = pair();
    for state in ["creating", "downloading", "extending", "error", "error_extending", "awaiting-transfer", "reserved"] {
        simulator.edit(|world| state.clone_into(&mut world.samsungcloud.volume_mut(&id).unwrap().state));
        assert_eq!(error(&attach(&simulator, &server, &id).await).0, 409, "{state}");
    }
    simulator.edit(|world| world.samsungcloud.attach(&server_id(2), &id));
    assert_eq!(error(&attach(&simulator, &server, &id).await).0, 409, "with another server");
    simulator.edit(|world| "error".clone_into(&mut world.samsungcloud.volume_mut(&id).unwrap().state));
    assert_eq!(error(&detach(&simulator, &server_id(2), &id).await).0, 409);
}

#[tokio::test]
async fn a_server_in_the_wrong_state_or_locked_may_refuse_volumes() {
    let simulator = simulator().await;
    let (server, id) = pair();
    let set = |name: &str, value: &str| simulator.set_samsungcloud_switches(|s| s.set(name, value).unwrap());
    simulator.edit(|world| "BUILD".clone_into(&mut world.samsungcloud.server_mut(&server).unwrap().state));
    assert_eq!(error(&attach(&simulator, &server, &id).await).0, 409);
    set("unready_server", "allowed");
    assert_eq!(attach(&simulator, &server, &id).await.status, 202);
    set("locked_server", "refused");
    assert_eq!(error(&attach(&simulator, &server_id(5), &volume_id(2)).await).0, 409);
    set("locked_server", "allowed");
    assert_eq!(attach(&simulator, &server_id(5), &volume_id(2)).await.status, 202);
}

#[tokio::test]
async fn to_attach_twice_or_to_detach_what_is_not_attached_is_an_open_question() {
    let simulator = simulator().await;
    let (server, id) = pair();
    assert_eq!(error(&detach(&simulator, &server, &id).await), (404, "NotFound".to_owned()));
    simulator.set_samsungcloud_switches(|s| s.set("detach_not_attached", "conflict").unwrap());
    assert_eq!(error(&detach(&simulator, &server, &id).await), (409, "VirtualServer.DetachVolume.Conflict".to_owned()));
    let by_server = format!("/v1/servers/{server}/volumes/{id}");
    assert_eq!(error(&call(&simulator, "DELETE", &by_server, "").await).0, 404, "the page documents no 409 there");

    simulator.edit(|world| world.samsungcloud.attach(&server, &id));
    assert_eq!(error(&attach(&simulator, &server, &id).await), (409, "VirtualServer.AttachVolume.Conflict".to_owned()));
    simulator.set_samsungcloud_switches(|s| s.set("attach_twice", "accepted").unwrap());
    let again = attach(&simulator, &server, &id).await;
    assert_eq!((again.status, &again.json()["device"]), (202, &json!("/dev/vdb")));
    assert!(simulator.operations().is_empty(), "nothing happened");
}

#[tokio::test]
async fn faults_speak_the_vendors_language() {
    let simulator = simulator().await;
    let (server, id) = pair();
    let code = "VirtualServer.AttachVolume.Conflict".to_owned();
    let conflict = Effect::ApiError { status: 409, code: code.clone(), message: "busy".to_owned() };
    simulator.add_fault(FaultRule::new("AttachVolumeVirtualServer", conflict).server(&server).volume(&id).times(2));
    for _ in 0..2 {
        assert_eq!(error(&attach(&simulator, &server, &id).await), (409, code.clone()));
    }
    assert_eq!(attach(&simulator, &server, &id).await.status, 202, "and then it works");

    let throttle = Effect::Throttle { style: ThrottleStyle::Gateway, retry_after: Some(7) };
    simulator.add_fault(FaultRule::new("ShowVolume", throttle).times(2));
    let target = format!("/v1/volumes/{id}");
    let answer = get(&simulator, &target).await;
    assert_eq!((error(&answer).0, answer.header("retry-after")), (429, Some("7")));
    simulator.set_samsungcloud_switches(|switches| switches.set("throttle_body", "gateway").unwrap());
    assert_gateway(&get(&simulator, &target).await, 429, &target);

    simulator.add_fault(FaultRule::new("ShowVolume", Effect::HtmlPage { status: 417 }).times(1));
    let page = get(&simulator, &target).await;
    assert_eq!((page.status, page.header("content-type")), (417, Some("text/html; charset=utf-8")));
    assert!(page.text.contains("Request Rejected"));

    let gone = Effect::ApiError { status: 503, code: String::new(), message: String::new() };
    simulator.add_fault(FaultRule { path: Some("/v1/teapots".to_owned()), ..FaultRule::any(gone) });
    assert_gateway(&get(&simulator, "/v1/teapots").await, 503, "/v1/teapots");
    let plain = Effect::Status { status: 502, body: "{}".to_owned() };
    simulator.add_fault(FaultRule::new("ListVolumes", plain));
    assert_eq!(get(&simulator, LIST).await.status, 502);
}

#[tokio::test]
async fn an_answer_can_be_lost_before_or_after_the_cloud_acted() {
    let simulator = simulator().await;
    let (server, id) = pair();
    let target = format!("/v1/volumes/{id}/servers");
    let body = json!({"server_id": server}).to_string();
    simulator.add_fault(FaultRule::new("AttachVolumeVirtualServer", Effect::ResetBefore).times(1));
    assert!(try_call(&simulator, "POST", &target, &body).await.is_none());
    assert!(simulator.operations().is_empty());
    simulator.add_fault(FaultRule::new("AttachVolumeVirtualServer", Effect::ResetAfter).times(1));
    assert!(try_call(&simulator, "POST", &target, &body).await.is_none());
    assert_eq!(simulator.operations().len(), 1);
    simulator.advance_all();
    let late = Effect::ApiError { status: 504, code: "Timeout".to_owned(), message: "too late".to_owned() };
    simulator.add_fault(FaultRule::new("DetachVolumeVirtualServer", late).after());
    assert_eq!(error(&detach(&simulator, &server, &id).await), (504, "Timeout".to_owned()));
    assert_eq!(simulator.operations().len(), 2, "it came after the detach was accepted");
    assert_eq!(error(&call(&simulator, "POST", &target, &body).await).0, 409, "the first one counted");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_by_the_gateway() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let simulator = simulator().await;
    let address = simulator.samsungcloud_url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = "POST /v1/volumes/v/servers HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // One byte more than it takes and no more: what it had not read would turn the answer into a reset.
    stream.write_all(&vec![b'x'; (12 << 20) + 1]).await.unwrap();
    let mut seen = vec![0; 4096];
    let length = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut seen)).await.unwrap().unwrap();
    let seen = String::from_utf8_lossy(&seen[..length]).into_owned();
    assert!(seen.starts_with("HTTP/1.1 413") && seen.contains("/v1/volumes/v/servers"), "{seen}");
}

#[tokio::test]
async fn an_update_says_twice_which_volume_it_means() {
    let simulator = simulator().await;
    let (server, id) = pair();
    let goes_along = |world: &World| world.server(&server).unwrap().disk(&id).unwrap().delete_on_termination;
    simulator.edit(|world| world.samsungcloud.attach(&server, &id));
    let target = format!("/v1/servers/{server}/volumes/{id}");
    let update = |named: &str| json!({"volume_id": named, "delete_on_termination": true}).to_string();
    for body in ["{}", "", r#"{"delete_on_termination": true}"#, &update(&volume_id(2))] {
        assert_eq!(error(&call(&simulator, "PUT", &target, body).await).0, 400, "{body}");
    }
    simulator.set_samsungcloud_switches(|switches| switches.set("update_mismatch", "ignored").unwrap());
    let answer = call(&simulator, "PUT", &target, &update(&volume_id(2))).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert!(simulator.world(|world| goes_along(&world.samsungcloud)));
    let null = json!({"volume_id": id, "delete_on_termination": null}).to_string();
    assert_eq!(call(&simulator, "PUT", &target, &null).await.status, 200);
    assert!(simulator.world(|world| goes_along(&world.samsungcloud)), "null changes nothing");
    let elsewhere = format!("/v1/servers/{server}/volumes/{}", volume_id(2));
    assert_eq!(error(&call(&simulator, "PUT", &elsewhere, &update(&volume_id(2))).await).0, 404);
}

#[tokio::test]
async fn calls_a_minute_can_be_limited_by_the_firewall_or_the_service() {
    let simulator = simulator().await;
    simulator.set_config(|config| config.samsungcloud.calls_per_minute = Some(2));
    assert_eq!(get(&simulator, LIST).await.status, 200);
    assert_eq!(list_with(&simulator, &[]).await.status, 404, "what nobody signed counts, too");
    let third = get(&simulator, "/v1/servers").await;
    assert_eq!((third.status, third.header("content-type")), (417, Some("text/html; charset=utf-8")));
    assert!(third.text.contains("Request Rejected"));
    simulator.set_samsungcloud_switches(|switches| switches.set("limit_style", "throttled").unwrap());
    assert_eq!(error(&get(&simulator, LIST).await), (429, "TooManyRequests".to_owned()));
    simulator.skip_time(Duration::from_secs(60));
    assert_eq!(get(&simulator, LIST).await.status, 200);
}
