//! How attach, detach, stop and start go on after they were accepted.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::simulator::samsungcloud::built_in::{boot_volume_id, shared_volume_id};
use crate::simulator::samsungcloud::{Durations, OperationKind};
use crate::simulator::{Effect, FaultRule, SettleOrder};

fn seen(state: &str, servers: usize, volumes: usize) -> (String, usize, usize) {
    (state.to_owned(), servers, volumes)
}

#[tokio::test]
async fn a_volume_goes_through_attaching_and_detaching() {
    let simulator = simulator().await;
    let (server, id) = pair();
    let accepted = attach(&simulator, &server, &id).await;
    let body = json!({"delete_on_termination": false, "device": "/dev/vdb", "server_id": server, "volume_id": id});
    assert_eq!((accepted.status, accepted.json()), (202, body));
    assert_eq!(sight(&simulator, &id).await, seen("attaching", 0, 2), "the server's side lists it already");
    assert!(simulator.advance());
    assert_eq!(sight(&simulator, &id).await, seen("in-use", 1, 2));
    let listed = volume(&simulator, &id).await["servers"][0].clone();
    assert_eq!((&listed["id"], &listed["device"]), (&json!(server), &json!("/dev/vdb")));
    assert!(simulator.world(|world| world.samsungcloud.is_attached(&server, &id)));

    let accepted = detach(&simulator, &server, &id).await;
    assert_eq!((accepted.status, accepted.text.as_str()), (202, ""));
    assert_eq!(sight(&simulator, &id).await, seen("detaching", 1, 2));
    assert!(simulator.advance());
    assert_eq!(sight(&simulator, &id).await, seen("available", 0, 1));
    assert!(!simulator.advance(), "nothing is left to do");
    let operations = simulator.operations();
    assert!(operations.iter().all(|operation| operation.ended.is_some() && operation.failure.is_none()));
    assert_eq!(operations[1].kind, OperationKind::Detach);
}

#[tokio::test]
async fn an_attach_may_begin_as_reserved_or_as_if_nothing_had_been_asked() {
    for (value, first) in [("reserved", "reserved"), ("unchanged", "available")] {
        let simulator = switched("attach_begins", value).await;
        let (server, id) = pair();
        attach(&simulator, &server, &id).await;
        assert_eq!(sight(&simulator, &id).await, seen(first, 0, 1));
        let again = attach(&simulator, &server_id(2), &id).await;
        assert_eq!(error(&again).0, 409, "it is taken, whatever it shows");
        simulator.advance();
        assert_eq!(sight(&simulator, &id).await, seen("attaching", 0, 2));
        simulator.advance();
        assert_eq!(sight(&simulator, &id).await, seen("in-use", 1, 2));
    }
}

#[tokio::test]
async fn a_detach_may_begin_as_if_nothing_had_been_asked() {
    let simulator = switched("detach_begins", "unchanged").await;
    let (server, id) = pair();
    simulator.edit(|world| world.samsungcloud.attach(&server, &id));
    detach(&simulator, &server, &id).await;
    assert_eq!(sight(&simulator, &id).await, seen("in-use", 1, 2));
    assert_eq!(error(&detach(&simulator, &server, &id).await).0, 409);
    simulator.advance();
    assert_eq!(sight(&simulator, &id).await, seen("detaching", 1, 2));
    simulator.advance();
    assert_eq!(sight(&simulator, &id).await, seen("available", 0, 1));
}

#[tokio::test]
async fn lists_may_have_a_pair_already_or_no_longer_while_it_moves() {
    for (name, value, attaching, detaching) in [
        ("servers_while_attaching", "listed", (1, 2), (1, 2)),
        ("volumes_while_attaching", "hidden", (0, 1), (1, 2)),
        ("servers_while_detaching", "hidden", (0, 2), (0, 2)),
        ("volumes_while_detaching", "hidden", (0, 2), (1, 1)),
    ] {
        let simulator = switched(name, value).await;
        let (server, id) = pair();
        attach(&simulator, &server, &id).await;
        assert_eq!(sight(&simulator, &id).await, seen("attaching", attaching.0, attaching.1), "{name}");
        for entry in volume(&simulator, &id).await["servers"].as_array().unwrap() {
            assert!(entry["attached_at"].as_str().unwrap().ends_with('Z'), "a time is required: {entry}");
        }
        simulator.advance();
        detach(&simulator, &server, &id).await;
        assert_eq!(sight(&simulator, &id).await, seen("detaching", detaching.0, detaching.1), "{name}");
    }
}

#[tokio::test]
async fn with_a_lag_state_and_lists_agree_in_the_order_that_is_configured() {
    // What is seen after the first and after the second step of an attach, and then of a detach.
    for (order, attached, detached) in [
        (SettleOrder::Together, ("in-use", 0, 1), ("available", 1, 2)),
        (SettleOrder::ServerFirst, ("in-use", 0, 2), ("available", 1, 1)),
        (SettleOrder::VolumeFirst, ("in-use", 1, 1), ("available", 0, 2)),
        (SettleOrder::JobLast, ("attaching", 1, 2), ("detaching", 0, 1)),
    ] {
        let simulator = switched("volumes_while_attaching", "hidden").await;
        simulator.set_config(|config| config.settle_order = order);
        simulator.set_settle_lag(Duration::from_secs(2));
        let (server, id) = pair();
        attach(&simulator, &server, &id).await;
        simulator.advance();
        assert_eq!(sight(&simulator, &id).await, seen(attached.0, attached.1, attached.2), "{order:?}");
        assert!(simulator.operations()[0].ended.is_none());
        simulator.advance();
        assert_eq!(sight(&simulator, &id).await, seen("in-use", 1, 2), "{order:?}");
        assert!(simulator.operations()[0].ended.is_some());
        detach(&simulator, &server, &id).await;
        simulator.advance();
        assert_eq!(sight(&simulator, &id).await, seen(detached.0, detached.1, detached.2), "{order:?}");
        simulator.advance();
        assert_eq!(sight(&simulator, &id).await, seen("available", 0, 1), "{order:?}");
    }
}

fn failing(operation: &str) -> FaultRule {
    FaultRule::new(operation, Effect::JobFails { code: "X".to_owned(), reason: "because".to_owned() })
}

#[tokio::test]
async fn what_fails_falls_back_or_ends_in_an_error_state_of_any_spelling() {
    for (spelling, attaching, detaching) in [
        (None, "available", "in-use"),
        (Some("plain"), "error", "error"),
        (Some("underscore"), "error_attaching", "error_detaching"),
        (Some("hyphen"), "error-attaching", "error-detaching"),
        (Some("words"), "Error Attaching", "Error Detaching"),
    ] {
        let simulator = simulator().await;
        if let Some(spelling) = spelling {
            simulator.set_samsungcloud_switches(|switches| {
                switches.set("failed_attach", "error").unwrap();
                switches.set("failed_detach", "error").unwrap();
                switches.set("error_state", spelling).unwrap();
            });
        }
        simulator.add_fault(failing("AttachVolumeVirtualServer"));
        simulator.add_fault(failing("DetachVolumeVirtualServer"));
        let (server, id) = pair();
        assert_eq!(attach(&simulator, &server, &id).await.status, 202, "it looks well at first");
        assert_eq!(volume(&simulator, &id).await["state"], "attaching");
        simulator.advance();
        assert_eq!(sight(&simulator, &id).await, seen(attaching, 0, 1));
        assert_eq!(simulator.operations()[0].failure.as_deref(), Some("X: because"));

        simulator.edit(|world| world.samsungcloud.attach(&server, &id));
        assert_eq!(detach(&simulator, &server, &id).await.status, 202);
        simulator.advance();
        assert_eq!(sight(&simulator, &id).await, seen(detaching, 1, 2));
        assert!(simulator.world(|world| world.samsungcloud.is_attached(&server, &id)));
    }
}

#[tokio::test]
async fn an_operation_may_stall_and_show_a_state_nobody_knows() {
    let simulator = simulator().await;
    simulator.add_fault(FaultRule::any(Effect::JobStalls).times(1));
    simulator.add_fault(FaultRule::any(Effect::JobStatus { status: "Pondering".to_owned() }).times(1));
    let (server, id) = pair();
    attach(&simulator, &server, &id).await;
    assert_eq!(simulator.advance_all(), 0);
    assert_eq!(sight(&simulator, &id).await, seen("Pondering", 0, 2));
    assert_eq!(error(&detach(&simulator, &server, &id).await).0, 409);
    assert!(simulator.operations()[0].ended.is_none());
}

#[tokio::test]
async fn extra_lag_makes_the_lists_late_once() {
    let simulator = simulator().await;
    simulator.add_fault(FaultRule::any(Effect::ExtraLag { lag: Duration::from_secs(9) }).times(1));
    let (server, id) = pair();
    attach(&simulator, &server, &id).await;
    simulator.advance();
    assert_eq!(sight(&simulator, &id).await, seen("in-use", 0, 2));
    simulator.advance();
    assert_eq!(sight(&simulator, &id).await, seen("in-use", 1, 2));
}

#[tokio::test]
async fn what_goes_away_meanwhile_is_not_attached() {
    let simulator = simulator().await;
    let (server, id) = pair();
    attach(&simulator, &server, &id).await;
    simulator.edit(|world| world.samsungcloud.delete_server(&server));
    simulator.advance();
    assert_eq!(volume(&simulator, &id).await["state"], "available");
    assert!(simulator.operations()[0].failure.is_some());

    let server = server_id(2);
    attach(&simulator, &server, &id).await;
    simulator.edit(|world| world.samsungcloud.delete_volume(&id));
    simulator.advance();
    assert_eq!(error(&get(&simulator, &format!("/v1/volumes/{id}")).await), (404, "NotFound".to_owned()));

    attach(&simulator, &server, &volume_id(2)).await;
    simulator.edit(|world| world.samsungcloud.detach(&server, &volume_id(2)));
    simulator.advance();
    assert_eq!(volume(&simulator, &volume_id(2)).await["state"], "available", "somebody took it away");
}

#[tokio::test]
async fn a_multiattach_volume_goes_on_several_servers_one_after_the_other() {
    let simulator = simulator().await;
    let id = shared_volume_id(1);
    attach(&simulator, &server_id(1), &id).await;
    let too_early = attach(&simulator, &server_id(2), &id).await;
    assert_eq!(error(&too_early), (409, "VirtualServer.AttachVolume.Conflict".to_owned()));
    simulator.advance();
    attach(&simulator, &server_id(2), &id).await;
    assert_eq!(sight(&simulator, &id).await, seen("attaching", 1, 2));
    simulator.advance();
    assert_eq!(sight(&simulator, &id).await, seen("in-use", 2, 2));
    detach(&simulator, &server_id(1), &id).await;
    simulator.advance();
    assert_eq!(sight(&simulator, &id).await, seen("in-use", 1, 1), "the other server keeps it");
}

#[tokio::test]
async fn operations_on_a_multiattach_volume_may_be_allowed_to_overlap() {
    let simulator = switched("shared_volume_busy", "allowed").await;
    let id = shared_volume_id(1);
    for server in [server_id(1), server_id(2)] {
        assert_eq!(attach(&simulator, &server, &id).await.status, 202);
    }
    simulator.advance();
    assert_eq!(sight(&simulator, &id).await, seen("attaching", 1, 2), "the second is not done");
    simulator.advance();
    assert_eq!(sight(&simulator, &id).await, seen("in-use", 2, 2));
    for server in [server_id(1), server_id(2)] {
        assert_eq!(detach(&simulator, &server, &id).await.status, 202);
        assert_eq!(error(&detach(&simulator, &server, &id).await).0, 409, "the same pair twice");
    }
    simulator.advance_all();
    assert_eq!(sight(&simulator, &id).await, seen("available", 0, 1));
    assert_eq!(attach(&simulator, &server_id(1), &volume_id(1)).await.status, 202);
    assert_eq!(error(&attach(&simulator, &server_id(2), &volume_id(1)).await).0, 409, "a plain volume is not shared");
}

async fn power(simulator: &Simulator, what: &str) -> Answer {
    call(simulator, "POST", &format!("/v1/servers/{}/{what}", server_id(1)), "").await
}

async fn server_state(simulator: &Simulator) -> String {
    let server = get(simulator, &format!("/v1/servers/{}", server_id(1))).await.json();
    server["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_server_stops_and_starts() {
    for (name, value, stopping, off, starting) in [
        ("stopped_state", "shutoff", "ACTIVE", "SHUTOFF", "SHUTOFF"),
        ("stopped_state", "stopped", "ACTIVE", "STOPPED", "STOPPED"),
        ("state_while_switching", "named", "STOPPING", "SHUTOFF", "STARTING"),
    ] {
        let simulator = switched(name, value).await;
        assert_eq!(error(&power(&simulator, "start").await).0, 409, "it runs");
        let accepted = power(&simulator, "stop").await;
        assert_eq!((accepted.status, accepted.text.as_str()), (202, ""));
        assert_eq!(server_state(&simulator).await, stopping);
        assert_eq!(error(&power(&simulator, "stop").await).0, 409, "it stops already");
        assert_eq!(error(&attach(&simulator, &server_id(1), &volume_id(1)).await).0, 409, "and is busy with it");
        simulator.advance();
        assert_eq!(server_state(&simulator).await, off);
        assert_eq!(attach(&simulator, &server_id(1), &volume_id(1)).await.status, 202, "off is good enough");
        simulator.advance();
        power(&simulator, "start").await;
        assert_eq!(server_state(&simulator).await, starting);
        simulator.advance();
        assert_eq!(server_state(&simulator).await, "ACTIVE");
    }
}

#[tokio::test]
async fn a_stop_that_fails_leaves_the_server_as_it_was_or_in_error() {
    for (value, state) in [("falls_back", "ACTIVE"), ("error", "ERROR")] {
        let simulator = switched("failed_power", value).await;
        simulator.add_fault(failing("StopVirtualServer"));
        power(&simulator, "stop").await;
        simulator.advance();
        assert_eq!(server_state(&simulator).await, state);
    }
}

#[tokio::test]
async fn a_lock_keeps_a_server_from_being_stopped_and_deleted() {
    let simulator = simulator().await;
    assert_eq!(power(&simulator, "lock").await.status, 202);
    assert_eq!(error(&power(&simulator, "stop").await), (409, "VirtualServer.StopServer.Conflict".to_owned()));
    let target = format!("/v1/servers/{}", server_id(1));
    assert_eq!(error(&call(&simulator, "DELETE", &target, "").await).0, 409);
    assert_eq!(get(&simulator, &target).await.json()["locked"], true);
    power(&simulator, "unlock").await;
    assert_eq!(power(&simulator, "stop").await.status, 202);
}

#[tokio::test]
async fn a_deleted_server_takes_along_the_volumes_marked_for_it_and_frees_the_others() {
    let simulator = simulator().await;
    let (server, id) = pair();
    simulator.edit(|world| world.samsungcloud.attach(&server, &id));
    let of_volume = format!("/v1/volumes/{id}");
    assert_eq!(error(&call(&simulator, "DELETE", &of_volume, "").await).0, 409, "attached");
    assert_eq!(call(&simulator, "DELETE", &format!("/v1/servers/{server}"), "").await.status, 202);
    assert_eq!(get(&simulator, &format!("/v1/volumes/{}", boot_volume_id(1))).await.status, 404);
    assert_eq!(volume(&simulator, &id).await["state"], "available");
    assert_eq!(call(&simulator, "DELETE", &format!("{of_volume}?cascade=true"), "").await.status, 202);
    assert_eq!(get(&simulator, &of_volume).await.status, 404);
}

#[tokio::test]
async fn a_volume_that_is_mounted_does_not_come_off_a_running_server_unharmed() {
    for (value, state, server) in
        [("fails", "in-use", "ACTIVE"), ("hangs", "available", "ERROR"), ("detached", "available", "ACTIVE")]
    {
        let simulator = switched("mounted_detach", value).await;
        let (server_id, id) = pair();
        simulator.edit(|world| {
            world.samsungcloud.attach(&server_id, &id);
            world.samsungcloud.server_mut(&server_id).unwrap().disk_mut(&id).unwrap().mounted = true;
        });
        assert_eq!(detach(&simulator, &server_id, &id).await.status, 202, "the call does not know");
        simulator.advance();
        assert_eq!(volume(&simulator, &id).await["state"], state, "{value}");
        assert_eq!(server_state(&simulator).await, server, "{value}");
    }
    let simulator = simulator().await;
    let (server, id) = pair();
    simulator.edit(|world| {
        world.samsungcloud.attach(&server, &id);
        let server = world.samsungcloud.server_mut(&server).unwrap();
        server.disk_mut(&id).unwrap().mounted = true;
        "SHUTOFF".clone_into(&mut server.state);
    });
    detach(&simulator, &server, &id).await;
    simulator.advance();
    assert_eq!(volume(&simulator, &id).await["state"], "available", "a server that is off lets go");
}

#[tokio::test]
async fn in_automatic_mode_time_finishes_what_was_started() {
    let mut config = Config::default();
    config.samsungcloud.durations = Durations::all(Duration::from_secs(600));
    config.samsungcloud.switches.set("attach_begins", "unchanged").unwrap();
    let simulator = start(config).await;
    let (server, id) = pair();
    attach(&simulator, &server, &id).await;
    assert_eq!(volume(&simulator, &id).await["state"], "available");
    simulator.skip_time(Duration::from_secs(61));
    assert_eq!(volume(&simulator, &id).await["state"], "attaching");
    simulator.skip_time(Duration::from_secs(540));
    assert_eq!(volume(&simulator, &id).await["state"], "in-use");
    let operation = simulator.operations().remove(0);
    assert_eq!(operation.ended.unwrap() - operation.began, Duration::from_secs(600), "exactly when it was due");
}

#[tokio::test]
async fn one_side_alone_can_be_forgotten_behind_the_back() {
    let simulator = simulator().await;
    let (server, id) = pair();
    simulator.edit(|world| {
        world.samsungcloud.attach(&server, &id);
        world.samsungcloud.forget_disk(&server, &id);
    });
    assert_eq!(sight(&simulator, &id).await, seen("in-use", 1, 1));
    assert_eq!(error(&attach(&simulator, &server, &id).await).0, 409);
    assert_eq!(detach(&simulator, &server, &id).await.status, 202);
    simulator.advance();
    assert_eq!(sight(&simulator, &id).await, seen("available", 0, 1));
    simulator.edit(|world| {
        world.samsungcloud.attach(&server, &id);
        world.samsungcloud.delete_server_leaving_records(&server);
    });
    assert_eq!(volume(&simulator, &id).await["servers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_takes_several_volumes_at_a_time_unless_the_switch_says_it_is_busy() {
    for (value, status) in [("allowed", 202), ("conflict", 409)] {
        let simulator = switched("server_busy", value).await;
        let (server, id) = pair();
        simulator.edit(|world| world.samsungcloud.attach(&server, &volume_id(2)));
        assert_eq!(attach(&simulator, &server, &id).await.status, 202);
        for answer in [
            attach(&simulator, &server, &volume_id(3)).await,
            detach(&simulator, &server, &volume_id(2)).await,
            power(&simulator, "stop").await,
        ] {
            assert_eq!(answer.status, status, "{value}: {answer:?}");
        }
        assert_eq!(attach(&simulator, &server_id(2), &volume_id(4)).await.status, 202, "another server is not busy");
        simulator.advance_all();
        let answer = power(&simulator, if value == "conflict" { "stop" } else { "start" }).await;
        assert_eq!(answer.status, 202, "at rest again");
    }
}

#[tokio::test]
async fn a_server_may_need_a_while_after_what_kept_it_busy() {
    let simulator = switched("server_busy", "conflict").await;
    simulator.set_config(|config| config.samsungcloud.durations.cool_down = Duration::from_secs(600));
    let (server, id) = pair();
    attach(&simulator, &server, &id).await;
    simulator.advance_all();
    let refused = detach(&simulator, &server, &id).await;
    assert_eq!(error(&refused), (409, "VirtualServer.DetachVolume.Conflict".to_owned()));
    simulator.skip_time(Duration::from_secs(600));
    assert_eq!(detach(&simulator, &server, &id).await.status, 202);
}
