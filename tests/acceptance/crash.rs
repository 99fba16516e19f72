//! `kill -9` of the provider while the cloud works: nothing was saved, and the next run finds out by itself.

use crate::support::{stage::Stage, subject::Subject};

pub(crate) async fn a_provider_killed_in_mid_attach_is_healed_by_the_next_apply(subject: &'static Subject) {
    let stage = Stage::held(subject).await;
    stage.configure(&stage.attachment(""));
    let mut apply = stage.terraform.start_apply();
    stage.until_under_way(&mut apply, subject.calls.attach).await;
    apply.kill_provider();
    apply.finish().await.fails();

    stage.finish(stage.terraform.start_apply()).await.succeeds();
    assert!(stage.is_attached(0, 0));
    stage.terraform.plan().await.changes_nothing();
    assert_eq!(stage.mutations(), [subject.calls.attach]);
}

pub(crate) async fn a_provider_killed_in_mid_detach_is_healed_by_the_next_destroy(subject: &'static Subject) {
    let stage = Stage::held(subject).await;
    stage.configure(&stage.attachment(""));
    stage.finish(stage.terraform.start_apply()).await.succeeds();

    let mut destroy = stage.terraform.start_destroy();
    stage.until_under_way(&mut destroy, subject.calls.detach).await;
    destroy.kill_provider();
    destroy.finish().await.fails();
    assert_eq!(stage.terraform.state().len(), 1);

    stage.finish(stage.terraform.start_destroy()).await.succeeds();
    assert_eq!(stage.terraform.state().len(), 0);
    assert!(!stage.is_attached(0, 0));
    assert_eq!(stage.mutations(), [subject.calls.attach, subject.calls.detach]);
}
