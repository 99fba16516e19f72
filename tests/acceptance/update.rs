//! What changes without detaching.

use crate::support::{stage::Stage, subject::Subject};

pub(crate) async fn delete_on_termination_changes_in_place(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment("delete_on_termination = false"));
    stage.terraform.apply().await.succeeds();

    stage.configure(&stage.attachment("delete_on_termination = true"));
    stage.terraform.plan().await.changes_something().says(&["will be updated in-place"]);
    stage.terraform.apply().await.succeeds().says(&["0 added, 1 changed, 0 destroyed"]);
    assert_eq!(stage.terraform.state().only().expect("an attachment").attributes["delete_on_termination"], true);
    stage.terraform.plan().await.changes_nothing();
    assert_eq!(stage.mutations(), [subject.calls.attach, subject.calls.update]);
}

pub(crate) async fn a_setting_of_our_own_changes_without_any_call(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();

    stage.configure(&stage.attachment("on_destroy = \"refuse\"\n  timeouts = { delete = \"90s\" }"));
    stage.terraform.apply().await.succeeds().says(&["0 added, 1 changed, 0 destroyed"]);
    let attributes = stage.terraform.state().only().expect("an attachment").attributes;
    assert_eq!((&attributes["on_destroy"], &attributes["timeouts"]["delete"]), (&"refuse".into(), &"90s".into()));
    stage.terraform.plan().await.changes_nothing();
    assert_eq!(stage.mutations(), [subject.calls.attach]);
}
