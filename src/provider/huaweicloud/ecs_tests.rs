//! Tests of what ECS's and EVS's answers mean for a pair.

use serde_json::{Value, json};

use super::*;
use crate::ids::{ServerId, VolumeId};

const SERVER: &str = "11111111-1111-4111-8111-11111111111a";
const VOLUME: &str = "22222222-2222-4222-8222-22222222222b";
const OTHER: &str = "33333333-3333-4333-8333-333333333333";

fn pair() -> Pair {
    Pair { server: ServerId::new(SERVER), volume: VolumeId::new(VOLUME) }
}

/// What one side says, with `changes` over what an attached data disk looks like.
fn changed<T: serde::de::DeserializeOwned>(mut base: Value, changes: &Value) -> T {
    base.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    serde_json::from_value(base).unwrap()
}

fn server(changes: &Value) -> Server {
    let volumes = json!([{ "id": VOLUME, "delete_on_termination": "true" }]);
    let zone = json!("az1");
    let base = json!({
        "id": SERVER, "status": "ACTIVE", "OS-EXT-AZ:availability_zone": zone,
        "os-extended-volumes:volumes_attached": volumes
    });
    changed(base, changes)
}

fn device(changes: &Value) -> BlockDevice {
    let base = json!({ "volumeId": VOLUME, "device": "/dev/vdb", "bus": "virtio", "pciAddress": "0000:02:02.0" });
    changed(base, changes)
}

fn volume(changes: &Value) -> Volume {
    let attachment = json!({
        "server_id": SERVER, "attachment_id": "record-1", "device": "/dev/vdc", "attached_at": "2026-01-02T03:04:05.678901"
    });
    let base = json!({
        "id": VOLUME, "status": "in-use", "multiattach": false, "availability_zone": "az1", "attachments": [attachment]
    });
    changed(base, changes)
}

fn seen(server: &Server, devices: &[BlockDevice], volume: &Volume) -> Sight {
    sight(&pair(), Some((server, devices)), Some(volume))
}

#[test]
fn an_attached_pair_is_seen_with_its_facts() {
    let none = json!({});
    let seen = seen(&server(&none), &[device(&none)], &volume(&none));
    assert!(seen.attached());
    let facts = Facts {
        device: Some("/dev/vdb".into()),
        attachment_id: Some("record-1".into()),
        attached_at: Some("2026-01-02T03:04:05.678901Z".into()),
        bus: Some("virtio".into()),
        pci_address: Some("0000:02:02.0".into()),
        delete_on_termination: Some(true),
        ..Facts::default()
    };
    assert_eq!(seen.facts, facts);
    let (server, volume) = (seen.server.unwrap(), seen.volume.unwrap());
    assert_eq!((server.zone.as_deref(), volume.zone.as_deref()), (Some("az1"), Some("az1")));
    assert!(!server.boots_from_volume && !server.locked && volume.others.is_empty());
}

#[test]
fn each_side_is_seen_by_itself_and_ids_in_any_case() {
    let (none, empty) = (json!({}), json!({ "attachments": [], "status": "available" }));
    let upper = device(&json!({ "volumeId": VOLUME.to_uppercase() }));
    let seen_from = |devices: &[BlockDevice], changes: &Value| {
        let seen = seen(&server(&none), devices, &volume(changes));
        (seen.on_server(), seen.on_volume())
    };
    assert_eq!(seen_from(&[upper], &empty), (true, false));
    let attachments = json!({ "attachments": [{ "server_id": SERVER.to_uppercase() }] });
    assert_eq!(seen_from(&[], &attachments), (false, true));
    assert_eq!(seen_from(&[device(&json!({ "volumeId": OTHER }))], &empty), (false, false));
    let reserved = json!({ "attachments": [{ "attachment_id": "record-1" }], "status": "reserved" });
    assert_eq!(seen_from(&[], &reserved), (false, false));
}

#[test]
fn other_servers_of_the_volume_are_named() {
    let attachments = json!([{ "server_id": OTHER }, { "server_id": SERVER }, {}]);
    let shared = volume(&json!({ "attachments": attachments, "multiattach": "true" }));
    let volume = seen(&server(&json!({})), &[], &shared).volume.unwrap();
    assert!(volume.lists_server && volume.multiattach);
    assert_eq!(volume.others, [ServerId::new(OTHER)]);
}

#[test]
fn what_does_not_exist_is_none() {
    let none = json!({});
    let gone = sight(&pair(), None, Some(&volume(&none)));
    assert!(gone.server.is_none() && gone.on_volume());
    let deleted = seen(&server(&json!({ "status": "DELETED" })), &[], &volume(&none));
    assert!(deleted.server.is_none());
    assert!(sight(&pair(), Some((&server(&none), &[])), None).volume.is_none());
}

#[test]
fn a_servers_status_tells_whether_it_takes_a_disk() {
    for (status, task, expected) in [
        ("ACTIVE", None, Readiness::Running),
        ("SHUTOFF", None, Readiness::Stopped),
        ("ACTIVE", Some("powering-off"), Readiness::Transient),
        ("SHUTOFF", Some("powering-on"), Readiness::Transient),
        ("REBOOT", None, Readiness::Transient),
        ("something new", None, Readiness::Transient),
        ("ERROR", None, Readiness::Unfit),
        ("VERIFY_RESIZE", None, Readiness::Unfit),
    ] {
        let server = server(&json!({ "status": status, "OS-EXT-STS:task_state": task, "locked": true }));
        let seen = seen(&server, &[], &volume(&json!({}))).server.unwrap();
        assert_eq!((seen.readiness, seen.locked), (expected, true), "{status} {task:?}");
        assert!(seen.status.contains(status) && task.is_none_or(|task| seen.status.contains(task)));
    }
}

#[test]
fn a_volumes_status_tells_what_is_under_way() {
    for (status, expected) in [
        ("available", VolumeState::Available),
        ("in-use", VolumeState::InUse),
        ("attaching", VolumeState::Attaching),
        ("reserved", VolumeState::Attaching),
        ("detaching", VolumeState::Detaching),
        ("backing-up", VolumeState::Busy),
        ("something new", VolumeState::Busy),
        ("error", VolumeState::Error),
        ("error_extending", VolumeState::Error),
    ] {
        let volume = seen(&server(&json!({})), &[], &volume(&json!({ "status": status }))).volume.unwrap();
        assert_eq!((volume.state, volume.status.as_str()), (expected, status));
    }
}

#[test]
fn the_system_volume_is_told_from_data_volumes_that_look_like_it() {
    for (name, index, bootable, boots) in [
        (Some("/dev/vda"), Some(0), true, true),
        (Some("/dev/sda"), None, true, true),
        (Some("/dev/vda"), Some(0), false, true),
        (None, Some(0), false, true),
        (Some("/dev/vdb"), Some(0), false, false),
        (Some("/dev/vdb"), Some(1), true, false),
        (Some("/dev/vda"), None, false, false),
        // A data disk made of an image, while it is being attached.
        (None, None, true, false),
    ] {
        let device = device(&json!({ "device": name, "bootIndex": index }));
        let seen = seen(&server(&json!({})), &[device], &volume(&json!({ "bootable": bootable.to_string() })));
        assert_eq!(seen.server.unwrap().boots_from_volume, boots, "{name:?} {index:?} {bootable}");
    }
}

#[test]
fn a_time_without_a_zone_is_utc() {
    for (written, expected) in [
        ("2026-01-02T03:04:05.678901", "2026-01-02T03:04:05.678901Z"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05+08:00", "2026-01-02T03:04:05+08:00"),
    ] {
        assert_eq!(with_zone(written), expected);
    }
}
