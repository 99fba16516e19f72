//! Device names: advice to the cloud, news from it, and never a reason to change anything.

use crate::support::{stage::Stage, subject::Subject};

pub(crate) async fn a_second_apply_is_empty_whatever_device_name_the_cloud_picked(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    stage.terraform.apply().await.succeeds().says(&["0 added, 0 changed, 0 destroyed"]);

    stage.rename_device(0, 0, "/dev/vdz");
    stage.terraform.plan().await.changes_nothing();
    stage.terraform.apply().await.succeeds().says(&["0 added, 0 changed, 0 destroyed"]);
    assert_eq!(stage.mutations(), [subject.calls.attach]);
}
