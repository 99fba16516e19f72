//! The cloud takes the call, and what it does then fails.

use crate::support::{stage::Stage, subject::Subject};

pub(crate) async fn a_failed_attach_says_why_and_leaves_no_state(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    stage.fail_next(subject.calls.attach, "Ecs.0205", "the hypervisor refused the disk");

    let apply = stage.terraform.apply().await.fails();
    apply
        .says(&stage.told("Ecs.0205", "the hypervisor refused the disk", "taken back by the cloud"))
        .says(&[subject.servers[0], subject.volumes[0]]);
    assert_eq!(stage.terraform.state().len(), 0);
    assert!(!stage.is_attached(0, 0));
    stage.terraform.apply().await.succeeds();
    assert_eq!(stage.mutations(), [subject.calls.attach, subject.calls.attach]);
}

pub(crate) async fn a_failed_detach_says_why_and_keeps_the_state(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    stage.fail_next(subject.calls.detach, "Ecs.0206", "the guest is using the disk");

    let destroy = stage.terraform.destroy().await.fails();
    destroy.says(&stage.told("Ecs.0206", "the guest is using the disk", "taken back by the cloud")).says(&[
        subject.servers[0],
        subject.volumes[0],
        "unmounted",
    ]);
    assert!(!stage.terraform.state().only().expect("an attachment in the state").tainted);
    assert!(stage.is_attached(0, 0));
    stage.terraform.destroy().await.succeeds();
    assert_eq!(stage.mutations(), [subject.calls.attach, subject.calls.detach, subject.calls.detach]);
}
