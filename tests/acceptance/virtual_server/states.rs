//! There are no jobs: what became of a call is read from the volume's state and from both lists.

use std::time::Duration;

use cloudvolume::simulator::{
    FaultRule, SettleOrder,
    samsungcloud::{
        self,
        built_in::{boot_volume_id, server_id, shared_volume_id, volume_id},
        switches::{
            AttachBegins, AttachmentId, DefaultDeleteOnTermination, DetachBegins, ErrorState, FailedAttach,
            FailedDetach, ServersWhileAttaching, ServersWhileDetaching, SharedVolumeBusy, StateWhileSwitching,
            StoppedState, VolumesWhileAttaching, VolumesWhileDetaching,
        },
    },
};

use super::{attaches_and_detaches, stage, stage_with};
use crate::support::{stage::Stage, subject::SAMSUNGCLOUD_VIRTUAL_SERVER};

#[tokio::test]
async fn lists_and_states_that_follow_one_another_are_waited_out_in_any_order() {
    for order in [SettleOrder::Together, SettleOrder::ServerFirst, SettleOrder::VolumeFirst, SettleOrder::JobLast] {
        let stage = stage_with(|config| {
            (config.settle_lag, config.settle_order) = (Duration::from_millis(300), order);
        });
        let stage = stage.await;
        stage.configure(&stage.attachment(""));
        attaches_and_detaches(&stage).await;
    }
}

#[tokio::test]
async fn lists_may_show_what_is_under_way_or_hide_it() {
    for begins in [AttachBegins::Reserved, AttachBegins::Unchanged] {
        let stage = stage_with(|config| {
            let switches = &mut config.samsungcloud.switches;
            (switches.attach_begins, switches.detach_begins) = (begins, DetachBegins::Unchanged);
            switches.servers_while_attaching = ServersWhileAttaching::Listed;
            switches.servers_while_detaching = ServersWhileDetaching::Hidden;
            switches.volumes_while_attaching = VolumesWhileAttaching::Hidden;
            switches.volumes_while_detaching = VolumesWhileDetaching::Hidden;
            switches.attachment_id = AttachmentId::Own;
        });
        let stage = stage.await;
        stage.configure(&stage.attachment(""));
        attaches_and_detaches(&stage).await;
    }
}

#[tokio::test]
async fn an_error_state_is_found_at_once_in_any_spelling() {
    for (spelling, attaching, detaching) in [
        (ErrorState::Plain, "error", "error"),
        (ErrorState::Underscore, "error_attaching", "error_detaching"),
        (ErrorState::Hyphen, "error-attaching", "error-detaching"),
        (ErrorState::Words, "Error Attaching", "Error Detaching"),
    ] {
        let stage = stage_with(|config| {
            let switches = &mut config.samsungcloud.switches;
            (switches.failed_attach, switches.failed_detach) = (FailedAttach::Error, FailedDetach::Error);
            switches.error_state = spelling;
        });
        let stage = stage.await;
        stage.configure(&stage.attachment(""));
        stage.fail_next(stage.subject.calls.attach, "-", "-");
        stage.terraform.apply().await.fails().says(&[&server_id(1), &volume_id(1), &format!("status is {attaching}")]);
        assert_eq!(stage.terraform.state().len(), 0);

        stage.cloud.edit(|world| world.samsungcloud.volume_mut(&volume_id(1)).unwrap().state = "available".to_owned());
        stage.terraform.apply().await.succeeds();
        stage.fail_next(stage.subject.calls.detach, "-", "-");
        let destroy = stage.terraform.destroy().await.fails();
        destroy.says(&[&server_id(1), &volume_id(1), &format!("status is {detaching}")]);
        assert_eq!(stage.terraform.state().len(), 1);
        let (attach, detach) = (stage.subject.calls.attach, stage.subject.calls.detach);
        assert_eq!(stage.mutations(), [attach, attach, detach], "{spelling:?}");
    }
}

#[tokio::test]
async fn the_boot_volume_is_refused_before_any_call() {
    let stage = stage().await;
    stage.configure(&stage.attachment_to(&server_id(1), &boot_volume_id(1), ""));
    stage.terraform.apply().await.fails().says(&["system volume", &boot_volume_id(1)]);
    assert_eq!(stage.terraform.state().len(), 0);
    let id = format!("{}/{}", server_id(1), boot_volume_id(1));
    let import = stage.terraform.import(&stage.subject.address(), &id).await.fails();
    import.says(&["system volume", &boot_volume_id(1)]);
    assert!(stage.mutations().is_empty());
    assert!(stage.cloud.world(|world| world.samsungcloud.is_attached(&server_id(1), &boot_volume_id(1))));
}

#[tokio::test]
async fn a_volume_that_became_the_boot_volume_is_refused_to_a_destroy() {
    let stage = stage().await;
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    stage.rename_device(0, 0, "/dev/vda");
    stage.terraform.destroy().await.fails().says(&["system volume", &server_id(1), &volume_id(1)]);
    assert_eq!(stage.terraform.state().len(), 1);
    assert_eq!(stage.mutations(), [stage.subject.calls.attach]);
    assert!(stage.is_attached(0, 0));
}

#[tokio::test]
async fn a_shared_volume_is_attached_to_several_servers_in_parallel() {
    const SERVERS: usize = 4;
    for busy in [SharedVolumeBusy::Conflict, SharedVolumeBusy::Allowed] {
        let stage = stage_with(|config| {
            let mut world = cloudvolume::simulator::World::built_in();
            world.samsungcloud = samsungcloud::World::fleet(SERVERS, 0, 1);
            config.world = Some(world);
            config.samsungcloud.switches.shared_volume_busy = busy;
        });
        let stage = stage.await;
        stage.configure(&format!(
            "resource \"{}\" \"test\" {{\n  count = {SERVERS}\n  server_id = format(\"5c000000-0000-4000-8000-%012d\", \
             count.index + 1)\n  volume_id = \"{}\"\n}}\n",
            stage.subject.kind,
            shared_volume_id(1)
        ));
        let attached = || {
            let is_attached = |server| {
                stage.cloud.world(|world| world.samsungcloud.is_attached(&server_id(server), &shared_volume_id(1)))
            };
            (1..=SERVERS).filter(|server| is_attached(*server)).count()
        };
        stage.terraform.apply().await.succeeds().says(&["4 added"]);
        assert_eq!(attached(), SERVERS, "{busy:?}");
        stage.terraform.plan().await.changes_nothing();
        stage.terraform.destroy().await.succeeds().says(&["4 destroyed"]);
        assert_eq!(attached(), 0, "{busy:?}");
    }
}

#[tokio::test]
async fn a_shared_volume_stays_with_the_other_server_when_it_leaves_one() {
    let stage = stage().await;
    stage.cloud.edit(|world| world.samsungcloud.attach(&server_id(2), &shared_volume_id(1)));
    stage.configure(&stage.attachment_to(&server_id(1), &shared_volume_id(1), ""));
    stage.terraform.apply().await.succeeds();
    stage.terraform.destroy().await.succeeds();
    let left = stage
        .cloud
        .world(|world| [1, 2].map(|server| world.samsungcloud.is_attached(&server_id(server), &shared_volume_id(1))));
    assert_eq!(left, [false, true]);
}

#[tokio::test]
async fn delete_on_termination_is_what_was_asked_for_whatever_the_clouds_own_default() {
    for by_default in [DefaultDeleteOnTermination::Keep, DefaultDeleteOnTermination::Delete] {
        for wanted in [None, Some(false), Some(true)] {
            let stage = stage_with(|config| config.samsungcloud.switches.default_delete_on_termination = by_default);
            let stage = stage.await;
            let argument = wanted.map_or(String::new(), |wanted| format!("delete_on_termination = {wanted}"));
            stage.configure(&stage.attachment(&argument));
            stage.terraform.apply().await.succeeds();
            let expected = wanted.unwrap_or(by_default == DefaultDeleteOnTermination::Delete);
            let attributes = stage.terraform.state().only().expect("an attachment").attributes;
            assert_eq!(attributes["delete_on_termination"], expected, "{by_default:?}, {wanted:?}");
            let is_set = stage.cloud.world(|world| {
                let disk = world.samsungcloud.server(&server_id(1)).and_then(|server| server.disk(&volume_id(1)));
                disk.expect("an attached volume").delete_on_termination
            });
            assert_eq!(is_set, expected);
            assert_eq!(stage.mutations(), [stage.subject.calls.attach], "it goes with the attach");
        }
    }
}

#[tokio::test]
async fn a_flag_changed_behind_our_back_is_changed_back_in_place() {
    let stage = stage().await;
    stage.configure(&stage.attachment("delete_on_termination = false"));
    stage.terraform.apply().await.succeeds();
    stage.cloud.edit(|world| {
        let disk = world.samsungcloud.server_mut(&server_id(1)).and_then(|server| server.disk_mut(&volume_id(1)));
        disk.expect("an attached volume").delete_on_termination = true;
    });
    stage.terraform.plan().await.changes_something().says(&["will be updated in-place"]);
    stage.terraform.apply().await.succeeds().says(&["0 added, 1 changed, 0 destroyed"]);
    stage.terraform.plan().await.changes_nothing();
    let body = stage.cloud.journal().of(stage.subject.calls.update).map(|entry| entry.body.clone()).collect::<String>();
    assert_eq!(body, format!("{{\"delete_on_termination\":false,\"volume_id\":\"{}\"}}", volume_id(1)));
}

#[tokio::test]
async fn a_mounted_volume_is_detached_once_the_server_is_stopped_and_the_server_is_started_again() {
    for (stopped, switching) in
        [(StoppedState::Shutoff, StateWhileSwitching::Unchanged), (StoppedState::Stopped, StateWhileSwitching::Named)]
    {
        let stage = stage_with(|config| {
            let switches = &mut config.samsungcloud.switches;
            (switches.stopped_state, switches.state_while_switching) = (stopped, switching);
        });
        let stage = stage.await;
        stage.configure(&stage.attachment(""));
        stage.terraform.apply().await.succeeds();
        mount(&stage);
        stage.terraform.destroy().await.fails().says(&["taken back by the cloud", "unmounted"]);
        assert!(stage.is_attached(0, 0));

        stage.cloud.clear_journal();
        stage.configure(&stage.attachment("on_destroy = \"stop_then_detach\""));
        stage.terraform.apply().await.succeeds();
        stage.terraform.destroy().await.succeeds();
        let detach = stage.subject.calls.detach;
        assert_eq!(stage.mutations(), ["StopVirtualServer", detach, "StartVirtualServer"]);
        assert_eq!(state_of_server(&stage), "ACTIVE");
    }
}

#[tokio::test]
async fn a_server_that_was_off_stays_off() {
    let stage = Stage::new(&SAMSUNGCLOUD_VIRTUAL_SERVER).await;
    stage.cloud.edit(|world| world.samsungcloud.server_mut(&server_id(1)).unwrap().state = "SHUTOFF".to_owned());
    stage.configure(&stage.attachment("on_destroy = \"stop_then_detach\""));
    attaches_and_detaches(&stage).await;
    assert_eq!(state_of_server(&stage), "SHUTOFF");
}

#[tokio::test]
async fn a_locked_server_is_not_stopped() {
    let stage = stage().await;
    stage.configure(&stage.attachment("on_destroy = \"stop_then_detach\""));
    stage.terraform.apply().await.succeeds();
    stage.cloud.edit(|world| world.samsungcloud.server_mut(&server_id(1)).unwrap().locked = true);
    stage.terraform.destroy().await.fails().says(&["locked", &server_id(1)]);
    assert_eq!(stage.terraform.state().len(), 1);
    assert_eq!(stage.mutations(), [stage.subject.calls.attach]);
}

#[tokio::test]
async fn a_detach_that_was_taken_back_for_a_while_works_when_it_is_tried_again() {
    let stage = stage().await;
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    let fails = cloudvolume::simulator::Effect::JobFails { code: "-".to_owned(), reason: "-".to_owned() };
    stage.cloud.add_fault(FaultRule::new(stage.subject.calls.detach, fails).times(1));
    stage.terraform.destroy().await.fails().says(&["taken back by the cloud"]);
    stage.terraform.destroy().await.succeeds();
    assert_eq!(stage.cloud.count(stage.subject.calls.detach), 2);
}

/// The guest of the first server uses the first volume.
fn mount(stage: &Stage) {
    stage.cloud.edit(|world| {
        let disk = world.samsungcloud.server_mut(&server_id(1)).and_then(|server| server.disk_mut(&volume_id(1)));
        disk.expect("an attached volume").mounted = true;
    });
}

fn state_of_server(stage: &Stage) -> String {
    stage.cloud.world(|world| world.samsungcloud.server(&server_id(1)).expect("a server").state.clone())
}
