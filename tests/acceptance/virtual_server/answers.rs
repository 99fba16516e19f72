//! Answers in the shapes that the platform, its gateway and its firewall have for them.

use std::time::Duration;

use cloudvolume::simulator::{
    Effect, FaultRule,
    samsungcloud::{
        Durations,
        built_in::{server_id, volume_id},
        switches::{ErrorDetail, LastingRefusal, ServerBusy, Timestamps, Unauthorized},
    },
};

use super::{provider_and, stage, stage_with};
use crate::support::stage::Stage;

/// What the gateway says when the headers that tell who calls are missing.
const SPRING: &str = r#"{"timestamp":"2026-06-01T00:00:00.000+00:00","path":"/v1/volumes","status":404,"error":"Not Found","requestId":"1a2b3c4d-1"}"#;

#[tokio::test]
async fn a_404_of_the_gateway_and_a_page_of_the_firewall_keep_the_state() {
    let stage = stage().await;
    stage.configure(&stage.attachment("timeouts = { read = \"1s\", delete = \"1s\" }"));
    stage.terraform.apply().await.succeeds();
    for (effect, said) in [
        (Effect::Status { status: 404, body: SPRING.to_owned() }, "gateway knows no such call"),
        (Effect::HtmlPage { status: 417 }, "417"),
    ] {
        stage.cloud.add_fault(FaultRule::new("ShowVolume", effect.clone()));
        stage.cloud.add_fault(FaultRule::new("ShowVirtualServer", effect));
        stage.terraform.plan().await.fails().says(&[said, &server_id(1), &volume_id(1)]);
        stage.terraform.destroy().await.fails().says(&[said, &server_id(1), &volume_id(1)]);
        assert_eq!(stage.terraform.state().len(), 1, "{said}");
        stage.cloud.clear_faults();
    }
    // A second is enough to be refused in, and not always to look in.
    stage.configure(&stage.attachment(""));
    stage.terraform.run(&["apply", "-no-color", "-auto-approve", "-refresh=false"]).await.succeeds();
    stage.terraform.plan().await.changes_nothing();
    assert_eq!(stage.mutations(), [stage.subject.calls.attach]);
}

#[tokio::test]
async fn a_conflict_that_passes_is_tried_again() {
    let stage = stage().await;
    stage.configure(&stage.attachment(""));
    for call in [stage.subject.calls.attach, stage.subject.calls.detach] {
        stage.cloud.add_fault(FaultRule::new(call, conflict("The volume is creating.")).times(2));
    }
    stage.terraform.apply().await.succeeds();
    assert_eq!(stage.cloud.count(stage.subject.calls.attach), 3);
    stage.terraform.destroy().await.succeeds();
    assert_eq!(stage.cloud.count(stage.subject.calls.detach), 3);
}

#[tokio::test]
async fn volumes_of_a_server_that_takes_one_operation_at_a_time_take_turns() {
    let stage = stage_with(|config| {
        config.samsungcloud.switches.server_busy = ServerBusy::Conflict;
        // All together take longer than a conflict that nothing explains is put up with.
        config.samsungcloud.durations = Durations::all(Duration::from_secs(7));
    });
    let stage = stage.await;
    stage.configure(&stage.attachments());
    stage.terraform.apply().await.succeeds();
    let attached = (0..stage.subject.volumes.len()).filter(|volume| stage.is_attached(0, *volume)).count();
    assert_eq!(attached, stage.subject.volumes.len());
}

#[tokio::test]
async fn a_conflict_that_does_not_pass_is_explained_in_the_clouds_words() {
    let stage = stage().await;
    // A server of an auto-scaling group. That the time runs out is only to keep the test short.
    stage.configure(&stage.attachment_to(&server_id(4), &volume_id(1), "timeouts = { create = \"3s\" }"));
    let apply = stage.terraform.apply().await.fails();
    apply.says(&["409", "VirtualServer.AttachVolume.Conflict", "Auto-Scaling Group", &server_id(4), &volume_id(1)]);
    assert_eq!(stage.terraform.state().len(), 0);

    stage.cloud.set_samsungcloud_switches(|switches| switches.lasting_refusal = LastingRefusal::BadRequest);
    stage.cloud.clear_journal();
    let apply = stage.terraform.apply().await.fails();
    apply.says(&["400", "VirtualServer.AttachVolume.Invalid", "Auto-Scaling Group", "auto-scaling group"]);
    assert_eq!(stage.cloud.count(stage.subject.calls.attach), 1, "it is not sent again");
}

fn conflict(text: &str) -> Effect {
    let code = "VirtualServer.AttachVolume.Conflict".to_owned();
    Effect::ApiError { status: 409, code, message: text.to_owned() }
}

#[tokio::test]
async fn details_are_read_whether_they_are_a_list_or_a_text() {
    for detail in [ErrorDetail::List, ErrorDetail::Text, ErrorDetail::AlwaysList] {
        let stage = stage_with(|config| config.samsungcloud.switches.error_detail = detail).await;
        stage.configure(&stage.attachment(""));
        let denied = Effect::ApiError {
            status: 403,
            code: "Forbidden".to_owned(),
            message: "Action definition is not found.".to_owned(),
        };
        stage.cloud.add_fault(FaultRule::new(stage.subject.calls.attach, denied).times(1));
        let apply = stage.terraform.apply().await.fails();
        apply.says(&["403", "Forbidden", "Action definition is not found", stage.subject.calls.attach, "req-"]);
        assert_eq!(stage.terraform.state().len(), 0);
        assert_eq!(stage.cloud.count(stage.subject.calls.attach), 1, "it is not sent again");
        // "Not found" is understood in each of them, too.
        stage.terraform.apply().await.succeeds();
        stage.delete_volume(0);
        stage.terraform.plan().await.changes_something().says(&["1 to add, 0 to change, 0 to destroy"]);
    }
}

#[tokio::test]
async fn a_wrong_key_is_said_in_either_shape_and_not_tried_for_long() {
    for shape in [Unauthorized::Envelope, Unauthorized::Gateway] {
        let stage = stage_with(|config| config.samsungcloud.switches.unauthorized = shape).await;
        let wrong = "not-the-secret-of-this-key";
        stage.write(&stage.provider_with("secret_key", wrong), &stage.attachment(""));
        stage.terraform.apply().await.fails().says(&["401", "credentials of samsungcloud"]).never_says(wrong);
        assert_eq!(stage.terraform.state().len(), 0);
        assert!(stage.mutations().is_empty());
        let refused = |stage: &Stage| stage.cloud.count("ListEndpoints") + stage.cloud.count("ShowVolume");
        assert!(refused(&stage) <= 4, "no loop: {:?}", stage.cloud.journal());
    }
}

#[tokio::test]
async fn times_are_read_with_a_zone_and_without() {
    for timestamps in [Timestamps::Zulu, Timestamps::Offset, Timestamps::Fraction, Timestamps::Zoneless] {
        let stage = stage_with(|config| config.samsungcloud.switches.timestamps = timestamps).await;
        stage.configure(&stage.attachment(""));
        stage.terraform.apply().await.succeeds();
        let attachment = stage.terraform.state().only().expect("an attachment");
        let shown = attachment.attributes["attached_at"].as_str().expect("a time").to_owned();
        let kept = stage.cloud.world(|world| {
            let volume = world.samsungcloud.volume(&volume_id(1)).expect("a volume");
            volume.attachment(&server_id(1)).expect("an attachment").attached_at.clone()
        });
        let seconds = kept.trim_end_matches('Z');
        assert!(shown.starts_with(seconds) && shown.ends_with('Z'), "{timestamps:?}: {shown} is not {kept}");
        stage.terraform.plan().await.changes_nothing();
    }
}

#[tokio::test]
async fn a_throttled_catalog_is_asked_again() {
    let stage = stage().await;
    let throttle = Effect::Throttle { style: Default::default(), retry_after: Some(0) };
    stage.cloud.add_fault(FaultRule::new("ListEndpoints", throttle).times(2));
    stage.write(&provider_and(&stage, "skip_version_check", "true"), &stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    assert_eq!(stage.cloud.count("ListEndpoints"), 3, "asked once in a run, and again while throttled");
}
