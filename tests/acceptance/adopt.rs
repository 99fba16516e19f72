//! A pair that is there, or on its way, before the first apply.

use crate::support::{stage::Stage, subject::Subject};

pub(crate) async fn a_pair_that_is_attached_already_is_adopted_with_a_warning(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.attach_behind_our_back(0, 0);
    stage.configure(&stage.attachment(""));

    stage.terraform.apply().await.succeeds().warns(&["attached already"]).says(&["1 added"]);
    stage.terraform.plan().await.changes_nothing();
    assert!(stage.mutations().is_empty());
    stage.terraform.destroy().await.succeeds();
    assert_eq!(stage.mutations(), [subject.calls.detach]);
}

pub(crate) async fn a_pair_that_somebody_is_attaching_is_waited_for_and_adopted(subject: &'static Subject) {
    let stage = Stage::held(subject).await;
    stage.configure(&stage.attachment(""));
    // Somebody else: a first Terraform, killed as soon as the cloud works.
    let mut first = stage.terraform.start_apply();
    stage.until_under_way(&mut first, subject.calls.attach).await;
    first.kill_group();
    first.finish().await.fails();
    stage.terraform.forget_everything();

    stage.finish(stage.terraform.start_apply()).await.succeeds().says(&["1 added"]);
    assert!(stage.is_attached(0, 0));
    assert_eq!(stage.mutations(), [subject.calls.attach]);
}
