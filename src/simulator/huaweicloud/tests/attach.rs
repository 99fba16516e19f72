//! Attach and detach of one pair as a client sees them: the way through the states, and every refusal.

use std::time::Duration;

use serde_json::{Value, json};

use super::{simulator, with_switches};
use crate::simulator::huaweicloud::Durations;
use crate::simulator::huaweicloud::built_in::{server_id, shared_volume_id, system_volume_id, volume_id};
use crate::simulator::huaweicloud::switches::*;
use crate::simulator::testing::{attach, block_devices, call, detach, job, manual, start, volume};
use crate::simulator::{Config, Effect, FaultRule, SettleOrder, TransitionMode};

#[tokio::test]
async fn an_attach_goes_from_init_through_running_to_success_and_both_sides_agree() {
    let simulator = simulator().await;
    let (server, disk) = (server_id(1), volume_id(1));
    let accepted = attach(&simulator, &server, &disk).await;
    assert_eq!(accepted.status, 200);
    assert_eq!(accepted.header("x-request-id").map(str::len), Some(32));

    let first = job(&simulator, &accepted).await;
    assert_eq!((&first["status"], &first["job_type"]), (&json!("INIT"), &json!("attachVolume")));
    assert_eq!((&first["end_time"], &first["error_code"]), (&json!(""), &Value::Null));
    assert_eq!(first["entities"], json!({"server_id": server}));
    assert_eq!(volume(&simulator, &disk).await["status"], "attaching");
    let listed = block_devices(&simulator, &server).await;
    assert_eq!((&listed[1]["device"], &listed[1]["pciAddress"]), (&json!("/dev/vdb"), &json!("")));

    assert!(simulator.advance());
    assert_eq!(job(&simulator, &accepted).await["status"], "RUNNING");
    assert!(simulator.advance());
    let last = job(&simulator, &accepted).await;
    assert_eq!((&last["status"], &last["fail_reason"]), (&json!("SUCCESS"), &Value::Null));
    assert!(last["end_time"].as_str().unwrap().ends_with('Z'));
    assert!(!simulator.advance(), "nothing is left to do");

    let record = volume(&simulator, &disk).await;
    assert_eq!(record["status"], "in-use");
    assert_eq!(record["attachments"][0]["server_id"], *server);
    assert_eq!(record["attachments"][0]["id"], *disk, "EVS gives the volume's id here");
    assert_ne!(record["attachments"][0]["attachment_id"], *disk);
    let listed = block_devices(&simulator, &server).await;
    assert_eq!((&listed[1]["pciAddress"], &listed[1]["bootIndex"]), (&json!("0000:02:02.0"), &json!(1)));
    assert!(simulator.world(|world| world.huaweicloud.is_attached(&server, &disk)));
}

#[tokio::test]
async fn a_detach_goes_the_same_way_back() {
    let simulator = simulator().await;
    let (server, disk) = (server_id(1), volume_id(1));
    simulator.edit(|world| world.huaweicloud.attach(&server, &disk));
    let accepted = detach(&simulator, &server, &disk).await;
    assert_eq!(volume(&simulator, &disk).await["status"], "detaching");
    assert_eq!(block_devices(&simulator, &server).await.len(), 2, "still listed");
    simulator.advance_all();
    assert_eq!(job(&simulator, &accepted).await["status"], "SUCCESS");
    let record = volume(&simulator, &disk).await;
    assert_eq!((&record["status"], &record["attachments"]), (&json!("available"), &json!([])));
    assert_eq!(block_devices(&simulator, &server).await.len(), 1);
}

#[tokio::test]
async fn a_job_may_show_on_neither_side_before_it_runs() {
    let simulator = with_switches(|s| s.job_begins = JobBegins::WhenRunning).await;
    let (server, disk) = (server_id(1), volume_id(1));
    let sight = || async {
        let record = volume(&simulator, &disk).await;
        let attachments = record["attachments"].as_array().unwrap().len();
        let listed = block_devices(&simulator, &server).await.len();
        (record["status"].as_str().unwrap().to_owned(), attachments, listed)
    };
    let accepted = attach(&simulator, &server, &disk).await;
    assert_eq!(job(&simulator, &accepted).await["status"], "INIT");
    assert_eq!(sight().await, ("available".to_owned(), 0, 1), "as before");
    assert_eq!(attach(&simulator, &server, &volume_id(2)).await.error().1, "Ecs.0100", "but the server is busy");
    assert_eq!(attach(&simulator, &server_id(2), &disk).await.error().1, "Ecs.0103", "and so is the volume");
    simulator.advance();
    assert_eq!(job(&simulator, &accepted).await["status"], "RUNNING");
    assert_eq!(sight().await, ("attaching".to_owned(), 1, 2));
    simulator.advance();
    assert_eq!(sight().await, ("in-use".to_owned(), 1, 2));

    let accepted = detach(&simulator, &server, &disk).await;
    assert_eq!(sight().await, ("in-use".to_owned(), 1, 2), "as before");
    assert_eq!(detach(&simulator, &server, &disk).await.error().1, "Ecs.0100");
    simulator.advance();
    assert_eq!(sight().await, ("detaching".to_owned(), 1, 2));
    simulator.advance();
    assert_eq!((job(&simulator, &accepted).await["status"].clone(), sight().await.1), (json!("SUCCESS"), 0));
}

#[tokio::test]
async fn in_automatic_mode_time_ends_the_job() {
    let mut config = Config { mode: TransitionMode::Auto, ..manual() };
    config.huaweicloud.durations = Durations::all(Duration::from_secs(60));
    let simulator = start(config).await;
    let accepted = attach(&simulator, &server_id(1), &volume_id(1)).await;
    assert_eq!(job(&simulator, &accepted).await["status"], "INIT");
    simulator.skip_time(Duration::from_secs(6));
    assert_eq!(job(&simulator, &accepted).await["status"], "RUNNING");
    simulator.skip_time(Duration::from_secs(54));
    assert_eq!(job(&simulator, &accepted).await["status"], "SUCCESS");
    let job = &simulator.jobs()[0];
    assert_eq!(job.ended.unwrap() - job.began, Duration::from_secs(60), "to the moment, whenever somebody looks");
}

#[tokio::test]
async fn with_a_lag_the_lists_follow_in_the_order_asked_for() {
    for (order, after_job) in [
        (SettleOrder::Together, (true, false, false)),
        (SettleOrder::ServerFirst, (true, true, false)),
        (SettleOrder::VolumeFirst, (true, false, true)),
        (SettleOrder::JobLast, (false, true, true)),
    ] {
        let config = Config { settle_lag: Duration::from_secs(1), settle_order: order, ..manual() };
        let simulator = start(config).await;
        let (server, disk) = (server_id(1), volume_id(1));
        let accepted = attach(&simulator, &server, &disk).await;
        simulator.advance();
        simulator.advance();
        let seen = (
            job(&simulator, &accepted).await["status"] == "SUCCESS",
            block_devices(&simulator, &server).await[1]["pciAddress"] != "",
            volume(&simulator, &disk).await["status"] == "in-use",
        );
        assert_eq!(seen, after_job, "{order:?}");
        simulator.advance();
        assert_eq!(job(&simulator, &accepted).await["status"], "SUCCESS", "{order:?}");
        assert!(simulator.world(|world| world.huaweicloud.is_attached(&server, &disk)), "{order:?}");
    }
}

async fn attach_body(
    simulator: &crate::simulator::Simulator,
    server: &str,
    body: &Value,
) -> crate::simulator::testing::Answer {
    call(simulator, "POST", &format!("/v1/{{p}}/cloudservers/{server}/attachvolume"), &body.to_string()).await
}

#[tokio::test]
async fn attach_is_refused_with_the_documented_code_for_each_rule() {
    let simulator = simulator().await;
    simulator.edit(|world| {
        let world = &mut world.huaweicloud;
        world.attach(&server_id(1), &volume_id(1));
        world.server_mut(&server_id(2)).unwrap().task_state = Some("rebooting".to_owned());
        world.server_mut(&server_id(5)).unwrap().max_disks = 1;
        world.volume_mut(&volume_id(4)).unwrap().status = "error".to_owned();
        let former = world.volume_mut(&volume_id(8)).unwrap();
        former.bootable = true;
        former.metadata.insert("__system__server_id".to_owned(), server_id(1));
    });
    let nobody = server_id(99);
    for (server, volume, status, code, why) in [
        (&nobody, volume_id(2), 404, "Ecs.0114", "no such server"),
        (&server_id(1), volume_id(99), 400, "Ecs.0103", "no such volume"),
        (&server_id(1), volume_id(1), 400, "Ecs.0057", "already here"),
        (&server_id(3), volume_id(1), 400, "Ecs.0103", "held by another server"),
        (&server_id(1), volume_id(4), 400, "Ecs.0103", "wrong state"),
        (&server_id(1), volume_id(5), 400, "Ecs.0121", "another zone"),
        (&server_id(6), volume_id(2), 400, "Ecs.0605", "locked"),
        (&server_id(2), volume_id(2), 400, "Ecs.0100", "rebooting"),
        (&server_id(5), volume_id(2), 400, "Ecs.0104", "full"),
        (&server_id(3), volume_id(8), 400, "Ecs.0017", "another server's system volume"),
    ] {
        assert_eq!(attach(&simulator, server, &volume).await.error(), (status, code.to_owned()), "{why}");
    }
    let taken = json!({"volumeAttachment": {"volumeId": volume_id(2), "device": "/dev/sdb"}});
    assert_eq!(
        attach_body(&simulator, &server_id(1), &taken).await.error(),
        (400, "Ecs.0005".to_owned()),
        "name taken"
    );
    let nothing = call(&simulator, "POST", &format!("/v1/{{p}}/cloudservers/{}/attachvolume", server_id(1)), "").await;
    assert_eq!(nothing.error(), (400, "Common.0002".to_owned()));
    for body in [json!({}), json!({"volumeAttachment": {}}), json!({"volumeAttachment": {"volumeId": 7}})] {
        assert_eq!(attach_body(&simulator, &server_id(1), &body).await.error(), (400, "Ecs.0005".to_owned()), "{body}");
    }
    assert!(simulator.jobs().is_empty(), "no refusal started a job");
}

#[tokio::test]
async fn detach_is_refused_with_the_documented_code_for_each_rule() {
    let simulator = simulator().await;
    simulator.edit(|world| world.huaweicloud.attach(&server_id(6), &volume_id(1)));
    for (server, volume, status, code, why) in [
        (server_id(99), volume_id(2), 404, "Ecs.0114", "no such server"),
        (server_id(1), volume_id(2), 400, "Ecs.0111", "not attached"),
        (server_id(1), volume_id(99), 400, "Ecs.0111", "no such volume"),
        (server_id(1), system_volume_id(1), 400, "Ecs.0102", "system volume online"),
        (server_id(6), volume_id(1), 400, "Ecs.0605", "locked"),
    ] {
        assert_eq!(detach(&simulator, &server, &volume).await.error(), (status, code.to_owned()), "{why}");
    }
    let path = format!("/v1/{{p}}/cloudservers/{}/detachvolume/{}?delete_flag=yes", server_id(1), volume_id(1));
    assert_eq!(call(&simulator, "DELETE", &path, "").await.error(), (400, "Ecs.0005".to_owned()));
    let offline = detach(&simulator, &server_id(3), &system_volume_id(3)).await;
    assert_eq!(offline.status, 200, "a system volume may leave a server that is off");
}

#[tokio::test]
async fn the_switches_give_the_other_answers() {
    type Change = fn(&mut Switches);
    let missing_server: [(Change, u16, &str); 2] = [
        (|s| s.missing_server = MissingServer::Ecs0614, 404, "Ecs.0614"),
        (|s| s.missing_server = MissingServer::Ecs1000, 400, "Ecs.1000"),
    ];
    for (change, status, code) in missing_server {
        let simulator = with_switches(change).await;
        let answer = attach(&simulator, &server_id(99), &volume_id(1)).await;
        assert_eq!(answer.error(), (status, code.to_owned()));
        assert_eq!(answer.text.contains("itemNotFound"), code == "Ecs.1000");
    }
    let simulator = with_switches(|s| s.not_attached = NotAttached::Ecs1000).await;
    let answer = detach(&simulator, &server_id(1), &volume_id(1)).await;
    assert!(answer.error() == (400, "Ecs.1000".to_owned()) && answer.text.contains("itemNotFound"));

    let simulator = with_switches(|s| s.full_server = FullServer::Ecs0042).await;
    simulator.edit(|world| world.huaweicloud.server_mut(&server_id(1)).unwrap().max_vbd = 1);
    assert_eq!(attach(&simulator, &server_id(1), &volume_id(1)).await.error(), (400, "Ecs.0042".to_owned()));

    let simulator = with_switches(|s| s.accepted_status = AcceptedStatus::Accepted).await;
    assert_eq!(attach(&simulator, &server_id(1), &volume_id(1)).await.status, 202);

    let simulator = with_switches(|s| s.accepted_status = AcceptedStatus::NoContent).await;
    let accepted = attach(&simulator, &server_id(1), &volume_id(1)).await;
    assert_eq!((accepted.status, accepted.text.as_str(), simulator.jobs().len()), (204, "", 1));

    let simulator = with_switches(|s| s.volume_refusal = VolumeRefusal::FailedJob).await;
    let accepted = attach(&simulator, &server_id(1), &volume_id(99)).await;
    simulator.advance_all();
    let job = job(&simulator, &accepted).await;
    assert_eq!((&job["status"], &job["error_code"]), (&json!("FAIL"), &json!("Ecs.0205")));
}

#[tokio::test]
async fn jobs_are_shown_as_the_switches_say() {
    let simulator = with_switches(|s| {
        s.initial_job_status = InitialJobStatus::Running;
        s.job_end_time = JobEndTime::Null;
        s.job_volume_id = JobVolumeId::Present;
    })
    .await;
    let accepted = attach(&simulator, &server_id(1), &volume_id(1)).await;
    let shown = job(&simulator, &accepted).await;
    assert_eq!((&shown["status"], &shown["end_time"]), (&json!("RUNNING"), &Value::Null));
    assert_eq!(shown["entities"]["volume_id"], volume_id(1));
    assert_eq!(simulator.advance_all(), 1, "no step from INIT");
}

#[tokio::test]
async fn a_job_can_be_asked_for_until_its_retention_ends() {
    let simulator = simulator().await;
    let accepted = attach(&simulator, &server_id(1), &volume_id(1)).await;
    let path = format!("/v1/{{p}}/jobs/{}", accepted.json()["job_id"].as_str().unwrap());
    simulator.advance_all();
    simulator.skip_time(Duration::from_secs(23 * 3600));
    assert_eq!(call(&simulator, "GET", &path, "").await.status, 200);
    simulator.skip_time(Duration::from_secs(2 * 3600));
    assert_eq!(call(&simulator, "GET", &path, "").await.error(), (400, "Common.0011".to_owned()));
    simulator.set_switches(|s| s.unknown_job = UnknownJob::NotFound);
    assert_eq!(call(&simulator, "GET", &path, "").await.error(), (404, "Common.0011".to_owned()));
}

#[tokio::test]
async fn a_server_takes_one_operation_at_a_time() {
    type Expected = (u16, &'static str);
    let cases: [(ServerConflict, Expected); 2] =
        [(ServerConflict::Ecs0100, (400, "Ecs.0100")), (ServerConflict::Ecs0603, (501, "Ecs.0603"))];
    for (conflict, (status, code)) in cases {
        let simulator = with_switches(|s| s.server_conflict = conflict).await;
        attach(&simulator, &server_id(1), &volume_id(1)).await;
        let second = attach(&simulator, &server_id(1), &volume_id(2)).await;
        assert_eq!(second.error(), (status, code.to_owned()));
        assert_eq!(attach(&simulator, &server_id(2), &volume_id(2)).await.status, 200, "another server is free");
        simulator.advance_all();
        assert_eq!(attach(&simulator, &server_id(1), &volume_id(3)).await.status, 200, "and this one later");
    }
    let simulator = with_switches(|s| s.server_conflict = ServerConflict::FailedJob).await;
    attach(&simulator, &server_id(1), &volume_id(1)).await;
    let second = attach(&simulator, &server_id(1), &volume_id(2)).await;
    simulator.advance_all();
    assert_eq!(job(&simulator, &second).await["error_code"], "Ecs.0100");
    assert_eq!(volume(&simulator, &volume_id(2)).await["status"], "available", "untouched");

    let simulator = with_switches(|s| s.server_conflict = ServerConflict::Allowed).await;
    attach(&simulator, &server_id(1), &volume_id(1)).await;
    assert_eq!(attach(&simulator, &server_id(1), &volume_id(2)).await.status, 200);
}

#[tokio::test]
async fn a_shared_volume_takes_one_operation_at_a_time() {
    let shared = shared_volume_id(1);
    let prepared = |conflict| async move {
        let simulator = with_switches(|s| s.volume_conflict = conflict).await;
        simulator.edit(|world| (1..=2).for_each(|n| world.huaweicloud.attach(&server_id(n), &shared_volume_id(1))));
        detach(&simulator, &server_id(1), &shared_volume_id(1)).await;
        simulator
    };
    let simulator = prepared(VolumeConflict::Ecs0103).await;
    assert_eq!(detach(&simulator, &server_id(2), &shared).await.error(), (400, "Ecs.0103".to_owned()));
    assert_eq!(attach(&simulator, &server_id(3), &shared).await.error(), (400, "Ecs.0103".to_owned()));
    simulator.advance_all();
    assert_eq!(volume(&simulator, &shared).await["status"], "in-use", "the second server still has it");
    let simulator = prepared(VolumeConflict::Ecs0603).await;
    assert_eq!(detach(&simulator, &server_id(2), &shared).await.error(), (501, "Ecs.0603".to_owned()));
    assert_eq!(attach(&simulator, &server_id(3), &shared).await.error(), (501, "Ecs.0603".to_owned()));
    let simulator = prepared(VolumeConflict::FailedJob).await;
    let second = detach(&simulator, &server_id(2), &shared).await;
    let third = attach(&simulator, &server_id(3), &shared).await;
    simulator.advance_all();
    assert_eq!(job(&simulator, &second).await["error_code"], "Ecs.0103");
    assert_eq!(job(&simulator, &third).await["error_code"], "Ecs.0103");
    let simulator = prepared(VolumeConflict::Allowed).await;
    assert_eq!(detach(&simulator, &server_id(2), &shared).await.status, 200);
    assert_eq!(attach(&simulator, &server_id(3), &shared).await.status, 200);
    simulator.advance_all();
    let record = volume(&simulator, &shared).await;
    assert_eq!((&record["status"], record["attachments"].as_array().map(Vec::len)), (&json!("in-use"), Some(1)));

    simulator.set_switches(|s| s.job_begins = JobBegins::WhenRunning);
    simulator.set_switches(|s| s.volume_conflict = VolumeConflict::Ecs0103);
    simulator.edit(|world| world.huaweicloud.attach(&server_id(1), &shared_volume_id(1)));
    detach(&simulator, &server_id(3), &shared).await;
    assert_eq!(volume(&simulator, &shared).await["status"], "in-use", "nothing shows the job");
    assert_eq!(detach(&simulator, &server_id(1), &shared).await.error(), (400, "Ecs.0103".to_owned()));
}

#[tokio::test]
async fn a_volume_of_one_server_is_not_shared_by_allowing_conflicts_and_a_reservation_is_none() {
    let simulator = with_switches(|s| s.volume_conflict = VolumeConflict::Allowed).await;
    attach(&simulator, &server_id(1), &volume_id(1)).await;
    assert_eq!(attach(&simulator, &server_id(2), &volume_id(1)).await.error(), (400, "Ecs.0103".to_owned()));
    simulator.edit(|world| {
        "attaching".clone_into(&mut world.huaweicloud.volume_mut(&shared_volume_id(1)).unwrap().status);
    });
    assert_eq!(attach(&simulator, &server_id(3), &shared_volume_id(1)).await.error(), (400, "Ecs.0103".to_owned()));
}

#[tokio::test]
async fn a_failed_job_says_why_and_leaves_what_the_switch_says() {
    let fails = |operation| {
        let effect = Effect::JobFails { code: "Ecs.0205".to_owned(), reason: "Failed to attach.".to_owned() };
        FaultRule::new(operation, effect)
    };
    for (switch, status) in [(FailedAttach::Restored, "available"), (FailedAttach::Error, "error")] {
        let simulator = with_switches(|s| s.failed_attach = switch).await;
        simulator.add_fault(fails("AttachServerVolume"));
        let accepted = attach(&simulator, &server_id(1), &volume_id(1)).await;
        assert_eq!(job(&simulator, &accepted).await["error_code"], Value::Null, "not known before the end");
        simulator.advance_all();
        let shown = job(&simulator, &accepted).await;
        assert_eq!((&shown["status"], &shown["fail_reason"]), (&json!("FAIL"), &json!("Failed to attach.")));
        let record = volume(&simulator, &volume_id(1)).await;
        assert_eq!((&record["status"], &record["attachments"]), (&json!(status), &json!([])));
        assert_eq!(block_devices(&simulator, &server_id(1)).await.len(), 1);
    }
    for (switch, status) in [(FailedDetach::InUse, "in-use"), (FailedDetach::ErrorDetaching, "error_detaching")] {
        let simulator = with_switches(|s| s.failed_detach = switch).await;
        simulator.edit(|world| world.huaweicloud.attach(&server_id(1), &volume_id(1)));
        simulator.add_fault(fails("DetachServerVolume"));
        detach(&simulator, &server_id(1), &volume_id(1)).await;
        simulator.advance_all();
        assert_eq!(volume(&simulator, &volume_id(1)).await["status"], status);
        assert_eq!(block_devices(&simulator, &server_id(1)).await.len(), 2);
    }
}

#[tokio::test]
async fn an_attachment_under_way_is_listed_or_hidden() {
    let simulator = with_switches(|s| {
        s.attaching_in_ecs = AttachingInEcs::Hidden;
        s.attaching_in_evs = AttachingInEvs::Hidden;
    })
    .await;
    attach(&simulator, &server_id(1), &volume_id(1)).await;
    assert_eq!(block_devices(&simulator, &server_id(1)).await.len(), 1);
    let record = volume(&simulator, &volume_id(1)).await;
    assert_eq!((&record["status"], &record["attachments"]), (&json!("attaching"), &json!([])));
    simulator.set_switches(|s| *s = Switches::default());
    assert_eq!(block_devices(&simulator, &server_id(1)).await.len(), 2);
    assert_eq!(volume(&simulator, &volume_id(1)).await["attachments"][0]["server_id"], server_id(1));
}

#[tokio::test]
async fn device_names_are_rewritten_ignored_or_honoured() {
    for (names, given) in
        [(DeviceNames::Rules, "/dev/vdk"), (DeviceNames::Ignored, "/dev/vdb"), (DeviceNames::Honoured, "/dev/sdk")]
    {
        let simulator = with_switches(|s| s.device_names = names).await;
        let body = json!({"volumeAttachment": {"volumeId": volume_id(1), "device": "/dev/sdk"}});
        attach_body(&simulator, &server_id(1), &body).await;
        simulator.advance_all();
        assert_eq!(volume(&simulator, &volume_id(1)).await["attachments"][0]["device"], given);
        assert_eq!(block_devices(&simulator, &server_id(1)).await[1]["device"], given);
    }
}

#[tokio::test]
async fn xen_and_system_volumes_want_a_device_name() {
    let simulator = simulator().await;
    assert_eq!(attach(&simulator, &server_id(5), &volume_id(1)).await.error(), (400, "Ecs.0005".to_owned()));
    let body = json!({"volumeAttachment": {"volumeId": volume_id(1), "device": "/dev/vdb"}});
    attach_body(&simulator, &server_id(5), &body).await;
    simulator.advance_all();
    assert_eq!(block_devices(&simulator, &server_id(5)).await[1]["device"], "/dev/sdb");

    let (server, system) = (server_id(3), system_volume_id(3));
    simulator.edit(|world| world.huaweicloud.detach(&server, &system));
    assert_eq!(attach(&simulator, &server, &system).await.error(), (400, "Ecs.0005".to_owned()));
    let body = json!({"volumeAttachment": {"volumeId": system, "device": "/dev/sda"}});
    attach_body(&simulator, &server, &body).await;
    simulator.advance_all();
    let disk = &block_devices(&simulator, &server).await[0];
    assert_eq!((&disk["device"], &disk["bootIndex"]), (&json!("/dev/vda"), &json!(0)));
}

#[tokio::test]
async fn a_dry_run_checks_and_changes_nothing() {
    let simulator = simulator().await;
    let dry = |volume: String| json!({"volumeAttachment": {"volumeId": volume}, "dry_run": true});
    let passed = attach_body(&simulator, &server_id(1), &dry(volume_id(1))).await;
    assert_eq!((passed.status, passed.text.as_str()), (200, "{}"));
    let failed = attach_body(&simulator, &server_id(1), &dry(volume_id(5))).await;
    assert_eq!(failed.error(), (400, "Ecs.0121".to_owned()));
    let new_disk = json!({
        "volumeAttachment": {"volume_type": "SSD", "hw:passthrough": "false", "count": 2}, "dry_run": true,
    });
    assert_eq!(attach_body(&simulator, &server_id(1), &new_disk).await.status, 200);
    let too_many = json!({
        "volumeAttachment": {"volume_type": "SSD", "hw:passthrough": "false", "count": 24}, "dry_run": true,
    });
    assert_eq!(attach_body(&simulator, &server_id(1), &too_many).await.error(), (400, "Ecs.0104".to_owned()));
    assert!(simulator.jobs().is_empty());
    simulator.set_switches(|s| s.dry_run_reply = DryRunReply::EmptyBody);
    assert_eq!(attach_body(&simulator, &server_id(1), &dry(volume_id(1))).await.text, "");
}

#[tokio::test]
async fn a_mounted_disk_leaves_online_only_by_force_and_its_place_stays_occupied() {
    let simulator = simulator().await;
    let (server, disk) = (server_id(1), volume_id(1));
    simulator.edit(|world| {
        world.huaweicloud.attach(&server, &disk);
        world.huaweicloud.server_mut(&server).unwrap().disk_mut(&disk).unwrap().mounted = true;
    });
    let accepted = detach(&simulator, &server, &disk).await;
    simulator.advance_all();
    assert_eq!(job(&simulator, &accepted).await["status"], "FAIL");

    let forced = format!("/v1/{{p}}/cloudservers/{server}/detachvolume/{disk}?delete_flag=1");
    let accepted = call(&simulator, "DELETE", &forced, "").await;
    simulator.advance_all();
    assert_eq!(job(&simulator, &accepted).await["status"], "SUCCESS");
    attach(&simulator, &server, &volume_id(2)).await;
    simulator.advance_all();
    let devices = block_devices(&simulator, &server).await;
    assert_eq!(devices[1]["device"], "/dev/vdc", "vdb is still occupied");
}

#[tokio::test]
async fn a_locked_volume_fails_to_detach_in_the_job() {
    let simulator = simulator().await;
    simulator.edit(|world| world.huaweicloud.attach(&server_id(1), &volume_id(7)));
    let accepted = detach(&simulator, &server_id(1), &volume_id(7)).await;
    simulator.advance_all();
    assert_eq!(job(&simulator, &accepted).await["error_code"], "EVS.2068");
}

#[tokio::test]
async fn what_vanishes_during_an_attach_fails_the_job() {
    let simulator = simulator().await;
    let accepted = attach(&simulator, &server_id(1), &volume_id(1)).await;
    simulator.edit(|world| world.huaweicloud.delete_volume(&volume_id(1)));
    simulator.advance_all();
    assert_eq!(job(&simulator, &accepted).await["error_code"], "Ecs.0205");
}
