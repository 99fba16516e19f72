//! What only a ModelArts Lite Server does: ids that are taken for others, hardware that is refused, states that pass, and lists
//! that follow in an order of their own, or never.

use std::time::Duration;

use cloudvolume::simulator::{
    SettleOrder, TransitionMode,
    huaweicloud::{
        Phase,
        built_in::{cloud_server_id, lite_server_id, system_volume_id, volume_id},
        switches::{LiteServerInEvs, LiteServerRefusal, LiteServerVolumes, OperationStatusCase, UnknownOperation},
    },
};

use crate::support::{run::Running, stage::Stage, subject::HUAWEICLOUD_LITE_SERVER};

/// How long the lists lag where a test is about that: longer than several looks.
const LAG: Duration = Duration::from_millis(300);

async fn stage() -> Stage {
    Stage::new(&HUAWEICLOUD_LITE_SERVER).await
}

fn set_status(stage: &Stage, status: &str) {
    stage.cloud.edit(|world| {
        let server = world.huaweicloud.lite_server_mut(&lite_server_id(1)).expect("a Lite Server");
        status.clone_into(&mut server.status);
    });
}

#[tokio::test]
async fn the_id_of_the_cloud_server_underneath_is_recognised_and_the_right_one_named() {
    let stage = stage().await;
    for n in [1, 2] {
        stage.configure(&stage.attachment_to(&cloud_server_id(n), &volume_id(1), ""));
        let apply = stage.terraform.apply().await.fails();
        apply.says(&["does not exist", &cloud_server_id(n), &lite_server_id(n), "cloud server under Lite Server"]);
    }
    assert_eq!(stage.terraform.state().len(), 0);
    assert!(stage.mutations().is_empty());
}

#[tokio::test]
async fn a_server_of_type_bms_is_refused_with_the_clouds_reason_and_a_hint() {
    let stage = stage().await;
    stage.configure(&stage.attachment_to(&lite_server_id(3), &volume_id(1), ""));
    let apply = stage.terraform.apply().await.fails();
    apply.says(&["ModelArts.7000", "type is BMS", "A3 hardware only", &lite_server_id(3), &volume_id(1)]);
    assert_eq!(stage.terraform.state().len(), 0);
    assert_eq!(stage.mutations(), [stage.subject.calls.attach], "it is not sent again");
}

#[tokio::test]
async fn other_hardware_than_a3_is_refused_with_the_clouds_reason_and_a_hint() {
    let stage = stage().await;
    stage.cloud.edit(|world| world.huaweicloud.lite_servers[0].hardware = "A2".to_owned());
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.fails().says(&["ModelArts.7000", "hardware is A2", "A3 hardware only"]);
    assert_eq!(stage.terraform.state().len(), 0);
}

#[tokio::test]
async fn a_root_volume_is_neither_imported_nor_adopted() {
    let stage = stage().await;
    let (server, root) = (lite_server_id(1), system_volume_id(101));
    stage.cloud.edit(|world| world.huaweicloud.attach_lite(&server, &root));
    stage.cloud.edit(|world| {
        let disks = &mut world.huaweicloud.lite_server_mut(&server).expect("a Lite Server").disks;
        disks.iter_mut().for_each(|disk| (disk.root, disk.original) = (true, true));
    });
    stage.configure(&stage.attachment_to(&server, &root, ""));
    let import = stage.terraform.import(&stage.subject.address(), &format!("{server}/{root}")).await.fails();
    import.says(&["system volume", &server, &root]);
    stage.terraform.apply().await.fails().says(&["system volume", &server, &root]);
    assert_eq!(stage.terraform.state().len(), 0);
    assert!(stage.mutations().is_empty());
    assert!((stage.subject.hands.is_attached)(&stage.cloud.world(Clone::clone), &server, &root));
}

#[tokio::test]
async fn a_volume_that_became_the_root_volume_is_refused_to_a_destroy() {
    let stage = stage().await;
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    stage.cloud.edit(|world| {
        let disks = &mut world.huaweicloud.lite_server_mut(&lite_server_id(1)).expect("a Lite Server").disks;
        disks.iter_mut().for_each(|disk| disk.root = true);
    });
    stage.terraform.destroy().await.fails().says(&["system volume", &volume_id(1)]);
    assert_eq!(stage.terraform.state().len(), 1);
    assert_eq!(stage.mutations(), [stage.subject.calls.attach]);
}

#[tokio::test]
async fn a_server_between_two_states_is_waited_for() {
    let stage = stage().await;
    for (status, attaches) in [("STARTING", true), ("REBOOTING", false), ("CHANGINGOS", true), ("STOPPING", false)] {
        set_status(&stage, status);
        stage.configure(&stage.attachment(""));
        stage.cloud.clear_journal();
        let mut running = if attaches {
            stage.terraform.start_apply()
        } else {
            stage.terraform.start(&["destroy", "-no-color", "-auto-approve", "-refresh=false"])
        };
        stage.until_answered(&mut running, "ShowDevServer", 2).await;
        assert!(stage.mutations().is_empty(), "nothing is sent while the server is {status}");
        set_status(&stage, if attaches { "RUNNING" } else { "STOPPED" });
        running.finish().await.succeeds();
        assert_eq!(stage.is_attached(0, 0), attaches);
    }
}

#[tokio::test]
async fn a_server_in_a_state_that_does_not_pass_is_refused_at_once() {
    let stage = stage().await;
    stage.configure(&stage.attachment(""));
    for status in ["ERROR", "CREATE_FAILED", "START_FAILED", "REINSTALLINGOS_FAILED"] {
        set_status(&stage, status);
        stage.terraform.apply().await.fails().says(&[status, &lite_server_id(1), "does not allow the attach"]);
    }
    assert_eq!(stage.terraform.state().len(), 0);
    assert!(stage.mutations().is_empty());
}

#[tokio::test]
async fn both_orders_of_settling_are_waited_out() {
    for order in [SettleOrder::ServerFirst, SettleOrder::VolumeFirst, SettleOrder::Together, SettleOrder::JobLast] {
        let stage = Stage::with(&HUAWEICLOUD_LITE_SERVER, |config| {
            (config.settle_lag, config.settle_order) = (LAG, order);
        });
        let server_lists_it = attaches_and_detaches(&stage.await).await;
        assert!(!server_lists_it, "a list that follows is waited for");
    }
}

#[tokio::test]
async fn volumes_that_the_server_does_not_list_are_read_from_evs() {
    for volumes in [LiteServerVolumes::Stale, LiteServerVolumes::Absent] {
        for order in [SettleOrder::ServerFirst, SettleOrder::VolumeFirst] {
            let stage = Stage::with(&HUAWEICLOUD_LITE_SERVER, |config| {
                (config.settle_lag, config.settle_order) = (LAG, order);
                config.huaweicloud.switches.lite_server_volumes = volumes;
            });
            attaches_and_detaches(&stage.await).await;
        }
    }
}

#[tokio::test]
async fn evs_may_name_the_lite_server_or_what_it_is_made_of() {
    for volumes in [LiteServerVolumes::Fresh, LiteServerVolumes::Stale] {
        let stage = Stage::with(&HUAWEICLOUD_LITE_SERVER, |config| {
            config.huaweicloud.switches.lite_server_in_evs = LiteServerInEvs::LiteServer;
            config.huaweicloud.switches.lite_server_volumes = volumes;
        });
        attaches_and_detaches(&stage.await).await;
    }
}

/// Asserts that apply returns when EVS lists the pair at rest, and destroy when it does not list it any more. Gives whether the
/// server still has it then: an attach cannot wait for the server's list, which may lag or may never follow.
async fn attaches_and_detaches(stage: &Stage) -> bool {
    let listed = || {
        stage.cloud.world(|world| {
            let server = world.huaweicloud.lite_server(&lite_server_id(1)).expect("a Lite Server");
            let volume = world.huaweicloud.volume(&volume_id(1)).expect("a volume");
            (server.disk(&volume_id(1)).is_some(), volume.attachment(server.evs_server_id()).map(|record| record.phase))
        })
    };
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    assert_eq!(listed().1, Some(Phase::Attached));
    stage.terraform.plan().await.changes_nothing();
    stage.terraform.destroy().await.succeeds();
    let (server_lists_it, record) = listed();
    assert_eq!(record, None);
    assert_eq!(stage.mutations(), [stage.subject.calls.attach, stage.subject.calls.detach]);
    server_lists_it
}

#[tokio::test]
async fn operation_statuses_may_be_capitalised() {
    let stage = Stage::with(&HUAWEICLOUD_LITE_SERVER, |config| {
        config.huaweicloud.switches.operation_status_case = OperationStatusCase::Capital;
    });
    let stage = stage.await;
    attaches_and_detaches(&stage).await;
    stage.fail_next(stage.subject.calls.attach, "ModelArts.7001", "the disk is broken");
    stage.terraform.apply().await.fails().says(&["ModelArts.7001", "the disk is broken"]);
}

#[tokio::test]
async fn what_cannot_work_may_be_found_by_the_operation_itself() {
    let stage = Stage::with(&HUAWEICLOUD_LITE_SERVER, |config| {
        config.huaweicloud.switches.lite_server_refusal = LiteServerRefusal::FailedOperation;
    });
    let stage = stage.await;
    stage.cloud.edit(|world| {
        world.huaweicloud.volume_mut(&volume_id(1)).expect("a volume").availability_zone = "cn-north-4b".to_owned();
    });
    stage.configure(&stage.attachment(""));
    let apply = stage.terraform.apply().await.fails();
    apply.says(&["ModelArts.7000", "availability zone", &lite_server_id(1), &volume_id(1)]);
    assert_eq!(stage.terraform.state().len(), 0);
}

#[tokio::test]
async fn an_operation_that_the_cloud_has_forgotten_is_settled_by_the_pair_itself() {
    for answer in [UnknownOperation::Modelarts6404, UnknownOperation::NotFound] {
        let stage = Stage::with(&HUAWEICLOUD_LITE_SERVER, |config| {
            config.mode = TransitionMode::Manual;
            config.huaweicloud.switches.unknown_operation = answer;
        });
        let stage = stage.await;
        stage.configure(&stage.attachment(""));
        let mut apply = stage.terraform.start_apply();
        stage.until_under_way(&mut apply, stage.subject.calls.attach).await;
        Running::interrupt_group(&apply);
        apply.finish().await;

        stage.cloud.advance_all();
        stage.cloud.skip_time(Duration::from_secs(48 * 3600));
        stage.terraform.plan().await.changes_nothing();
        stage.finish(stage.terraform.start_destroy()).await.succeeds();
        assert_eq!(stage.mutations(), [stage.subject.calls.attach, stage.subject.calls.detach]);
    }
}

#[tokio::test]
async fn ids_that_modelarts_cannot_take_are_refused_at_their_attribute() {
    let stage = stage().await;
    let upper = lite_server_id(1).to_uppercase();
    // A nil UUID's version, and a variant that RFC 4122 does not know.
    let (version, variant) =
        (lite_server_id(1).replace("-4000-", "-0000-"), lite_server_id(1).replace("-8000-", "-c000-"));
    for id in [&upper, &version, &variant] {
        for attribute in ["server_id", "volume_id"] {
            stage.configure(&stage.attachment_where(attribute, &format!("\"{id}\"")));
            let validate = stage.terraform.validate().await.fails();
            validate.says(&["lower-case"]).points_to(&format!("{attribute} = \"{id}\""));
        }
    }
    assert!(stage.cloud.journal().entries().is_empty(), "validating needs no network");
}

#[tokio::test]
async fn the_volumes_size_and_type_are_shown() {
    let stage = stage().await;
    let (size, kind) = stage.cloud.world(|world| {
        let volume = world.huaweicloud.volume(&volume_id(1)).expect("a volume");
        (volume.size, volume.volume_type.clone())
    });
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    let attributes = stage.terraform.state().only().expect("an attachment").attributes;
    assert_eq!((&attributes["size"], &attributes["volume_type"]), (&size.into(), &kind.into()));
}

#[tokio::test]
async fn stopping_the_server_first_is_not_offered() {
    let stage = stage().await;
    stage.configure(&stage.attachment("on_destroy = \"stop_then_detach\""));
    stage.terraform.validate().await.fails().says(&["on_destroy", "Lite Server is not stopped"]);
}
