//! Bad luck between us and the cloud: lost answers, throttling, servers that fail, pages that are not the cloud's.

use cloudvolume::simulator::{Effect, FaultRule, fault::ThrottleStyle};

use crate::support::{stage::Stage, subject::Subject};

/// What may come in the place of an answer although the cloud has acted: nothing, half of it, or the word of somebody who did
/// not wait for it.
pub(crate) fn lost_answers() -> Vec<Effect> {
    let (code, message) = ("Common.0001".to_owned(), "System exception.".to_owned());
    vec![
        Effect::ResetAfter,
        Effect::Truncate,
        Effect::NotJson,
        Effect::Status { status: 504, body: String::new() },
        Effect::HtmlPage { status: 502 },
        Effect::ApiError { status: 500, code, message },
    ]
}

pub(crate) async fn a_lost_answer_is_looked_into_and_nothing_is_sent_twice(subject: &'static Subject) {
    for effect in lost_answers() {
        let stage = Stage::new(subject).await;
        stage.configure(&stage.attachment(""));
        for call in [subject.calls.attach, subject.calls.detach] {
            stage.cloud.add_fault(FaultRule::new(call, effect.clone()).after().times(1));
        }
        stage.terraform.apply().await.succeeds();
        assert!(stage.is_attached(0, 0));
        stage.terraform.destroy().await.succeeds();
        assert!(!stage.is_attached(0, 0));
        assert_eq!(stage.mutations(), [subject.calls.attach, subject.calls.detach], "{effect:?}");
        stage.every_fault_fired();
    }
}

pub(crate) async fn a_call_that_never_arrived_is_sent_again_once_the_cloud_shows_no_trace(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    for call in [subject.calls.attach, subject.calls.detach] {
        stage.cloud.add_fault(FaultRule::new(call, Effect::ResetBefore).times(1));
    }
    stage.terraform.apply().await.succeeds();
    assert!(stage.is_attached(0, 0));
    stage.terraform.destroy().await.succeeds();
    assert!(!stage.is_attached(0, 0));
    // Each was sent twice, and arrived the second time.
    let (attach, detach) = (subject.calls.attach, subject.calls.detach);
    assert_eq!(stage.mutations(), [attach, attach, detach, detach]);
    stage.every_fault_fired();
}

pub(crate) async fn throttled_calls_are_sent_again(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    for style in [ThrottleStyle::Gateway, ThrottleStyle::Accepted, ThrottleStyle::FlowControl] {
        let throttle = Effect::Throttle { style, retry_after: Some(0) };
        stage.cloud.add_fault(FaultRule::new(subject.calls.attach, throttle.clone()).times(1));
        stage.cloud.add_fault(FaultRule::new(subject.calls.progress, throttle).times(1));
    }
    stage.terraform.apply().await.succeeds();
    assert!(stage.is_attached(0, 0));
    assert_eq!(stage.cloud.count(subject.calls.attach), 4, "three were throttled");
    stage.every_fault_fired();
}

pub(crate) async fn reads_outlive_a_cloud_that_fails_for_a_while(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    for effect in [
        Effect::HtmlPage { status: 502 },
        Effect::Status { status: 500, body: "{}".to_owned() },
        Effect::ResetBefore,
        Effect::Truncate,
    ] {
        let rule = FaultRule { method: Some("GET".to_owned()), ..FaultRule::any(effect) };
        stage.cloud.add_fault(rule.skip(2).times(1));
    }
    stage.terraform.apply().await.succeeds();
    stage.terraform.plan().await.changes_nothing();
    assert_eq!(stage.mutations(), [subject.calls.attach]);
    stage.every_fault_fired();
}

pub(crate) async fn an_answer_that_is_not_the_clouds_own_is_never_taken_for_gone(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();

    for effect in [
        Effect::HtmlPage { status: 404 },
        Effect::HtmlPage { status: 200 },
        Effect::Status { status: 404, body: String::new() },
        Effect::Status {
            status: 404,
            body: r#"{"error_code":"APIGW.0101","error_msg":"The API does not exist"}"#.to_owned(),
        },
    ] {
        stage.cloud.add_fault(FaultRule { method: Some("GET".to_owned()), ..FaultRule::any(effect.clone()) });
        stage.terraform.plan().await.fails().says(&[subject.servers[0], subject.volumes[0]]);
        stage.terraform.destroy().await.fails();
        assert_eq!(stage.terraform.state().len(), 1, "{effect:?}");
        stage.every_fault_fired();
        stage.cloud.clear_faults();
    }
    stage.terraform.plan().await.changes_nothing();
    assert_eq!(stage.mutations(), [subject.calls.attach]);
}

pub(crate) async fn a_job_status_that_nobody_knows_is_waited_on(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    let effect = Effect::JobStatus { status: "PONDERING".to_owned() };
    stage.cloud.add_fault(FaultRule::new(subject.calls.attach, effect));
    stage.terraform.apply().await.succeeds();
    assert!(stage.is_attached(0, 0));
    assert_eq!(stage.mutations(), [subject.calls.attach]);
    stage.every_fault_fired();
}
