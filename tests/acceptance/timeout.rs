//! The resource's time runs out while the cloud still works.

use crate::support::{stage::Stage, subject::Subject};

pub(crate) async fn an_attach_that_runs_out_of_time_keeps_state_and_private_data(subject: &'static Subject) {
    let stage = Stage::held(subject).await;
    stage.configure(&stage.attachment("timeouts = { create = \"3s\" }"));

    let apply = stage.terraform.apply().await.fails();
    apply.says(&[subject.servers[0], subject.volumes[0], "of 3.0 s", "timeouts.create", "terraform untaint"]);
    let attachment = stage.terraform.state().only().expect("an attachment in the state");
    assert!(attachment.tainted);
    assert_eq!(attachment.attributes["id"], subject.id(0, 0));
    assert!(attachment.is_unsettled(), "the operation is kept: {}", attachment.private);
    assert_eq!(attachment.has_job(), subject.has_jobs, "with its job: {}", attachment.private);

    stage.cloud.advance_all();
    stage.terraform.untaint(&subject.address()).await;
    stage.terraform.plan().await.changes_nothing();
    assert_eq!(stage.mutations(), [subject.calls.attach]);
}

pub(crate) async fn a_detach_that_runs_out_of_time_keeps_state_and_private_data(subject: &'static Subject) {
    let stage = Stage::held(subject).await;
    stage.configure(&stage.attachment("timeouts = { delete = \"3s\" }"));
    stage.finish(stage.terraform.start_apply()).await.succeeds();

    stage.terraform.destroy().await.fails().says(&[
        subject.servers[0],
        subject.volumes[0],
        "of 3.0 s",
        "timeouts.delete",
    ]);
    let attachment = stage.terraform.state().only().expect("an attachment in the state");
    assert!(!attachment.tainted);
    assert!(attachment.is_unsettled(), "the operation is kept: {}", attachment.private);
    assert_eq!(attachment.has_job(), subject.has_jobs, "with its job: {}", attachment.private);

    stage.cloud.advance_all();
    stage.terraform.destroy().await.succeeds();
    assert_eq!(stage.terraform.state().len(), 0);
    assert_eq!(stage.mutations(), [subject.calls.attach, subject.calls.detach]);
}
