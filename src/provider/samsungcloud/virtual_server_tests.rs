//! Tests of what the Virtual Server service's answers mean for a pair.

use serde_json::{Value, json};

use super::*;
use crate::ids::{ServerId, VolumeId};

const SERVER: &str = "11111111-1111-4111-8111-11111111111a";
const VOLUME: &str = "22222222-2222-4222-8222-22222222222b";
const OTHER: &str = "33333333-3333-4333-8333-333333333333";

fn server(state: &str, volumes: &Value) -> Server {
    serde_json::from_value(json!({ "id": SERVER, "state": state, "locked": true, "volumes": volumes })).unwrap()
}

fn volume(state: &str, servers: &Value) -> Volume {
    serde_json::from_value(json!({ "id": VOLUME, "state": state, "multiattach": true, "servers": servers })).unwrap()
}

fn seen(server: &Server, volume: &Volume) -> Sight {
    let pair = Pair { server: ServerId::new(SERVER), volume: VolumeId::new(VOLUME) };
    super::sight(&pair, Some(server), Some(volume))
}

#[test]
fn an_attached_pair_is_seen_with_its_facts_and_a_time_without_a_zone_is_utc() {
    for (written, expected) in [
        ("2026-06-02T03:04:05", "2026-06-02T03:04:05Z"),
        ("2026-06-02T03:04:05.5Z", "2026-06-02T03:04:05.5Z"),
        ("2026-06-02T12:04:05+09:00", "2026-06-02T12:04:05+09:00"),
    ] {
        let server = server("ACTIVE", &json!([{ "id": VOLUME.to_uppercase(), "delete_on_termination": true }]));
        let entry =
            json!([{ "id": SERVER.to_uppercase(), "device": "/dev/vdb", "attached_at": written }, { "id": OTHER }]);
        let seen = seen(&server, &volume("in-use", &entry));
        assert!(seen.attached());
        let facts = Facts {
            device: Some("/dev/vdb".into()),
            attached_at: Some(expected.into()),
            delete_on_termination: Some(true),
            ..Facts::default()
        };
        assert_eq!(seen.facts, facts);
        let (server, volume) = (seen.server.unwrap(), seen.volume.unwrap());
        assert!(server.locked && !server.boots_from_volume && volume.multiattach);
        assert_eq!(volume.others, [ServerId::new(OTHER)]);
    }
}

#[test]
fn each_side_is_seen_by_itself() {
    let listing = server("ACTIVE", &json!([{ "id": VOLUME }]));
    let empty = server("ACTIVE", &json!([]));
    let sides = |server: &Server, servers: Value| {
        let seen = seen(server, &volume("in-use", &servers));
        (seen.on_server(), seen.on_volume())
    };
    assert_eq!(sides(&listing, json!([])), (true, false));
    assert_eq!(sides(&empty, json!([{ "id": SERVER }])), (false, true));
    assert_eq!(sides(&empty, json!([{ "id": OTHER }])), (false, false));
    let pair = Pair { server: ServerId::new(SERVER), volume: VolumeId::new(VOLUME) };
    let gone = super::sight(&pair, None, None);
    assert!(gone.server.is_none() && gone.volume.is_none());
}

#[test]
fn the_boot_volume_is_told_by_its_device() {
    for (device, boots) in [("/dev/vda", true), ("/dev/sda", true), ("/dev/vdb", false)] {
        let servers = json!([{ "id": SERVER, "device": device }]);
        let seen = seen(&server("ACTIVE", &json!([{ "id": VOLUME }])), &volume("in-use", &servers));
        assert_eq!(seen.server.unwrap().boots_from_volume, boots, "{device}");
    }
}

#[test]
fn a_servers_state_tells_whether_it_takes_a_volume() {
    for (state, expected) in [
        ("ACTIVE", Readiness::Running),
        ("SHUTOFF", Readiness::Stopped),
        ("ERROR", Readiness::Unfit),
        ("REBOOT", Readiness::Transient),
    ] {
        let seen = seen(&server(state, &json!([])), &volume("available", &json!([]))).server.unwrap();
        assert_eq!((seen.readiness, seen.status.as_str()), (expected, state));
    }
}

#[test]
fn a_volumes_state_tells_what_is_under_way_in_any_spelling() {
    use sight::VolumeState::{Attaching, Available, Busy, Detaching, Error, InUse};
    for (state, expected) in [
        ("available", Available),
        ("In Use", InUse),
        ("reserved", Attaching),
        ("attaching", Attaching),
        ("DETACHING", Detaching),
        ("creating", Busy),
        ("extending", Busy),
        ("Error Deleting", Error),
        ("error_extending", Error),
    ] {
        let seen = seen(&server("ACTIVE", &json!([])), &volume(state, &json!([]))).volume.unwrap();
        assert_eq!(seen.state, expected, "{state}");
    }
}
