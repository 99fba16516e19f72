//! Servers, block devices, stop and start.

use serde_json::{Value, json};

use super::{simulator, with_switches};
use crate::simulator::Simulator;
use crate::simulator::huaweicloud::built_in::{server_id, shared_volume_id, system_volume_id, volume_id};
use crate::simulator::huaweicloud::switches::*;
use crate::simulator::testing::{Answer, attach, block_devices, call, job};

async fn server(simulator: &Simulator, n: usize) -> Value {
    call(simulator, "GET", &format!("/v1/{{p}}/cloudservers/{}", server_id(n)), "").await.json()["server"].clone()
}

async fn block_device(simulator: &Simulator, method: &str, volume: &str, body: &str) -> Answer {
    let path = format!("/v1/{{p}}/cloudservers/{}/block_device/{volume}", server_id(1));
    call(simulator, method, &path, body).await
}

#[tokio::test]
async fn a_server_shows_its_state_and_its_disks_in_the_vendor_s_types() {
    let simulator = simulator().await;
    let shown = server(&simulator, 1).await;
    assert_eq!(shown["status"], "ACTIVE");
    assert_eq!(shown["OS-EXT-AZ:availability_zone"], "cn-north-4a");
    assert_eq!((&shown["OS-EXT-STS:vm_state"], &shown["OS-EXT-STS:power_state"]), (&json!("active"), &json!(1)));
    let disk = &shown["os-extended-volumes:volumes_attached"][0];
    assert_eq!(
        *disk,
        json!({"id": system_volume_id(1), "delete_on_termination": "true", "bootIndex": "0", "device": "/dev/vda"}),
        "texts, where block_device has a bool and a number"
    );
    assert_eq!(server(&simulator, 3).await["OS-EXT-STS:power_state"], 4);
    assert_eq!(server(&simulator, 6).await["locked"], true);
    let missing = call(&simulator, "GET", &format!("/v1/{{p}}/cloudservers/{}", server_id(99)), "").await;
    assert_eq!(missing.error(), (404, "Ecs.0114".to_owned()));
}

#[tokio::test]
async fn block_devices_are_listed_with_the_slots_left() {
    let simulator = simulator().await;
    simulator.edit(|world| world.huaweicloud.attach(&server_id(1), &volume_id(6)));
    let path = format!("/v1/{{p}}/cloudservers/{}/block_device", server_id(1));
    let list = call(&simulator, "GET", &path, "").await.json();
    assert_eq!(list["attachableQuantity"], json!({"free_scsi": 58, "free_blk": 23, "free_disk": 58}));
    let scsi = &list["volumeAttachments"][1];
    assert_eq!((&scsi["bus"], &scsi["pciAddress"]), (&json!("scsi"), &json!("")));
    assert_eq!(scsi["device"], "/dev/sdb");
    let path = format!("/v1/{{p}}/cloudservers/{}/os-volume_attachments", server_id(1));
    let other = call(&simulator, "GET", &path, "").await.json();
    assert_eq!(other["volumeAttachments"][1]["volumeId"], volume_id(6));
}

#[tokio::test]
async fn one_block_device_is_shown_or_missing_in_either_way() {
    let simulator = simulator().await;
    let shown = block_device(&simulator, "GET", &system_volume_id(1), "").await.json();
    assert_eq!(shown["volumeAttachment"]["serverId"], server_id(1));
    assert_eq!(shown["volumeAttachment"]["size"], 40);
    let missing = block_device(&simulator, "GET", &volume_id(1), "").await;
    assert!(missing.error() == (400, "Ecs.1000".to_owned()) && missing.text.contains("itemNotFound"));
    simulator.set_switches(|s| s.missing_block_device = MissingBlockDevice::NotFound);
    let missing = block_device(&simulator, "GET", &volume_id(1), "").await;
    assert_eq!((missing.status, &missing.json()["itemNotFound"]["code"]), (404, &json!(404)));
}

#[tokio::test]
async fn sizes_and_boot_indexes_come_in_the_types_the_switches_say() {
    for (index, expected) in [
        (DataBootIndex::Position, Some(json!(1))),
        (DataBootIndex::Null, Some(Value::Null)),
        (DataBootIndex::Zero, Some(json!(0))),
        (DataBootIndex::Missing, None),
    ] {
        let simulator = with_switches(|s| s.data_boot_index = index).await;
        simulator.edit(|world| world.huaweicloud.attach(&server_id(1), &volume_id(1)));
        let devices = block_devices(&simulator, &server_id(1)).await;
        assert_eq!(devices[1].get("bootIndex"), expected.as_ref(), "{index:?}");
        assert_eq!(devices[0]["bootIndex"], 0);
        let disks = server(&simulator, 1).await["os-extended-volumes:volumes_attached"].clone();
        let text = expected.map(|index| index.as_u64().map_or(Value::Null, |index| json!(index.to_string())));
        assert_eq!(disks[1].get("bootIndex"), text.as_ref(), "{index:?}: a text here");
        assert_eq!(disks[0]["bootIndex"], "0");
    }
    let simulator = with_switches(|s| s.block_device_size = BlockDeviceSize::Text).await;
    assert_eq!(block_devices(&simulator, &server_id(1)).await[0]["size"], "40");
}

#[tokio::test]
async fn delete_on_termination_is_changed_except_for_system_shared_and_prepaid_disks() {
    let simulator = simulator().await;
    for volume in [volume_id(1), volume_id(8), shared_volume_id(1)] {
        simulator.edit(|world| world.huaweicloud.attach(&server_id(1), &volume));
    }
    let body = r#"{"block_device":{"delete_on_termination":true}}"#;
    let changed = block_device(&simulator, "PUT", &volume_id(1), body).await;
    assert_eq!((changed.status, changed.text.as_str()), (200, ""));
    let disks = server(&simulator, 1).await["os-extended-volumes:volumes_attached"].clone();
    assert_eq!(disks[1]["delete_on_termination"], "true");
    for volume in [system_volume_id(1), volume_id(8), shared_volume_id(1)] {
        assert_eq!(block_device(&simulator, "PUT", &volume, body).await.error(), (400, "Ecs.0617".to_owned()));
    }
    assert_eq!(block_device(&simulator, "PUT", &volume_id(3), body).await.status, 404);
    let text = r#"{"block_device":{"delete_on_termination":"true"}}"#;
    assert_eq!(block_device(&simulator, "PUT", &volume_id(1), text).await.error(), (400, "Ecs.0005".to_owned()));
}

async fn act(simulator: &Simulator, body: Value) -> Answer {
    call(simulator, "POST", "/v1/{p}/cloudservers/action", &body.to_string()).await
}

#[tokio::test]
async fn stop_and_start_go_through_their_transient_states() {
    let simulator = simulator().await;
    let stopped = act(&simulator, json!({"os-stop": {"type": "SOFT", "servers": [{"id": server_id(1)}]}})).await;
    let shown = server(&simulator, 1).await;
    assert_eq!((&shown["status"], &shown["OS-EXT-STS:task_state"]), (&json!("ACTIVE"), &json!("powering-off")));
    assert_eq!(attach(&simulator, &server_id(1), &volume_id(1)).await.error(), (400, "Ecs.0100".to_owned()));
    simulator.advance_all();
    assert_eq!(job(&simulator, &stopped).await["status"], "SUCCESS");
    let shown = server(&simulator, 1).await;
    assert_eq!((&shown["status"], &shown["OS-EXT-STS:task_state"]), (&json!("SHUTOFF"), &Value::Null));
    act(&simulator, json!({"os-start": {"servers": [{"id": server_id(1)}]}})).await;
    assert_eq!(server(&simulator, 1).await["OS-EXT-STS:task_state"], "powering-on");
    simulator.advance_all();
    assert_eq!(server(&simulator, 1).await["status"], "ACTIVE");
    assert_eq!((simulator.count("BatchStopServers"), simulator.count("BatchStartServers")), (1, 1));
}

#[tokio::test]
async fn stop_is_refused_for_locked_busy_and_missing_servers_and_bad_bodies() {
    let simulator = simulator().await;
    let stop = |n: usize| json!({"os-stop": {"servers": [{"id": server_id(n)}]}});
    assert_eq!(act(&simulator, stop(6)).await.error(), (400, "Ecs.0605".to_owned()));
    assert_eq!(act(&simulator, stop(99)).await.error(), (404, "Ecs.0114".to_owned()));
    attach(&simulator, &server_id(1), &volume_id(1)).await;
    assert_eq!(act(&simulator, stop(1)).await.error(), (400, "Ecs.0100".to_owned()));
    for body in [json!({}), json!({"os-stop": {"servers": []}}), json!({"os-stop": {"servers": ["x"], "type": "SOFT"}})]
    {
        assert_eq!(act(&simulator, body).await.error(), (400, "Ecs.0005".to_owned()));
    }
}

#[tokio::test]
async fn stop_meets_a_busy_server_as_attach_does() {
    let stop = json!({"os-stop": {"servers": [{"id": server_id(1)}, {"id": server_id(2)}]}});
    for (conflict, expected) in [
        (ServerConflict::Ecs0100, (400, "Ecs.0100")),
        (ServerConflict::Ecs0603, (501, "Ecs.0603")),
        (ServerConflict::FailedJob, (200, "FAIL")),
        (ServerConflict::Allowed, (200, "SUCCESS")),
    ] {
        let simulator = with_switches(|s| s.server_conflict = conflict).await;
        attach(&simulator, &server_id(1), &volume_id(1)).await;
        let answer = act(&simulator, stop.clone()).await;
        simulator.advance_all();
        let word = match answer.status {
            200 => job(&simulator, &answer).await["status"].as_str().unwrap().to_owned(),
            _ => answer.error().1,
        };
        assert_eq!((answer.status, word.as_str()), expected, "{conflict:?}");
        let is_off = server(&simulator, 2).await["status"] == "SHUTOFF";
        assert_eq!(is_off, answer.status == 200, "{conflict:?}: the other server");
    }
}

#[tokio::test]
async fn a_refused_stop_names_one_error_or_that_of_each_server() {
    let stop = json!({"os-stop": {"servers": [{"id": server_id(6)}, {"id": server_id(1)}, {"id": server_id(99)}]}});
    let simulator = with_switches(|s| s.server_action_error = ServerActionError::InternalError).await;
    let answer = act(&simulator, stop.clone()).await;
    assert_eq!(answer.error(), (400, "Ecs.0611".to_owned()));
    let inner = answer.json()["internalError"].clone();
    assert_eq!(inner[0], json!({"id": server_id(6), "error_code": "Ecs.0605", "error_message": "ECS locked."}));
    assert_eq!((&inner[1]["id"], &inner[1]["error_code"]), (&json!(server_id(99)), &json!("Ecs.0114")));
    simulator.set_switches(|s| s.server_action_error = ServerActionError::Plain);
    assert_eq!(act(&simulator, stop).await.error(), (400, "Ecs.0605".to_owned()));
    assert!(simulator.jobs().is_empty());
}

#[tokio::test]
async fn a_server_deleted_behind_the_back_frees_its_volumes_or_leaves_stale_records() {
    let prepared = || async {
        let simulator = simulator().await;
        simulator.edit(|world| world.huaweicloud.attach(&server_id(1), &volume_id(1)));
        simulator
    };
    let simulator = prepared().await;
    simulator.edit(|world| world.huaweicloud.delete_server(&server_id(1)));
    simulator.world(|world| {
        assert!(world.huaweicloud.server(&server_id(1)).is_none());
        assert!(world.huaweicloud.volume(&system_volume_id(1)).is_none(), "went with its server");
        assert_eq!(world.huaweicloud.volume(&volume_id(1)).unwrap().status, "available");
    });
    let simulator = prepared().await;
    simulator.edit(|world| world.huaweicloud.delete_server_leaving_records(&server_id(1)));
    simulator.world(|world| assert_eq!(world.huaweicloud.volume(&volume_id(1)).unwrap().attachments.len(), 1));
}
