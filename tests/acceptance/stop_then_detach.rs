//! `on_destroy = "stop_then_detach"`: the server is stopped once for all that leave it, and runs again afterwards, also when
//! something failed; one that did not run, or cannot be stopped, is left as it is.

use std::time::Duration;

use cloudvolume::simulator::{
    Effect, FaultRule,
    huaweicloud::built_in::{server_id, shared_volume_id},
};

use crate::support::{fleet::Fleet, stage::Stage, subject::HUAWEICLOUD_ECS};

const STOP: &str = "BatchStopServers";
const START: &str = "BatchStartServers";
const DETACH: &str = "DetachServerVolume";
const STOP_THEN_DETACH: &str = "on_destroy = \"stop_then_detach\"";

#[tokio::test]
async fn a_running_server_is_stopped_once_for_all_its_volumes_and_started_again() {
    let stage = four_volumes_in_use().await;
    stage.terraform.destroy().await.succeeds().says(&["4 destroyed"]);
    assert_eq!(stage.mutations(), [STOP, DETACH, DETACH, DETACH, DETACH, START]);
    assert_eq!(status(&stage, 1), "ACTIVE");
    assert_eq!(stage.terraform.state().len(), 0);
}

#[tokio::test]
async fn a_server_that_does_not_run_is_neither_stopped_nor_started() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    stage.configure(&stage.attachment_to(&server_id(3), stage.subject.volumes[0], STOP_THEN_DETACH));
    assert_eq!(status(&stage, 3), "SHUTOFF");
    stage.terraform.apply().await.succeeds();
    stage.terraform.destroy().await.succeeds();
    assert_eq!(stage.mutations(), ["AttachServerVolume", DETACH]);
    assert_eq!(status(&stage, 3), "SHUTOFF");
}

#[tokio::test]
async fn a_server_runs_again_although_a_detach_failed() {
    let stage = four_volumes_in_use().await;
    let fails = Effect::JobFails { code: "Ecs.0206".to_owned(), reason: "the disk is being backed up".to_owned() };
    stage.cloud.add_fault(FaultRule::new(DETACH, fails).volume(stage.subject.volumes[2]).times(1));
    stage.terraform.destroy().await.fails().with_errors(1).says(&["Ecs.0206", stage.subject.volumes[2]]);
    assert_eq!(stage.mutations(), [STOP, DETACH, DETACH, DETACH, DETACH, START]);
    assert_eq!(status(&stage, 1), "ACTIVE");
    let left = stage.terraform.state().only().expect("the one that failed");
    assert_eq!(left.attributes["volume_id"], stage.subject.volumes[2]);
}

#[tokio::test]
async fn a_locked_server_is_an_error_before_anything_is_stopped() {
    let stage = four_volumes_in_use().await;
    stage.cloud.edit(|world| world.huaweicloud.server_mut(&server_id(1)).unwrap().locked = true);
    stage.terraform.destroy().await.fails().with_errors(4).says(&["The server is locked", &server_id(1), "Unlock"]);
    assert!(stage.mutations().is_empty());
    assert_eq!((status(&stage, 1).as_str(), stage.terraform.state().len()), ("ACTIVE", 4));
}

#[tokio::test]
async fn a_destroy_that_was_interrupted_while_the_server_stopped_is_finished_by_the_next() {
    let stage = four_volumes_in_use().await;
    stage.cloud.set_config(|config| config.huaweicloud.durations.stop = Duration::from_secs(2));
    let mut destroy = stage.terraform.start_destroy();
    stage.until_answered(&mut destroy, STOP, 1).await;
    destroy.interrupt_group();
    destroy.finish().await.fails().never_says("Plugin did not respond");
    assert_eq!(stage.terraform.state().len(), 4);

    stage.terraform.destroy().await.succeeds();
    assert_eq!(stage.mutations(), [STOP, DETACH, DETACH, DETACH, DETACH, START]);
    assert_eq!((status(&stage, 1).as_str(), stage.terraform.state().len()), ("ACTIVE", 0));
}

#[tokio::test]
async fn a_stop_and_a_start_whose_answers_are_lost_are_looked_into() {
    for (effect, sent) in [(Effect::ResetAfter, 1), (Effect::ResetBefore, 2)] {
        let stage = four_volumes_in_use().await;
        for operation in [STOP, START] {
            stage.cloud.add_fault(FaultRule::new(operation, effect.clone()).times(1));
        }
        stage.terraform.destroy().await.succeeds().says(&["4 destroyed"]);
        let expected = [vec![STOP; sent], vec![DETACH; 4], vec![START; sent]].concat();
        assert_eq!(stage.mutations(), expected, "{effect:?}");
        assert_eq!((status(&stage, 1).as_str(), stage.terraform.state().len()), ("ACTIVE", 0));
        stage.every_fault_fired();
    }
}

#[tokio::test]
async fn a_server_that_does_not_stop_keeps_its_volume_and_goes_on_running() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    stage.configure(&stage.attachment(STOP_THEN_DETACH));
    stage.terraform.apply().await.succeeds();
    stage.cloud.clear_journal();
    stage.fail_next(STOP, "Ecs.0219", "the guest does not shut down");
    let destroy = stage.terraform.destroy().await.fails().with_errors(1);
    destroy.says(&["Ecs.0219", "the guest does not shut down", &server_id(1), stage.subject.volumes[0]]);
    assert_eq!(stage.mutations(), [STOP]);
    assert!(stage.is_attached(0, 0));
    assert_eq!((status(&stage, 1).as_str(), stage.terraform.state().len()), ("ACTIVE", 1));
    stage.every_fault_fired();

    stage.terraform.destroy().await.succeeds();
    assert_eq!(stage.mutations(), [STOP, STOP, DETACH, START]);
    assert_eq!((status(&stage, 1).as_str(), stage.terraform.state().len()), ("ACTIVE", 0));
}

#[tokio::test]
async fn each_server_of_a_shared_volume_is_stopped_and_started_once() {
    let fleet = Fleet::new(3).await;
    fleet.configure(STOP_THEN_DETACH);
    let fleet = fleet.attached().await;
    for server in fleet.all() {
        mount(&fleet.stage, server, &shared_volume_id(1));
    }
    fleet.destroy().await.succeeds();
    assert_eq!((fleet.on_servers(), fleet.in_state()), (vec![], vec![]));
    for server in fleet.all() {
        let journal = fleet.stage.cloud.journal();
        let calls = |operation| journal.of(operation).filter(|call| call.body.contains(&server_id(server))).count();
        assert_eq!((calls(STOP), calls(START)), (1, 1), "server {server}");
        assert_eq!(status(&fleet.stage, server), "ACTIVE");
    }
}

/// Four volumes on the first server, which the guest uses so that none could be detached online.
async fn four_volumes_in_use() -> Stage {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    let volume_id = "volume_id = each.value";
    stage.configure(&stage.attachments().replace(volume_id, &format!("{volume_id}\n  {STOP_THEN_DETACH}")));
    stage.terraform.apply().await.succeeds();
    for volume in stage.subject.volumes {
        mount(&stage, 1, volume);
    }
    stage.cloud.clear_journal();
    stage
}

fn mount(stage: &Stage, server: usize, volume: &str) {
    stage.cloud.edit(|world| {
        let server = world.huaweicloud.server_mut(&server_id(server)).expect("a server");
        server.disk_mut(volume).expect("a disk").mounted = true;
    });
}

fn status(stage: &Stage, server: usize) -> String {
    stage.cloud.world(|world| world.huaweicloud.server(&server_id(server)).expect("a server").status.clone())
}
