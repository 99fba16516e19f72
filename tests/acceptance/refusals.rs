//! What can never succeed is refused with its reason, leaves nothing in the state, and touches nothing that is not ours.

use cloudvolume::simulator::{
    Effect, FaultRule,
    huaweicloud::built_in::{server_id, system_volume_id, volume_id},
};

use crate::support::{
    stage::Stage,
    subject::{HUAWEICLOUD_ECS, Subject},
};

pub(crate) async fn a_server_that_does_not_exist_is_named(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.delete_server(0);
    refused(&stage, &["does not exist", subject.servers[0]]).await;
}

pub(crate) async fn a_volume_that_does_not_exist_is_named(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.delete_volume(0);
    refused(&stage, &["does not exist", subject.volumes[0]]).await;
}

pub(crate) async fn a_volume_held_by_another_server_is_left_there(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.attach_behind_our_back(1, 0);
    refused(&stage, &["attached to another server", subject.holders[1], subject.volumes[0]]).await;
    assert!(stage.is_attached(1, 0));
}

pub(crate) async fn a_volume_that_moved_to_another_server_is_not_detached_there(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();

    stage.detach_behind_our_back(0, 0);
    stage.attach_behind_our_back(1, 0);
    // Without the refresh that would find out, the destroy itself has to.
    stage.terraform.run(&["destroy", "-no-color", "-auto-approve", "-refresh=false"]).await.succeeds();
    assert_eq!(stage.terraform.state().len(), 0);
    assert!(stage.is_attached(1, 0));
    assert_eq!(stage.mutations(), [subject.calls.attach]);
}

#[tokio::test]
async fn a_volume_of_another_availability_zone_is_refused() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    stage.configure(&stage.attachment_to(&server_id(1), &volume_id(5), ""));
    refused_as_configured(&stage, &["availability zone", "cn-north-4a", "cn-north-4b"]).await;
}

#[tokio::test]
async fn a_server_in_a_wrong_state_is_refused() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    stage.cloud.edit(|world| world.huaweicloud.server_mut(&server_id(1)).unwrap().status = "ERROR".to_owned());
    refused(&stage, &["ERROR", &server_id(1)]).await;
}

#[tokio::test]
async fn a_server_without_a_free_slot_is_refused() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    stage.cloud.edit(|world| {
        let server = world.huaweicloud.server_mut(&server_id(1)).unwrap();
        (server.max_disks, server.max_vbd) = (1, 1);
    });
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.fails().says(&["Ecs.", &server_id(1), &volume_id(1)]);
    assert_eq!(stage.terraform.state().len(), 0);
    assert!(!stage.is_attached(0, 0));
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    let message = "Policy does not allow ecs:cloudServers:attach to be performed.".to_owned();
    let denied = Effect::ApiError { status: 403, code: "Pdp.0001".to_owned(), message };
    stage.cloud.add_fault(FaultRule::new("AttachServerVolume", denied));
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.fails().says(&["403", "Pdp.0001", "ecs:cloudServers:attach", "permission"]);
    assert_eq!(stage.terraform.state().len(), 0);
    assert_eq!(stage.cloud.count("AttachServerVolume"), 1, "it is not sent again");
}

#[tokio::test]
async fn a_system_volume_is_neither_imported_nor_adopted() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    stage.configure(&stage.attachment_to(&server_id(1), &system_volume_id(1), ""));
    let id = format!("{}/{}", server_id(1), system_volume_id(1));
    let import = stage.terraform.import(&stage.subject.address(), &id).await.fails();
    import.says(&["system volume", &server_id(1), &system_volume_id(1)]);
    refused_as_configured(&stage, &["system volume", &server_id(1), &system_volume_id(1)]).await;
    assert!(stage.cloud.world(|world| world.huaweicloud.is_attached(&server_id(1), &system_volume_id(1))));
}

#[tokio::test]
async fn a_volume_that_became_the_system_volume_is_refused_to_a_destroy() {
    for on_destroy in ["detach", "stop_then_detach"] {
        let stage = Stage::new(&HUAWEICLOUD_ECS).await;
        let more = format!("on_destroy = \"{on_destroy}\"\n  force_detach = true");
        stage.configure(&stage.attachment(&more));
        stage.terraform.apply().await.succeeds();
        stage.cloud.edit(|world| {
            let server = world.huaweicloud.server_mut(&server_id(1)).expect("a server");
            server.disks.retain(|disk| disk.volume_id == volume_id(1));
            let disk = server.disk_mut(&volume_id(1)).expect("a disk");
            (disk.boot_index, disk.device) = (0, "/dev/vda".to_owned());
        });
        stage.terraform.destroy().await.fails().says(&["system volume", &server_id(1), &volume_id(1)]);
        assert_eq!(stage.terraform.state().len(), 1);
        assert_eq!(stage.mutations(), [stage.subject.calls.attach], "{on_destroy}");
        assert!(stage.is_attached(0, 0));
    }
}

/// Asserts that the usual configuration is refused before anything is sent.
async fn refused(stage: &Stage, phrases: &[&str]) {
    stage.configure(&stage.attachment(""));
    refused_as_configured(stage, phrases).await;
}

async fn refused_as_configured(stage: &Stage, phrases: &[&str]) {
    stage.terraform.apply().await.fails().says(phrases);
    assert_eq!(stage.terraform.state().len(), 0);
    assert!(stage.mutations().is_empty(), "nothing was sent");
}
