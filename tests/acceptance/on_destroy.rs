//! What a destroy does when it is told not to detach.

use crate::support::{stage::Stage, subject::Subject};

pub(crate) async fn refuse_keeps_the_pair_and_the_state(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment("on_destroy = \"refuse\""));
    stage.terraform.apply().await.succeeds();

    stage.terraform.destroy().await.fails().says(&["on_destroy is \"refuse\"", subject.servers[0], subject.volumes[0]]);
    assert_eq!(stage.terraform.state().len(), 1);
    assert!(stage.is_attached(0, 0));
    assert_eq!(stage.mutations(), [subject.calls.attach]);
}

pub(crate) async fn abandon_keeps_the_pair_and_drops_the_state(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment("on_destroy = \"abandon\""));
    stage.terraform.apply().await.succeeds();

    stage.terraform.destroy().await.succeeds().says(&["1 destroyed"]);
    assert_eq!(stage.terraform.state().len(), 0);
    assert!(stage.is_attached(0, 0));
    assert_eq!(stage.mutations(), [subject.calls.attach]);
}
