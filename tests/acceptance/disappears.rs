//! What vanished behind our back is taken out of the state, on the cloud's own word and on no other.

use crate::support::{stage::Stage, subject::Subject};

pub(crate) async fn a_pair_detached_behind_our_back_is_attached_again(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();

    stage.detach_behind_our_back(0, 0);
    stage.terraform.plan().await.changes_something().says(&["1 to add, 0 to change, 0 to destroy"]);
    stage.terraform.apply().await.succeeds().says(&["1 added"]);
    assert!(stage.is_attached(0, 0));
    stage.terraform.plan().await.changes_nothing();
}

pub(crate) async fn a_deleted_server_takes_its_attachment_out_of_the_state(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();

    stage.delete_server(0);
    stage.terraform.plan().await.changes_something().says(&["1 to add, 0 to change, 0 to destroy"]);
    stage.terraform.destroy().await.succeeds();
    assert_eq!(stage.terraform.state().len(), 0);
    assert_eq!(stage.mutations(), [subject.calls.attach]);
}

pub(crate) async fn a_deleted_volume_takes_its_attachment_out_of_the_state(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();

    stage.delete_volume(0);
    stage.terraform.plan().await.changes_something().says(&["1 to add, 0 to change, 0 to destroy"]);
    stage.terraform.destroy().await.succeeds();
    assert_eq!(stage.terraform.state().len(), 0);
    assert_eq!(stage.mutations(), [subject.calls.attach]);
}
