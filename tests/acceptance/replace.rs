//! Moving a volume.

use crate::support::{stage::Stage, subject::Subject};

pub(crate) async fn another_server_detaches_here_and_attaches_there(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment_of(0, 0, ""));
    stage.terraform.apply().await.succeeds();

    stage.configure(&stage.attachment_of(1, 0, ""));
    stage
        .terraform
        .plan()
        .await
        .changes_something()
        .says(&["forces replacement", "1 to add, 0 to change, 1 to destroy"]);
    stage.terraform.apply().await.succeeds().says(&["1 added, 0 changed, 1 destroyed"]);
    assert!(stage.is_attached(1, 0) && !stage.is_attached(0, 0));
    stage.terraform.plan().await.changes_nothing();
    assert_eq!(stage.mutations(), [subject.calls.attach, subject.calls.detach, subject.calls.attach]);
}
