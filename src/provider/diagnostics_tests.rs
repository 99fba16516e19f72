//! Tests of the texts: whatever went wrong, they name what it was about and say what to do next.

use time::macros::date;

use super::*;
use crate::{
    ids::{ServerId, VolumeId},
    samsungcloud::OfferedVersion,
};

static CLOUD: Cloud = cloud(Some("release_stale_record"));

const fn cloud(stale_record_option: Option<&'static str>) -> Cloud {
    Cloud {
        name: "Fake Cloud",
        server: "server",
        volume: "volume",
        block: "huaweicloud",
        first_look: Duration::from_millis(100),
        stale_record_option,
        refusal_hint: Some("A hint of the cloud."),
    }
}

const ACTIONS: [Action; 6] =
    [Action::Attach, Action::Detach, Action::Read, Action::Import, Action::Update, Action::Start];

const KINDS: [ErrorKind; 17] = [
    ErrorKind::NotFound,
    ErrorKind::AlreadyAttached,
    ErrorKind::NotAttached,
    ErrorKind::Conflict,
    ErrorKind::Quota,
    ErrorKind::Invalid,
    ErrorKind::Unauthenticated,
    ErrorKind::PermissionDenied,
    ErrorKind::NoSuchRoute,
    ErrorKind::Throttled,
    ErrorKind::Server,
    ErrorKind::AnswerLost,
    ErrorKind::Unreachable,
    ErrorKind::Malformed,
    ErrorKind::Configuration,
    ErrorKind::Stopped,
    ErrorKind::DeadlineExceeded,
];

fn refusals() -> Vec<Refusal> {
    vec![
        Refusal::NoServer,
        Refusal::NoVolume,
        Refusal::SystemVolume,
        Refusal::HeldBy(vec![ServerId::new("server-9")]),
        Refusal::Zones { server: "az1".into(), volume: "az2".into() },
        Refusal::ServerState("ERROR".into()),
        Refusal::ServerLocked,
        Refusal::VolumeState("error_extending".into()),
        Refusal::StaleRecord,
        Refusal::Disagreement,
        Refusal::FellBack,
        Refusal::NoEffect,
    ]
}

fn failure(kind: ErrorKind) -> Failure {
    Failure {
        kind,
        operation: "FakeCall".into(),
        text: "FakeCall: code F.7 (request id r-42).".into(),
        clock_skew: None,
        busy: false,
    }
}

fn job_failure() -> JobFailure {
    JobFailure {
        job: JobId::new("job-1"),
        code: "F.1".into(),
        reason: "no luck.".into(),
        conflict: false,
        busy: false,
        of_batch: false,
    }
}

fn problems() -> Vec<Problem> {
    let ended = |ended| Problem::Ended { ended, waiting_for: "job job-1 is RUNNING".into() };
    let mut problems: Vec<_> = refusals().into_iter().map(Problem::Refused).collect();
    problems.extend(KINDS.map(failure).map(Problem::Call));
    problems.extend([Problem::Job(job_failure()), Problem::NotThere]);
    problems.extend([ended(Ended::Stopped), ended(Ended::DeadlineExceeded)]);
    problems
}

fn text(action: Action, kept: bool, job: Option<&str>, problem: &Problem) -> Diagnostic {
    text_of(&CLOUD, Duration::from_secs(65), action, kept, job, problem)
}

fn text_of(
    cloud: &'static Cloud,
    elapsed: Duration,
    action: Action,
    kept: bool,
    job: Option<&str>,
    problem: &Problem,
) -> Diagnostic {
    let pair = Pair { server: ServerId::new("server-1"), volume: VolumeId::new("volume-2") };
    let report = Report {
        cloud,
        region: "nowhere-1",
        pair: &pair,
        action,
        elapsed,
        timeout: Duration::from_secs(600),
        job: job.map(JobId::new),
        kept,
    };
    report.problem(problem)
}

#[test]
fn every_text_names_the_pair_the_cloud_and_the_region_and_says_what_to_do_next() {
    for action in ACTIONS {
        for problem in problems() {
            for kept in [false, true] {
                let Diagnostic { summary, detail, .. } = text(action, kept, None, &problem);
                for part in ["server-1", "volume-2", "Fake Cloud", "nowhere-1"] {
                    assert!(detail.contains(part), "{part} is missing: {problem:?} {detail}");
                }
                let paragraphs: Vec<_> = detail.split("\n\n").collect();
                assert!(paragraphs.len() == 3 && paragraphs.iter().all(|p| p.ends_with(['.', '?'])), "{detail}");
                assert!(!detail.contains("..") && !summary.ends_with('.') && !summary.is_empty(), "{summary} {detail}");
            }
        }
    }
}

#[test]
fn every_text_tells_its_job_and_how_long_it_took_unless_that_was_nothing() {
    for action in ACTIONS {
        for problem in problems() {
            let detail = text(action, true, Some("job-1"), &problem).detail;
            assert!(detail.contains("Job job-1.") && detail.contains("After 1 m 5 s of 10 m."), "{detail}");
            let detail = text_of(&CLOUD, Duration::from_millis(3), action, true, None, &problem).detail;
            assert!(!detail.contains("After "), "{detail}");
        }
    }
}

#[test]
fn a_refusal_names_what_is_in_the_way() {
    for (refusal, attribute, parts) in [
        (Refusal::NoServer, "server_id", &["no server server-1"][..]),
        (Refusal::NoVolume, "volume_id", &["no volume volume-2"]),
        (Refusal::HeldBy(vec![ServerId::new("server-9")]), "volume_id", &["server server-9", "not shared"]),
        (Refusal::Zones { server: "az1".into(), volume: "az2".into() }, "volume_id", &["az1", "az2"]),
        (Refusal::ServerState("ERROR".into()), "server_id", &["status is ERROR"]),
        (Refusal::ServerLocked, "server_id", &["Unlock", "Nothing was stopped"]),
        (Refusal::VolumeState("error_extending".into()), "volume_id", &["status is error_extending"]),
        (Refusal::StaleRecord, "volume_id", &["release_stale_record = true"]),
    ] {
        let Diagnostic { detail, attribute: path, .. } = text(Action::Attach, false, None, &Problem::Refused(refusal));
        assert_eq!(path, AttributePath::new(attribute));
        assert!(parts.iter().all(|part| detail.contains(part)), "{detail}");
    }
}

#[test]
fn a_failed_call_is_shown_as_the_cloud_answered_it_with_what_helps() {
    for (kind, next) in [
        (ErrorKind::Unauthenticated, "Check the credentials of huaweicloud"),
        (ErrorKind::PermissionDenied, "Grant the permission for FakeCall"),
        (ErrorKind::PermissionDenied, "speaks of the account"),
        (ErrorKind::NoSuchRoute, "endpoints of huaweicloud"),
        (ErrorKind::Unreachable, "proxy"),
        (ErrorKind::Throttled, "requests_per_second"),
        (ErrorKind::Quota, "another server or volume"),
        (ErrorKind::Configuration, "HW_ACCESS_KEY"),
        (ErrorKind::Invalid, "A hint of the cloud."),
        (ErrorKind::Conflict, "Clear what the cloud names, or apply again later"),
        (ErrorKind::AnswerLost, "looked at before anything is sent"),
    ] {
        let detail = text(Action::Attach, false, None, &Problem::Call(failure(kind))).detail;
        assert!(detail.contains("code F.7 (request id r-42).") && detail.contains(next), "{detail}");
    }
    let detail = text(Action::Update, true, None, &Problem::Call(failure(ErrorKind::Invalid))).detail;
    assert!(detail.contains("remove delete_on_termination"), "{detail}");
    let skewed = Failure { clock_skew: Some(Duration::from_secs(3600)), ..failure(ErrorKind::Unauthenticated) };
    let detail = text(Action::Read, true, None, &Problem::Call(skewed)).detail;
    assert!(detail.contains("clock is 60 m off"), "{detail}");
}

#[test]
fn a_failed_job_tells_its_code_and_reason_and_a_detach_asks_for_the_unmount() {
    for (action, unmount) in [(Action::Attach, false), (Action::Detach, true)] {
        let detail = text(action, true, None, &Problem::Job(job_failure())).detail;
        assert!(detail.contains("Job job-1 failed with F.1: no luck. The attachment stays"), "{detail}");
        assert_eq!(detail.contains("unmounted"), unmount, "{detail}");
    }
}

#[test]
fn a_deadline_tells_what_was_last_seen_and_which_timeout_to_raise() {
    let ended = Problem::Ended { ended: Ended::DeadlineExceeded, waiting_for: "job job-1 is RUNNING".into() };
    for (action, kept, next) in [
        (Action::Attach, true, &["terraform untaint", "timeouts.create"][..]),
        (Action::Attach, false, &["Nothing is under way", "timeouts.create"]),
        (Action::Detach, true, &["asks the same job", "unmounted", "timeouts.delete"]),
        (Action::Update, true, &["shows in the next plan", "timeouts.update"]),
        (Action::Read, true, &["Nothing was changed", "timeouts.read"]),
        (Action::Import, false, &["import again"]),
        (Action::Start, true, &["the next destroy starts the server", "timeouts.delete"]),
    ] {
        let Diagnostic { detail, attribute, .. } = text(action, kept, Some("job-1"), &ended);
        assert_eq!(attribute, AttributePath::new("timeouts"));
        assert!(detail.contains("Last seen: job job-1 is RUNNING.") && detail.contains("Job job-1."), "{detail}");
        assert!(next.iter().all(|part| detail.contains(part)), "{detail}");
    }
    let detail = text(Action::Detach, true, None, &ended).detail;
    assert!(detail.contains("looks at what is there") && !detail.contains("same job"), "{detail}");
}

#[test]
fn a_stale_record_is_released_by_way_of_the_state_where_a_destroy_met_it() {
    static NO_OPTION: Cloud = cloud(None);
    let stale = Problem::Refused(Refusal::StaleRecord);
    let took = Duration::from_secs(1);
    for (cloud, action, said) in [
        (&CLOUD, Action::Detach, "apply that change alone, and destroy again"),
        (&CLOUD, Action::Attach, "Set release_stale_record = true and apply again"),
        (&NO_OPTION, Action::Detach, "clear the record, or drop the attachment from the state"),
        (&NO_OPTION, Action::Attach, "Ask the cloud's support to clear the record."),
    ] {
        let detail = text_of(cloud, took, action, true, None, &stale).detail;
        assert!(detail.contains(said), "{detail}");
        assert_eq!(detail.contains("terraform state rm"), action == Action::Detach, "{detail}");
    }
}

#[test]
fn a_version_is_told_to_be_on_its_way_out_or_not_to_be_offered() {
    let offered =
        |version: &str, status, not_before| OfferedVersion { version: version.parse().unwrap(), status, not_before };
    let ending = offered("1.2", VersionStatus::Supported, Some(date!(2026 - 08 - 31)));
    let list = vec![offered("1.3", VersionStatus::Current, None), ending.clone()];
    let notice = |configured: &str, listed, remaining_days| {
        let mut diags = Diagnostics::default();
        let configured = configured.parse().unwrap();
        version_notice(&mut diags, &VersionNotice { configured, listed, remaining_days, offered: list.clone() });
        diags.warnings.remove(0)
    };
    let Diagnostic { summary, detail, .. } = notice("1.2", Some(ending), Some(30));
    assert!(summary.contains("on its way out"), "{summary}");
    assert_eq!(
        detail,
        "Version 1.2 is offered. It is supported until 2026-08-31.\n\n\
         The service offers 1.3, 1.2: set api_version to a newer one."
    );
    let Diagnostic { summary, detail, .. } = notice("1.9", None, None);
    assert_eq!(summary, "The API version is not offered by Samsung Cloud Platform");
    assert!(detail.ends_with("The service offers 1.3, 1.2: set api_version to one of them."), "{detail}");
}

#[test]
fn an_interrupt_tells_whether_anything_is_under_way() {
    let ended = Problem::Ended { ended: Ended::Stopped, waiting_for: "its turn".into() };
    // Not that nothing was sent: a call that the cloud refused or failed may have come before.
    let nothing = "Nothing is under way";
    assert!(text(Action::Attach, false, None, &ended).detail.contains(nothing));
    assert!(!text(Action::Detach, true, Some("job-1"), &ended).detail.contains(nothing));
    assert!(text(Action::Import, false, None, &ended).detail.contains("import again"));
}
