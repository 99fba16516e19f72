//! Batches that do not go well: each server is judged by itself, by what the cloud lists, and nothing is sent twice.

use std::time::Duration;

use cloudvolume::simulator::{
    Config, Effect, FaultRule,
    fault::ThrottleStyle,
    huaweicloud::{
        Durations, Switches,
        built_in::{server_id, shared_volume_id},
    },
};

use crate::{
    failures::lost_answers,
    support::{fleet::Fleet, run::Failure},
};

const SERVERS: usize = 16;
/// A job's code and what it says.
type Reason = (&'static str, &'static str);
/// The server whose part goes wrong.
const BAD: usize = 7;
const IN_USE: Reason = ("Ecs.0206", "the guest is using the disk");
const BROKEN: Reason = ("Ecs.0205", "the hypervisor refused the disk");
const ATTACH: &str = "BatchAttachSharableVolumes";
const DETACH: &str = "BatchDetachVolumes";

#[tokio::test]
async fn one_bad_member_of_a_detach_fails_alone_and_with_its_own_reason() {
    bad_members(DETACH, &[(BAD, IN_USE)], |_| ()).await.never_says("Common.0021");
}

#[tokio::test]
async fn one_bad_member_of_an_attach_fails_alone_and_with_its_own_reason() {
    bad_members(ATTACH, &[(BAD, IN_USE)], |_| ()).await.never_says("Common.0021");
}

#[tokio::test]
async fn several_bad_members_fail_each_with_its_own_reason() {
    for operation in [ATTACH, DETACH] {
        let bad = [(1, BROKEN), (9, IN_USE), (SERVERS, ("Ecs.0218", "the disk is being backed up"))];
        bad_members(operation, &bad, |_| ()).await.never_says("Common.0021");
    }
}

#[tokio::test]
async fn a_batch_that_says_success_is_not_believed_for_the_member_that_failed() {
    for operation in [ATTACH, DETACH] {
        bad_members(operation, &[(BAD, BROKEN)], |config| switch(config, "partial_batch", "parent_succeeds")).await;
    }
}

#[tokio::test]
async fn a_batch_that_says_no_more_than_that_it_failed_is_sorted_out_by_what_is_listed() {
    for operation in [ATTACH, DETACH] {
        let change = |config: &mut Config| switch(config, "partial_batch", "no_sub_jobs");
        let run = let_fail(operation, &[(BAD, IN_USE)], change).await;
        run.says(&["Common.0021", "Subjob fails", &server_id(BAD), &shared_volume_id(1)]);
    }
}

#[tokio::test]
async fn a_batch_whose_job_is_gone_is_sorted_out_by_what_is_listed() {
    let fleet = Fleet::with(4, |config| config.huaweicloud.job_retention = Duration::ZERO).await.with_slow_looks();
    for operation in [ATTACH, DETACH] {
        fleet.stage.cloud.add_fault(FaultRule::new(operation, fails(IN_USE)).server(&server_id(2)).times(1));
    }
    fleet.apply().await.succeeds();
    assert_eq!(fleet.on_servers(), fleet.all());
    fleet.destroy().await.succeeds();
    assert_eq!((fleet.on_servers(), fleet.in_state()), (vec![], vec![]));
    // Nobody could say why the second server was left out, so it alone was asked for again.
    assert_eq!(fleet.stage.mutations(), [ATTACH, "AttachServerVolume", DETACH, "DetachServerVolume"]);
}

#[tokio::test]
async fn an_attach_that_is_refused_as_a_whole_costs_only_the_server_that_cannot() {
    let fleet = Fleet::with(SERVERS, |config| switch(config, "bad_batch_member", "whole_refused")).await;
    fleet.stage.cloud.edit(|world| world.huaweicloud.server_mut(&server_id(BAD)).unwrap().max_disks = 1);
    fleet.apply().await.fails().with_errors(1).says(&["Ecs.0104", &server_id(BAD)]);
    assert_eq!((fleet.in_state(), fleet.on_servers()), (fleet.all_but(BAD), fleet.all_but(BAD)));
    fleet.worked_once_on_each_of(&fleet.all_but(BAD), 1);
}

#[tokio::test]
async fn a_detach_that_is_refused_as_a_whole_costs_only_the_server_that_cannot() {
    let fleet = Fleet::new(SERVERS).await.attached().await;
    // A policy may depend on a server's tags.
    for operation in [DETACH, "DetachServerVolume"] {
        let denied = error(403, "Pdp.0001", "Policy does not allow ecs:cloudServers:detachVolume to be performed.");
        fleet.stage.cloud.add_fault(FaultRule::new(operation, denied).server(&server_id(BAD)));
    }
    fleet.destroy().await.fails().with_errors(1).says(&["Pdp.0001", "ecs:cloudServers:detachVolume", &server_id(BAD)]);
    assert_eq!((fleet.in_state(), fleet.on_servers()), (vec![BAD], vec![BAD]));
    fleet.worked_once_on_each_of(&fleet.all_but(BAD), 2);
}

#[tokio::test]
async fn a_batch_that_is_refused_whoever_is_in_it_goes_singly() {
    let fleet = Fleet::new(4).await.with_slow_looks();
    let refused = |operation| FaultRule::new(operation, error(400, "Ecs.0005", "Invalid parameter values."));
    fleet.stage.cloud.add_fault(refused(ATTACH));
    fleet.stage.cloud.add_fault(refused(DETACH));
    fleet.apply().await.succeeds();
    assert_eq!(fleet.on_servers(), fleet.all());
    fleet.destroy().await.succeeds();
    assert_eq!((fleet.on_servers(), fleet.in_state()), (vec![], vec![]));
    fleet.worked_once_on_each(2);
    let singly = ["AttachServerVolume", "DetachServerVolume"].map(|operation| fleet.stage.cloud.count(operation));
    assert_eq!(singly, [4, 4]);
    fleet.stage.every_fault_fired();
}

#[tokio::test]
async fn a_cloud_without_the_batch_calls_is_asked_for_them_once_and_then_singly() {
    for routes in ["none", "attach_only"] {
        let fleet = Fleet::with(6, |config| switch(config, "batch_routes", routes)).await.with_slow_looks();
        // Two at a time, so that there is more than one occasion.
        fleet.start("apply", 2).finish().await.succeeds();
        fleet.start("destroy", 2).finish().await.succeeds();
        assert_eq!((fleet.on_servers(), fleet.in_state()), (vec![], vec![]));
        fleet.worked_once_on_each(2);
        let journal = fleet.stage.cloud.journal();
        let answers = |operation| journal.of(operation).map(|call| call.status.unwrap_or_default()).collect::<Vec<_>>();
        if routes == "none" {
            assert_eq!(answers(ATTACH), [404]);
        } else {
            assert!(answers(ATTACH).contains(&200) && answers(ATTACH).iter().all(|status| *status == 200));
        }
        assert_eq!(answers(DETACH), [404]);
    }
}

#[tokio::test]
async fn a_batch_whose_answer_is_lost_is_not_sent_again_for_those_it_reached() {
    for effect in lost_answers() {
        let fleet = Fleet::new(4).await.with_slow_looks();
        for operation in [ATTACH, DETACH] {
            fleet.stage.cloud.add_fault(FaultRule::new(operation, effect.clone()).after().times(1));
        }
        fleet.apply().await.succeeds();
        assert_eq!(fleet.on_servers(), fleet.all());
        fleet.destroy().await.succeeds();
        assert_eq!((fleet.on_servers(), fleet.in_state()), (vec![], vec![]));
        assert_eq!(fleet.stage.mutations(), [ATTACH, DETACH], "{effect:?}");
        fleet.stage.every_fault_fired();
    }
}

#[tokio::test]
async fn a_batch_whose_answer_is_lost_and_that_failed_for_one_is_an_error_for_that_one_alone() {
    // Long enough that everybody sees it begin.
    let fleet = Fleet::with(4, |config| config.huaweicloud.durations = Durations::all(Duration::from_secs(3)))
        .await
        .with_slow_looks();
    for operation in [ATTACH, DETACH] {
        fleet.stage.cloud.add_fault(FaultRule::new(operation, fails(IN_USE)).server(&server_id(2)).times(1));
        fleet.stage.cloud.add_fault(FaultRule::new(operation, Effect::ResetAfter).times(1));
    }
    // It was seen beginning and then not to be there: nobody knows why, so it is not tried again unasked.
    fleet.apply().await.fails().with_errors(1).says(&[&server_id(2)]);
    assert_eq!((fleet.on_servers(), fleet.in_state()), (fleet.all_but(2), fleet.all_but(2)));
    fleet.apply().await.succeeds().says(&["1 added, 0 changed, 0 destroyed"]);
    fleet.destroy().await.succeeds();
    assert_eq!((fleet.on_servers(), fleet.in_state()), (vec![], vec![]));
    assert_eq!(fleet.stage.mutations(), [ATTACH, "AttachServerVolume", DETACH, "DetachServerVolume"]);
}

#[tokio::test]
async fn a_batch_that_never_arrived_is_sent_again_once_nothing_of_it_shows() {
    let fleet = Fleet::new(4).await;
    for operation in [ATTACH, DETACH] {
        fleet.stage.cloud.add_fault(FaultRule::new(operation, Effect::ResetBefore).times(1));
    }
    fleet.apply().await.succeeds();
    fleet.destroy().await.succeeds();
    assert_eq!((fleet.on_servers(), fleet.in_state()), (vec![], vec![]));
    fleet.worked_once_on_each(2);
    fleet.stage.every_fault_fired();
}

#[tokio::test]
async fn throttled_batches_are_sent_again_together() {
    let fleet = Fleet::new(4).await.with_slow_looks();
    for operation in [ATTACH, DETACH] {
        for style in [ThrottleStyle::Gateway, ThrottleStyle::Accepted] {
            let throttle = Effect::Throttle { style, retry_after: Some(0) };
            fleet.stage.cloud.add_fault(FaultRule::new(operation, throttle).times(1));
        }
    }
    fleet.apply().await.succeeds();
    fleet.destroy().await.succeeds();
    assert_eq!(fleet.stage.mutations(), [ATTACH, ATTACH, ATTACH, DETACH, DETACH, DETACH]);
}

/// Lets members of sixteen fail, and checks who is left and that each of the others is told its own reason.
async fn bad_members(operation: &str, bad: &[(usize, Reason)], change: impl FnOnce(&mut Config)) -> Failure {
    let run = let_fail(operation, bad, change).await;
    for (server, (code, reason)) in bad {
        let error = run.about(&server_id(*server));
        assert!([*code, *reason, &shared_volume_id(1)].iter().all(|words| error.contains(words)), "{error}");
        let others = bad.iter().filter(|(other, _)| other != server);
        assert!(!others.map(|(_, (code, _))| code).any(|code| error.contains(code)), "{error}");
    }
    run
}

/// Lets members of sixteen fail, and checks who is left.
async fn let_fail(operation: &str, bad: &[(usize, Reason)], change: impl FnOnce(&mut Config)) -> Failure {
    let fleet = Fleet::with(SERVERS, change).await.with_slow_looks();
    let add_faults = || {
        for (server, reason) in bad {
            fleet.stage.cloud.add_fault(FaultRule::new(operation, fails(*reason)).server(&server_id(*server)));
        }
    };
    let servers: Vec<usize> = bad.iter().map(|(server, _)| *server).collect();
    let (run, left) = if operation == ATTACH {
        add_faults();
        (fleet.apply().await, fleet.all().into_iter().filter(|server| !servers.contains(server)).collect())
    } else {
        fleet.apply().await.succeeds();
        add_faults();
        (fleet.destroy().await, servers)
    };
    assert_eq!((fleet.in_state(), fleet.on_servers()), (left.clone(), left));
    assert_eq!(fleet.stage.cloud.count(operation), 1);
    assert!(fleet.stage.terraform.state().instances().all(|instance| !instance.tainted && !instance.has_job()));
    fleet.stage.every_fault_fired();
    run.fails().with_errors(bad.len())
}

fn fails((code, reason): Reason) -> Effect {
    Effect::JobFails { code: code.to_owned(), reason: reason.to_owned() }
}

fn error(status: u16, code: &str, message: &str) -> Effect {
    Effect::ApiError { status, code: code.to_owned(), message: message.to_owned() }
}

fn switch(config: &mut Config, name: &str, value: &str) {
    let switches: &mut Switches = &mut config.huaweicloud.switches;
    switches.set(name, value).expect("a switch");
}
