//! Tests of what a Lite Server's and EVS's answers mean for a pair.

use serde_json::{Value, json};

use super::*;
use crate::{huaweicloud::ErrorCode, ids::VolumeId};

const SERVER: &str = "11111111-1111-4111-8111-11111111111a";
const VOLUME: &str = "22222222-2222-4222-8222-22222222222b";
const MACHINE: &str = "33333333-3333-4333-8333-333333333333";
const ECS: &str = "44444444-4444-4444-8444-444444444444";
const HPS: &str = "66666666-6666-4666-8666-666666666666";
const OTHER: &str = "55555555-5555-4555-8555-555555555555";

fn server(cloud_server: &Value, volumes: &Value) -> DevServer {
    let server = json!({ "id": SERVER, "status": "RUNNING", "cloud_server": cloud_server, "volumes": volumes });
    serde_json::from_value(server).unwrap()
}

fn volume(status: &str, servers: &[&str]) -> Volume {
    let attachments: Vec<_> = servers
        .iter()
        .map(|id| json!({ "server_id": id, "device": "/dev/vdb", "attached_at": "2026-01-02T03:04:05.678901" }))
        .collect();
    let volume = json!({
        "id": VOLUME, "status": status, "attachments": attachments, "size": 100, "volume_type": "GPSSD"
    });
    serde_json::from_value(volume).unwrap()
}

fn machine() -> Value {
    json!({ "id": MACHINE, "type": "HPS", "hps_id": HPS, "hps_ecs_id": ECS })
}

fn data(kind: &str) -> Value {
    json!([{ "evs_id": VOLUME.to_uppercase(), "type": kind, "size": 90 }])
}

fn seen(server: &DevServer, volume: &Volume) -> Sight {
    let pair = Pair { server: ServerId::new(SERVER), volume: VolumeId::new(VOLUME) };
    sight(&pair, Some(server), Some(volume))
}

#[test]
fn evs_may_know_the_server_by_any_of_its_ids() {
    for id in [SERVER, MACHINE, HPS, ECS] {
        let seen = seen(&server(&machine(), &data("DATA")), &volume("in-use", &[id]));
        assert!(seen.attached(), "{id}");
        assert!(seen.volume.unwrap().others.is_empty());
        let facts = Facts {
            device: Some("/dev/vdb".into()),
            attached_at: Some("2026-01-02T03:04:05.678901Z".into()),
            size: Some(100),
            volume_type: Some("GPSSD".into()),
            ..Facts::default()
        };
        assert_eq!(seen.facts, facts);
    }
}

#[test]
fn both_orders_of_settling_are_seen() {
    let both = |volumes: Value, status: &str, servers: &[&str]| {
        let seen = seen(&server(&machine(), &volumes), &volume(status, servers));
        (seen.on_server(), seen.on_volume(), seen.attached(), seen.detached())
    };
    // An attach: the Lite Server lists it first; or EVS does, while it moves and once it has settled.
    assert_eq!(both(data("DATA"), "attaching", &[]), (true, false, false, false));
    assert_eq!(both(json!([]), "attaching", &[ECS]), (false, true, false, false));
    assert_eq!(both(json!([]), "in-use", &[ECS]), (true, true, true, false));
    // A list that older servers do not have.
    assert_eq!(both(Value::Null, "in-use", &[ECS]), (true, true, true, false));
    // A detach: EVS first, and the Lite Server's list may stay as it was when the server was created; or the Lite Server.
    assert_eq!(both(data("DATA"), "available", &[]), (true, false, false, true));
    assert_eq!(both(data("DATA"), "detaching", &[]), (true, false, false, false));
    assert_eq!(both(json!([]), "detaching", &[ECS]), (false, true, false, false));
    assert_eq!(both(json!([]), "available", &[]), (false, false, false, true));
}

#[test]
fn a_volume_of_another_server_is_not_taken_for_this_ones() {
    let elsewhere = seen(&server(&machine(), &json!([])), &volume("in-use", &[OTHER]));
    assert!(!elsewhere.listed() && elsewhere.held_elsewhere());
    // With the machine's ids told, a list that lags does not make another server's attachment ours.
    let lagging = seen(&server(&machine(), &data("DATA")), &volume("in-use", &[OTHER]));
    assert!(lagging.on_server() && !lagging.on_volume());
    // Where they are not, the one holder of a volume that the server lists is the server.
    let untold = seen(&server(&Value::Null, &data("DATA")), &volume("in-use", &[OTHER]));
    assert!(untold.attached());
    let unlisted = seen(&server(&Value::Null, &json!([])), &volume("in-use", &[OTHER]));
    assert!(!unlisted.listed());
}

#[test]
fn a_root_volume_is_the_system_volume() {
    for (kind, boots) in [("ROOT", true), ("DATA", false)] {
        let seen = seen(&server(&machine(), &data(kind)), &volume("in-use", &[ECS]));
        assert_eq!(seen.server.unwrap().boots_from_volume, boots);
    }
    // Older servers do not list their volumes: EVS's record of a bootable volume on the first device tells.
    for (device, bootable, boots) in [("/dev/vda", true, true), ("/dev/vda", false, false), ("/dev/vdb", true, false)] {
        let mut volume = volume("in-use", &[ECS]);
        volume.bootable = Some(bootable);
        volume.attachments[0].device = Some(device.to_owned());
        let seen = seen(&server(&machine(), &Value::Null), &volume);
        assert_eq!(seen.server.unwrap().boots_from_volume, boots, "{device} {bootable}");
    }
}

#[test]
fn a_status_tells_whether_the_server_takes_a_volume() {
    for (status, expected) in [
        ("RUNNING", Readiness::Running),
        ("STOPPED", Readiness::Stopped),
        ("STARTING", Readiness::Transient),
        ("CHANGINGOS", Readiness::Transient),
        ("something new", Readiness::Transient),
        ("ERROR", Readiness::Unfit),
        ("START_FAILED", Readiness::Unfit),
    ] {
        let server = DevServer { status: status.into(), ..server(&machine(), &json!([])) };
        assert_eq!(seen(&server, &volume("available", &[])).server.unwrap().readiness, expected, "{status}");
    }
    let deleted = DevServer { status: "DELETED".into(), ..server(&machine(), &json!([])) };
    assert!(seen(&deleted, &volume("available", &[])).server.is_none());
}

#[test]
fn an_operation_is_waited_for_until_it_has_succeeded_or_failed() {
    let operation = |status, code: Option<&str>| DevServerOperation {
        id: JobId::new("operation-1"),
        status,
        operation_type: None,
        error_code: code.map(ErrorCode::new),
        error_message: code.map(|_| "no luck".to_owned()),
    };
    for status in [OperationStatus::Pending, OperationStatus::Running, OperationStatus::Other("new".into())] {
        let expected = status.as_str().to_owned();
        match operation_sight(operation(status, None)) {
            JobSight::Running(status) => assert_eq!(status, expected),
            JobSight::Ended(end) => panic!("{end:?}"),
        }
    }
    let done = operation_sight(operation(OperationStatus::Success, None));
    assert!(matches!(done, JobSight::Ended(JobEnd::Done)));
    for (code, shown) in
        [(Some("ModelArts.7000"), ("ModelArts.7000", "no luck")), (None, ("no error code", "no reason given"))]
    {
        match operation_sight(operation(OperationStatus::Failed, code)) {
            JobSight::Ended(JobEnd::Failed(failure)) => {
                assert_eq!((&*failure.code, &*failure.reason), shown);
                assert_eq!(failure.job, JobId::new("operation-1"));
            }
            sight => panic!("{sight:?}"),
        }
    }
}
