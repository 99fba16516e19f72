//! The main job: attach, nothing more to do, detach.

use crate::support::{stage::Stage, subject::Subject};

pub(crate) async fn apply_attaches_and_destroy_detaches(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));

    stage.terraform.apply().await.succeeds().says(&["1 added, 0 changed, 0 destroyed"]);
    let attachment = stage.terraform.state().only().expect("an attachment in the state");
    assert_eq!(attachment.attributes["id"], subject.id(0, 0));
    assert_eq!(attachment.attributes["server_id"], subject.servers[0]);
    assert_eq!(attachment.attributes["volume_id"], subject.volumes[0]);
    assert!(attachment.attributes["device"].as_str().is_some_and(|device| device.starts_with("/dev/")));
    assert!(stage.is_attached(0, 0), "both sides of the cloud list the pair");

    stage.terraform.plan().await.changes_nothing();
    stage.terraform.destroy().await.succeeds().says(&["1 destroyed"]);
    assert_eq!(stage.terraform.state().len(), 0);
    assert!(!stage.is_attached(0, 0), "no side of the cloud lists the pair");
    assert_eq!(stage.mutations(), [subject.calls.attach, subject.calls.detach]);
}

pub(crate) async fn several_volumes_of_one_server_are_attached_one_after_the_other(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachments());

    stage.terraform.apply().await.succeeds().says(&["4 added"]);
    assert!((0..4).all(|volume| stage.is_attached(0, volume)));
    stage.terraform.plan().await.changes_nothing();
    stage.terraform.destroy().await.succeeds().says(&["4 destroyed"]);
    assert!(!(0..4).any(|volume| stage.is_attached(0, volume)));
    assert_eq!(stage.cloud.count(subject.calls.attach), 4, "none was refused and sent again");
    assert_eq!(stage.cloud.count(subject.calls.detach), 4, "none was refused and sent again");
}
