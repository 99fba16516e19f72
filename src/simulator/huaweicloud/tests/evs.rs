//! Volumes, their list with its filters and pages, and the bookkeeping actions.

use serde_json::{Value, json};

use super::{simulator, with_switches};
use crate::simulator::Simulator;
use crate::simulator::huaweicloud::built_in::{server_id, shared_volume_id, volume_id};
use crate::simulator::huaweicloud::switches::*;
use crate::simulator::testing::{Answer, attach, block_devices, call, detach, volume};

async fn list(simulator: &Simulator, query: &str) -> Value {
    let answer = call(simulator, "GET", &format!("/v2/{{p}}/cloudvolumes/detail?{query}"), "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn ids(list: &Value) -> Vec<&str> {
    list["volumes"].as_array().unwrap().iter().map(|volume| volume["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_volume_is_shown_in_the_vendor_s_types() {
    let simulator = simulator().await;
    let shown = volume(&simulator, &shared_volume_id(1)).await;
    assert_eq!((&shown["multiattach"], &shown["shareable"]), (&json!(true), &json!("true")));
    assert_eq!((&shown["name"], &shown["volume_type"]), (&json!("shared-1"), &json!("GPSSD")));
    assert_eq!((&shown["bootable"], &shown["size"]), (&json!("false"), &json!(10)));
    assert!(!shown["created_at"].as_str().unwrap().ends_with('Z'), "UTC without saying so");
    assert_eq!(volume(&simulator, &volume_id(6)).await["metadata"]["hw:passthrough"], "true");
    simulator.set_switches(|s| (s.nullable_texts, s.shareable) = (NullableTexts::Null, Shareable::Flag));
    let shown = volume(&simulator, &shared_volume_id(1)).await;
    assert_eq!((&shown["name"], &shown["volume_type"]), (&Value::Null, &Value::Null));
    assert_eq!((&shown["description"], &shown["shareable"]), (&Value::Null, &json!(true)));
    let missing = call(&simulator, "GET", &format!("/v2/{{p}}/cloudvolumes/{}", volume_id(99)), "").await;
    assert_eq!(missing.error(), (404, "EVS.5404".to_owned()));
    let missing = call(&simulator, "GET", &format!("/v3/{{p}}/volumes/{}", volume_id(99)), "").await;
    assert_eq!((missing.status, &missing.json()["itemNotFound"]["code"]), (404, &json!(404)));
    let invalid = call(&simulator, "GET", "/v2/{p}/cloudvolumes/seven", "").await;
    assert_eq!(invalid.error(), (400, "EVS.1002".to_owned()));
}

#[tokio::test]
async fn the_list_is_filtered() {
    let simulator = simulator().await;
    simulator.edit(|world| world.huaweicloud.attach(&server_id(1), &volume_id(2)));
    let found = list(&simulator, &format!("server_id={}", server_id(1))).await;
    assert_eq!(found["count"], 2, "the system volume and the attached one");
    assert!(ids(&found).contains(&volume_id(2).as_str()));
    let wanted = format!("ids=%5B'{}','{}'%5D", volume_id(1), volume_id(3));
    assert_eq!(ids(&list(&simulator, &wanted).await), [volume_id(1), volume_id(3)]);
    assert_eq!(ids(&list(&simulator, &format!("id={}", volume_id(4))).await), [volume_id(4)]);
    assert_eq!(list(&simulator, "multiattach=true").await["count"], 2);
    assert_eq!(list(&simulator, "availability_zone=cn-north-4b&status=available").await["count"], 1);
    assert_eq!(ids(&list(&simulator, "name=data-1").await), [volume_id(1)]);
    for query in ["limit=0", "limit=1001", "offset=x", "marker=x", "ids=abc"] {
        let answer = call(&simulator, "GET", &format!("/v2/{{p}}/cloudvolumes/detail?{query}"), "").await;
        assert_eq!(answer.status, 400, "{query}");
    }
}

#[tokio::test]
async fn the_list_comes_in_pages_by_marker_and_by_offset() {
    let simulator = simulator().await;
    let all = list(&simulator, "").await;
    let (mut by_marker, mut query) = (Vec::new(), "limit=5".to_owned());
    loop {
        let page = list(&simulator, &query).await;
        by_marker.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(next) = page["volumes_links"][0]["href"].as_str() else { break };
        query = next.split_once('?').unwrap().1.to_owned();
    }
    assert_eq!(by_marker, ids(&all));
    assert_eq!(ids(&list(&simulator, "limit=5&offset=5").await), ids(&all)[5..10]);
}

#[tokio::test]
async fn a_shared_volume_s_status_moves_with_every_operation_or_with_the_first_and_the_last() {
    for (switch, during) in [(SharedStatus::Moves, ["attaching", "detaching"]), (SharedStatus::InUse, ["in-use"; 2])] {
        let simulator = with_switches(|s| s.shared_status = switch).await;
        let shared = shared_volume_id(1);
        let status = || async { volume(&simulator, &shared).await["status"].as_str().unwrap().to_owned() };
        attach(&simulator, &server_id(1), &shared).await;
        assert_eq!(status().await, "attaching", "{switch:?}");
        simulator.advance_all();
        attach(&simulator, &server_id(2), &shared).await;
        assert_eq!(status().await, during[0], "{switch:?}");
        assert_eq!(list(&simulator, &format!("status={}&multiattach=true", during[0])).await["count"], 1);
        simulator.advance_all();
        detach(&simulator, &server_id(2), &shared).await;
        assert_eq!(status().await, during[1], "{switch:?}");
        simulator.advance_all();
        detach(&simulator, &server_id(1), &shared).await;
        assert_eq!(status().await, "detaching", "{switch:?}");
        simulator.advance_all();
        assert_eq!(status().await, "available", "{switch:?}");
    }
}

async fn act(simulator: &Simulator, volume: &str, body: Value) -> Answer {
    call(simulator, "POST", &format!("/v2/{{p}}/volumes/{volume}/action"), &body.to_string()).await
}

#[tokio::test]
async fn os_detach_changes_the_volume_s_record_and_nothing_on_the_server() {
    let simulator = simulator().await;
    let (server, disk) = (server_id(1), volume_id(1));
    simulator.edit(|world| world.huaweicloud.attach(&server, &disk));
    let id = volume(&simulator, &disk).await["attachments"][0]["attachment_id"].clone();
    let answer = act(&simulator, &disk, json!({"os-detach": {"attachment_id": id}})).await;
    assert_eq!((answer.status, answer.text.as_str()), (202, ""));
    assert_eq!(volume(&simulator, &disk).await["status"], "available");
    assert_eq!(block_devices(&simulator, &server).await.len(), 2, "the server still has it");
    assert_eq!(simulator.count("os-detach"), 1);
}

#[tokio::test]
async fn os_detach_of_one_of_several_attachments_needs_its_id() {
    let simulator = simulator().await;
    let shared = shared_volume_id(1);
    simulator.edit(|world| (1..=2).for_each(|n| world.huaweicloud.attach(&server_id(n), &shared)));
    assert_eq!(act(&simulator, &shared, json!({"os-detach": {}})).await.status, 400);
    let unknown = json!({"os-detach": {"attachment_id": volume_id(1)}});
    assert_eq!(act(&simulator, &shared, unknown).await.status, 404);
    let id = volume(&simulator, &shared).await["attachments"][1]["attachment_id"].clone();
    act(&simulator, &shared, json!({"os-detach": {"attachment_id": id}})).await;
    let record = volume(&simulator, &shared).await;
    assert_eq!((&record["status"], &record["attachments"][0]["server_id"]), (&json!("in-use"), &json!(server_id(1))));
    assert_eq!(act(&simulator, &shared, json!({"os-detach": {}})).await.status, 202, "the only one needs no id");
}

#[tokio::test]
async fn os_detach_is_for_attachments_at_rest_and_takes_their_id_as_text() {
    let simulator = simulator().await;
    let (server, disk) = (server_id(1), volume_id(1));
    attach(&simulator, &server, &disk).await;
    let id = volume(&simulator, &disk).await["attachments"][0]["attachment_id"].clone();
    for body in [json!({"os-detach": {"attachment_id": id}}), json!({"os-detach": {}})] {
        assert_eq!(act(&simulator, &disk, body).await.status, 400, "it is being attached");
    }
    simulator.advance_all();
    for id in [json!(7), json!([]), json!({"id": id})] {
        assert_eq!(act(&simulator, &disk, json!({"os-detach": {"attachment_id": id}})).await.status, 400, "{id}");
    }
    detach(&simulator, &server, &disk).await;
    assert_eq!(act(&simulator, &disk, json!({"os-detach": {}})).await.status, 400, "it is being detached");
    assert_eq!(volume(&simulator, &disk).await["status"], "detaching", "nothing of this changed anything");
    simulator.advance_all();
    simulator.edit(|world| world.huaweicloud.attach(&server, &disk));
    assert_eq!(act(&simulator, &disk, json!({"os-detach": {"attachment_id": null}})).await.status, 202);
}

#[tokio::test]
async fn an_action_s_error_comes_in_the_envelope_the_switch_says() {
    let body = || json!({"os-detach": {}});
    for (envelope, key, code) in [
        (EvsActionError::Cinder, "badRequest", json!(400)),
        (EvsActionError::CinderText, "badRequest", json!("400")),
        (EvsActionError::Evs, "error", json!("EVS.5400")),
    ] {
        let simulator = with_switches(|s| s.evs_action_error = envelope).await;
        let answer = act(&simulator, &volume_id(1), body()).await;
        assert_eq!((answer.status, &answer.json()[key]["code"]), (400, &code), "{envelope:?}");
        let missing = act(&simulator, &volume_id(99), body()).await;
        assert_eq!(missing.status, 404, "{envelope:?}");
    }
}

#[tokio::test]
async fn reserve_unreserve_and_os_attach_keep_books_too() {
    let simulator = simulator().await;
    let disk = volume_id(1);
    assert_eq!(act(&simulator, &disk, json!({"os-reserve": {}})).await.status, 202);
    assert_eq!(volume(&simulator, &disk).await["status"], "attaching");
    assert_eq!(act(&simulator, &disk, json!({"os-reserve": {}})).await.status, 400);
    act(&simulator, &disk, json!({"os-unreserve": {}})).await;
    assert_eq!(volume(&simulator, &disk).await["status"], "available");
    let body = json!({"os-attach": {"instance_uuid": server_id(1), "mountpoint": "/dev/vdb"}});
    assert_eq!(act(&simulator, &disk, body.clone()).await.status, 202);
    assert_eq!(volume(&simulator, &disk).await["status"], "in-use");
    assert_eq!(act(&simulator, &disk, body).await.status, 400, "taken");
    assert_eq!(block_devices(&simulator, &server_id(1)).await.len(), 1, "no server learnt of it");
    assert_eq!(act(&simulator, &disk, json!({"os-reset_status": {}})).await.status, 400);
    assert_eq!(act(&simulator, &disk, json!({"os-attach": {}})).await.status, 400);
}
