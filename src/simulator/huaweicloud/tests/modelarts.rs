//! Lite Servers: attach, detach, operations, and who reports what.

use serde_json::{Value, json};

use super::{simulator, with_switches};
use crate::simulator::huaweicloud::built_in::{cloud_server_id, lite_server_id, system_volume_id, volume_id};
use crate::simulator::huaweicloud::switches::*;
use crate::simulator::testing::{Answer, call, volume};
use crate::simulator::{Effect, FaultRule, Simulator};

async fn attach(simulator: &Simulator, server: &str, volume: &str) -> Answer {
    let path = format!("/v1/{{p}}/dev-servers/{server}/attachvolume");
    call(simulator, "POST", &path, &json!({"volume_id": volume}).to_string()).await
}

async fn detach(simulator: &Simulator, server: &str, volume: &str) -> Answer {
    call(simulator, "DELETE", &format!("/v1/{{p}}/dev-servers/{server}/detachvolume/{volume}"), "").await
}

async fn operation(simulator: &Simulator, server: &str, answer: &Answer) -> Value {
    let id = answer.json()["operation_id"].as_str().unwrap().to_owned();
    call(simulator, "GET", &format!("/v1/{{p}}/dev-servers/{server}/operation/{id}"), "").await.json()
}

async fn server(simulator: &Simulator, n: usize) -> Value {
    call(simulator, "GET", &format!("/v1/{{p}}/dev-servers/{}", lite_server_id(n)), "").await.json()
}

fn error(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error_code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn an_operation_goes_from_pending_through_running_to_success() {
    let simulator = simulator().await;
    let (id, disk) = (lite_server_id(1), volume_id(1));
    let accepted = attach(&simulator, &id, &disk).await;
    assert_eq!(accepted.status, 200);
    assert!(accepted.header("x-request-id").is_some());
    let body = accepted.json();
    assert_eq!((&body["operation_status"], &body["operation_type"]), (&json!("pending"), &json!("node_attach_volume")));
    simulator.advance();
    assert_eq!(operation(&simulator, &id, &accepted).await["operation_status"], "running");
    simulator.advance();
    assert_eq!(operation(&simulator, &id, &accepted).await["operation_status"], "success");
    let shown = server(&simulator, 1).await;
    assert_eq!(shown["volumes"][1], json!({"evs_id": disk, "type": "DATA", "size": 10, "evs_type": "GPSSD"}));
    let record = volume(&simulator, &disk).await;
    assert_eq!(record["status"], "in-use");
    assert_eq!(record["attachments"][0]["server_id"], cloud_server_id(1), "EVS knows what it is made of");

    let accepted = detach(&simulator, &id, &disk).await;
    assert_eq!(accepted.json()["operation_type"], "node_detach_volume");
    simulator.advance_all();
    assert_eq!(operation(&simulator, &id, &accepted).await["operation_status"], "success");
    assert_eq!(server(&simulator, 1).await["volumes"].as_array().map(Vec::len), Some(1));
    assert_eq!(volume(&simulator, &disk).await["status"], "available");
}

#[tokio::test]
async fn an_attach_begins_pending_and_a_detach_running_unless_switches_say_otherwise() {
    for (change, first) in [
        ((|_: &mut Switches| {}) as fn(&mut Switches), ["pending", "running"]),
        (|s| s.initial_job_status = InitialJobStatus::Running, ["running", "running"]),
        (|s| s.lite_server_detach_begins = LiteServerDetachBegins::Pending, ["pending", "pending"]),
    ] {
        let simulator = with_switches(change).await;
        let attached = attach(&simulator, &lite_server_id(1), &volume_id(1)).await;
        simulator.advance_all();
        let detached = detach(&simulator, &lite_server_id(1), &volume_id(1)).await;
        assert_eq!([attached, detached].map(|answer| answer.json()["operation_status"].clone()), first);
        simulator.advance_all();
        assert_eq!(volume(&simulator, &volume_id(1)).await["status"], "available");
    }
}

#[tokio::test]
async fn each_disk_of_a_lite_server_has_a_device_of_its_own_in_evs() {
    let simulator = simulator().await;
    let device = |n: usize| {
        let simulator = &simulator;
        async move { volume(simulator, &volume_id(n)).await["attachments"][0]["device"].clone() }
    };
    simulator.edit(|world| world.huaweicloud.attach_lite(&lite_server_id(1), &volume_id(1)));
    attach(&simulator, &lite_server_id(1), &volume_id(2)).await;
    simulator.edit(|world| world.huaweicloud.attach_lite(&lite_server_id(2), &volume_id(3)));
    assert_eq!([device(1).await, device(2).await, device(3).await], ["/dev/sdb", "/dev/sdc", "/dev/sdb"]);
}

#[tokio::test]
async fn each_rule_has_its_refusal() {
    let simulator = simulator().await;
    simulator.edit(|world| {
        let world = &mut world.huaweicloud;
        world.attach_lite(&lite_server_id(1), &volume_id(1));
        world.lite_server_mut(&lite_server_id(2)).unwrap().status = "STARTING".to_owned();
    });
    let one = lite_server_id(1);
    for (answer, code, why) in [
        (attach(&simulator, &lite_server_id(99), &volume_id(2)).await, "ModelArts.6404", "unknown server"),
        (attach(&simulator, &cloud_server_id(1), &volume_id(2)).await, "ModelArts.6404", "the id underneath"),
        (attach(&simulator, &lite_server_id(3), &volume_id(2)).await, "ModelArts.7000", "bare metal"),
        (attach(&simulator, &lite_server_id(2), &volume_id(2)).await, "ModelArts.7000", "starting"),
        (attach(&simulator, &one, &volume_id(1)).await, "ModelArts.7000", "already there"),
        (attach(&simulator, &one, &volume_id(5)).await, "ModelArts.7000", "another zone"),
        (attach(&simulator, &one, &volume_id(99)).await, "ModelArts.7000", "no such volume"),
        (attach(&simulator, &one, &volume_id(2).to_uppercase()).await, "ModelArts.6400", "the strict pattern"),
        (detach(&simulator, &one, &volume_id(2)).await, "ModelArts.7000", "not attached"),
        (detach(&simulator, &one, &system_volume_id(101)).await, "ModelArts.7000", "the root volume"),
        (detach(&simulator, &one, "x").await, "ModelArts.6400", "no id"),
    ] {
        assert_eq!(error(&answer), (400, code.to_owned()), "{why}");
    }
    assert!(attach(&simulator, &lite_server_id(3), &volume_id(2)).await.text.contains("type is BMS"));
    simulator.edit(|world| world.huaweicloud.lite_server_mut(&one).unwrap().hardware = "A2".to_owned());
    assert_eq!(
        error(&detach(&simulator, &one, &volume_id(1)).await),
        (400, "ModelArts.7000".to_owned()),
        "only for A3"
    );
    assert!(simulator.jobs().is_empty());
}

#[tokio::test]
async fn a_refusal_may_come_as_a_failed_operation_with_its_error() {
    let simulator = with_switches(|s| s.lite_server_refusal = LiteServerRefusal::FailedOperation).await;
    let accepted = detach(&simulator, &lite_server_id(1), &volume_id(2)).await;
    assert_eq!(accepted.status, 200);
    simulator.advance_all();
    let shown = operation(&simulator, &lite_server_id(1), &accepted).await;
    assert_eq!(
        (&shown["operation_status"], &shown["operation_error"]["code"]),
        (&json!("failed"), &json!("ModelArts.7000"))
    );
}

#[tokio::test]
async fn a_lite_server_takes_one_operation_at_a_time_and_a_disk_in_any_case() {
    let one = lite_server_id(1);
    let prepared = |conflict| async move {
        let simulator = with_switches(|s| s.lite_server_conflict = conflict).await;
        simulator.edit(|world| world.huaweicloud.attach_lite(&lite_server_id(1), &volume_id(1)));
        assert_eq!(detach(&simulator, &lite_server_id(1), &volume_id(1)).await.status, 200);
        simulator
    };
    let refused = (400, "ModelArts.7000".to_owned());
    let simulator = prepared(LiteServerConflict::Refused).await;
    assert_eq!(error(&detach(&simulator, &one, &volume_id(1)).await), refused);
    assert_eq!(error(&attach(&simulator, &one, &volume_id(2)).await), refused);
    assert_eq!(attach(&simulator, &lite_server_id(2), &volume_id(2)).await.status, 200, "another server is free");
    simulator.advance_all();
    assert_eq!(attach(&simulator, &one, &volume_id(1)).await.status, 200, "and this one later");

    let simulator = prepared(LiteServerConflict::FailedOperation).await;
    let second = attach(&simulator, &one, &volume_id(2)).await;
    simulator.advance_all();
    assert_eq!(operation(&simulator, &one, &second).await["operation_error"]["code"], "ModelArts.7000");
    assert_eq!(volume(&simulator, &volume_id(2)).await["status"], "available", "untouched");

    let simulator = prepared(LiteServerConflict::Allowed).await;
    assert_eq!(error(&detach(&simulator, &one, &volume_id(1)).await), refused, "it is being detached");
    assert_eq!(attach(&simulator, &one, &volume_id(2)).await.status, 200);
    assert_eq!(error(&detach(&simulator, &one, &volume_id(2)).await), refused, "it is being attached");
}

#[tokio::test]
async fn an_operation_can_be_made_to_fail_stall_or_speak_another_language() {
    let simulator = simulator().await;
    let fails = Effect::JobFails { code: "ModelArts.7001".to_owned(), reason: "no".to_owned() };
    simulator.add_fault(FaultRule::new("AttachDevServerVolume", fails).times(1));
    let accepted = attach(&simulator, &lite_server_id(1), &volume_id(1)).await;
    simulator.advance_all();
    let shown = operation(&simulator, &lite_server_id(1), &accepted).await;
    assert_eq!(shown["operation_error"], json!({"code": "ModelArts.7001", "message": "no"}));
    assert_eq!(volume(&simulator, &volume_id(1)).await["status"], "available");
    simulator.add_fault(FaultRule::new("AttachDevServerVolume", Effect::JobStatus { status: "waiting".to_owned() }));
    simulator.add_fault(FaultRule::new("AttachDevServerVolume", Effect::JobStalls));
    let accepted = attach(&simulator, &lite_server_id(1), &volume_id(1)).await;
    assert_eq!(accepted.json()["operation_status"], "waiting");
    simulator.advance_all();
    assert_eq!(operation(&simulator, &lite_server_id(1), &accepted).await["operation_status"], "waiting");
}

#[tokio::test]
async fn operations_belong_to_their_server_and_unknown_ones_are_answered_in_either_way() {
    let simulator = simulator().await;
    let accepted = attach(&simulator, &lite_server_id(1), &volume_id(1)).await;
    let id = accepted.json()["operation_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/{{p}}/dev-servers/{}/operation/{id}", lite_server_id(2));
    assert_eq!(error(&call(&simulator, "GET", &path, "").await), (400, "ModelArts.6404".to_owned()));
    simulator.set_switches(|s| s.unknown_operation = UnknownOperation::NotFound);
    assert_eq!(error(&call(&simulator, "GET", &path, "").await), (404, "ModelArts.6404".to_owned()));
    simulator.set_switches(|s| s.operation_status_case = OperationStatusCase::Capital);
    assert_eq!(operation(&simulator, &lite_server_id(1), &accepted).await["operation_status"], "Pending");
}

#[tokio::test]
async fn the_server_s_volumes_are_fresh_stale_or_absent() {
    for (switch, expected) in [
        (LiteServerVolumes::Fresh, Some(2)),
        (LiteServerVolumes::Stale, Some(1)),
        (LiteServerVolumes::Absent, None),
        (LiteServerVolumes::Null, None),
    ] {
        let simulator = with_switches(|s| s.lite_server_volumes = switch).await;
        simulator.edit(|world| world.huaweicloud.attach_lite(&lite_server_id(1), &volume_id(1)));
        let shown = server(&simulator, 1).await;
        assert_eq!(shown.get("volumes").and_then(Value::as_array).map(Vec::len), expected, "{switch:?}");
        assert_eq!(shown.get("volumes").is_some(), switch != LiteServerVolumes::Absent, "{switch:?}");
    }
    let simulator = with_switches(|s| s.lite_server_in_evs = LiteServerInEvs::LiteServer).await;
    simulator.edit(|world| world.huaweicloud.attach_lite(&lite_server_id(2), &volume_id(1)));
    assert_eq!(volume(&simulator, &volume_id(1)).await["attachments"][0]["server_id"], lite_server_id(2));
}

#[tokio::test]
async fn servers_are_shown_and_listed_with_what_they_are_made_of() {
    let simulator = simulator().await;
    let hps = server(&simulator, 2).await;
    assert_eq!(
        (&hps["cloud_server"]["type"], &hps["cloud_server"]["hps_ecs_id"]),
        (&json!("HPS"), &json!(cloud_server_id(2)))
    );
    assert_eq!(hps["volumes"][0]["type"], "ROOT");
    let page = call(&simulator, "GET", "/v1/{p}/dev-servers?limit=2&offset=2", "").await.json();
    assert_eq!((&page["total"], &page["pages"], &page["current"]), (&json!(3), &json!(2), &json!(2)));
    assert_eq!(page["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(call(&simulator, "GET", "/v1/{p}/dev-servers?limit=1024", "").await.status, 200);
    for query in ["limit=1025", "limit=-1", "limit=x", "offset=x"] {
        let refused = call(&simulator, "GET", &format!("/v1/{{p}}/dev-servers?{query}"), "").await;
        assert_eq!(error(&refused), (400, "ModelArts.6400".to_owned()), "{query}");
    }
    let all = call(&simulator, "GET", "/v1/{p}/dev-servers/all", "").await.json();
    assert_eq!(all["data"].as_array().map(Vec::len), Some(3));
}
