//! Ctrl-C while the cloud works: the state is whole, and the next run goes on without a second call.

use crate::support::{run::Running, stage::Stage, subject::Subject};

pub(crate) async fn ctrl_c_during_attach_keeps_the_state_and_attaches_once(subject: &'static Subject) {
    interrupted_attach(subject, Running::interrupt_group).await;
}

pub(crate) async fn sigint_to_terraform_alone_during_attach_keeps_the_state_and_attaches_once(
    subject: &'static Subject,
) {
    interrupted_attach(subject, Running::interrupt_terraform).await;
}

pub(crate) async fn ctrl_c_during_detach_keeps_the_state_and_detaches_once(subject: &'static Subject) {
    interrupted_detach(subject, Running::interrupt_group).await;
}

pub(crate) async fn sigint_to_terraform_alone_during_detach_keeps_the_state_and_detaches_once(
    subject: &'static Subject,
) {
    interrupted_detach(subject, Running::interrupt_terraform).await;
}

async fn interrupted_attach(subject: &'static Subject, interrupt: fn(&Running)) {
    let stage = Stage::held(subject).await;
    interrupt_in_mid_attach(&stage, interrupt).await;

    stage.cloud.advance_all();
    stage.terraform.apply().await.succeeds().says(&["0 added, 0 changed, 0 destroyed"]);
    assert!(stage.is_attached(0, 0));
    stage.terraform.plan().await.changes_nothing();
    assert_eq!(stage.mutations(), [subject.calls.attach]);
    assert!(!stage.terraform.state().only().expect("an attachment").is_unsettled(), "a settled operation is forgotten");
}

async fn interrupted_detach(subject: &'static Subject, interrupt: fn(&Running)) {
    let stage = Stage::held(subject).await;
    interrupt_in_mid_detach(&stage, interrupt).await;

    stage.cloud.advance_all();
    stage.terraform.destroy().await.succeeds();
    assert_eq!(stage.terraform.state().len(), 0);
    assert!(!stage.is_attached(0, 0));
    assert_eq!(stage.mutations(), [subject.calls.attach, subject.calls.detach]);
}

pub(crate) async fn an_interrupted_attach_that_then_fails_leaves_no_state(subject: &'static Subject) {
    let stage = Stage::held(subject).await;
    stage.fail_next(subject.calls.attach, "Ecs.0205", "the hypervisor refused the disk");
    interrupt_in_mid_attach(&stage, Running::interrupt_group).await;

    stage.cloud.advance_all();
    let plan = stage.terraform.plan().await.changes_something();
    plan.warns(&stage.told("Ecs.0205", "the hypervisor refused the disk", "had no lasting effect"))
        .says(&["1 to add, 0 to change, 0 to destroy"]);
    stage.finish(stage.terraform.start_apply()).await.succeeds().says(&["1 added, 0 changed, 0 destroyed"]);
    assert_eq!(stage.mutations(), [subject.calls.attach, subject.calls.attach]);
}

pub(crate) async fn an_interrupted_detach_that_still_runs_is_waited_for_and_not_sent_again(subject: &'static Subject) {
    let stage = Stage::held(subject).await;
    interrupt_in_mid_detach(&stage, Running::interrupt_group).await;

    stage.finish(stage.terraform.start_destroy()).await.succeeds();
    assert_eq!(stage.terraform.state().len(), 0);
    assert_eq!(stage.mutations(), [subject.calls.attach, subject.calls.detach]);
}

/// Leaves an attachment in the state whose job still runs.
async fn interrupt_in_mid_attach(stage: &Stage, interrupt: fn(&Running)) {
    stage.configure(&stage.attachment(""));
    let mut apply = stage.terraform.start_apply();
    stage.until_under_way(&mut apply, stage.subject.calls.attach).await;
    interrupt(&apply);
    apply.finish().await.never_says("Plugin did not respond").never_says("plugin crashed");

    let attachment = stage.terraform.state().only().expect("an attachment in the state");
    assert_eq!(attachment.attributes["id"], stage.subject.id(0, 0));
    assert!(!attachment.tainted, "an interrupt is no reason to replace");
    assert!(attachment.is_unsettled(), "the operation is kept: {}", attachment.private);
    assert_eq!(attachment.has_job(), stage.subject.has_jobs, "with its job: {}", attachment.private);
}

/// Leaves an attachment in the state whose detach still runs.
async fn interrupt_in_mid_detach(stage: &Stage, interrupt: fn(&Running)) {
    stage.configure(&stage.attachment(""));
    stage.finish(stage.terraform.start_apply()).await.succeeds();

    let mut destroy = stage.terraform.start_destroy();
    stage.until_under_way(&mut destroy, stage.subject.calls.detach).await;
    interrupt(&destroy);
    destroy.finish().await.fails().never_says("Plugin did not respond").never_says("plugin crashed");

    let attachment = stage.terraform.state().only().expect("an attachment in the state");
    assert_eq!(attachment.attributes["id"], stage.subject.id(0, 0));
    assert!(!attachment.tainted);
    assert!(attachment.is_unsettled(), "the operation is kept: {}", attachment.private);
    assert_eq!(attachment.has_job(), stage.subject.has_jobs, "with its job: {}", attachment.private);
}
