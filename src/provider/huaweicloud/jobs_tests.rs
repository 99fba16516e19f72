//! Tests of how a job went for one server of it.

use super::*;
use crate::huaweicloud::ErrorCode;

const SERVER: &str = "server-1";

fn job(server: Option<&str>, status: JobStatus, sub_jobs: Vec<Job>) -> Job {
    let failed = status == JobStatus::Fail;
    Job {
        id: None,
        status,
        job_type: None,
        begin_time: None,
        end_time: None,
        error_code: failed.then(|| ErrorCode::new(format!("F.{}", server.unwrap_or("whole")))),
        fail_reason: failed.then(|| "no luck".to_owned()),
        server_id: server.map(ServerId::new),
        volume_id: None,
        sub_jobs,
    }
}

/// `done`, `unknown`, or the code of the failure, with a `?` when nobody knows whose it is.
fn end(job: Option<&Job>, of_batch: bool) -> String {
    match end_for(&JobId::new("job-1"), job, &ServerId::new(SERVER), of_batch) {
        JobEnd::Done => "done".into(),
        JobEnd::Unknown => "unknown".into(),
        JobEnd::Failed(failure) => {
            assert_eq!(failure.job, JobId::new("job-1"));
            failure.code + if failure.of_batch { "?" } else { "" }
        }
    }
}

#[test]
fn the_part_of_a_batch_that_is_about_the_server_counts_more_than_the_whole() {
    use JobStatus::{Fail, Running, Success};
    let with = |whole, part| {
        let parts = vec![job(Some("server-9"), Fail, vec![]), job(Some(SERVER), part, vec![])];
        end(Some(&job(None, whole, parts)), true)
    };
    assert_eq!(with(Fail, Success), "done");
    assert_eq!(with(Success, Fail), "F.server-1");
    assert_eq!(with(Success, Success), "done");
    assert_eq!(with(Success, Running), "unknown");
    assert_eq!(with(Fail, Running), "F.whole?");
}

#[test]
fn a_batch_without_a_part_for_the_server_leaves_it_to_the_pair() {
    use JobStatus::{Fail, Success};
    let nameless = || vec![job(None, Success, vec![])];
    let of_another = || vec![job(Some("server-9"), Success, vec![])];
    for parts in [Vec::new, nameless, of_another] {
        assert_eq!(end(Some(&job(None, Fail, parts())), true), "F.whole?");
        assert_eq!(end(Some(&job(None, Success, parts())), true), "unknown");
    }
    let busy = Job { error_code: Some(ErrorCode::new("Ecs.0603")), ..job(None, Fail, vec![]) };
    match end_for(&JobId::new("job-1"), Some(&busy), &ServerId::new(SERVER), true) {
        JobEnd::Failed(failure) => assert!(!failure.conflict, "it may be another server's"),
        end => panic!("{end:?}"),
    }
}

#[test]
fn a_plain_job_counts_for_its_server_and_without_a_job_nothing_is_known() {
    assert_eq!(end(Some(&job(Some(SERVER), JobStatus::Success, vec![])), false), "done");
    assert_eq!(end(Some(&job(None, JobStatus::Success, vec![])), false), "done");
    assert_eq!(end(Some(&job(None, JobStatus::Fail, vec![])), false), "F.whole");
    assert_eq!(end(None, false), "unknown");
}

#[test]
fn a_failure_tells_whether_something_else_was_going_on_and_says_so_when_it_has_no_reason() {
    for (code, conflict) in [("Ecs.0100", true), ("Ecs.0103", true), ("Ecs.0603", true), ("Ecs.0005", false)] {
        let failed = Job { error_code: Some(ErrorCode::new(code)), ..job(None, JobStatus::Fail, vec![]) };
        match end_for(&JobId::new("job-1"), Some(&failed), &ServerId::new(SERVER), false) {
            JobEnd::Failed(failure) => assert_eq!((failure.code.as_str(), failure.conflict), (code, conflict)),
            end => panic!("{end:?}"),
        }
    }
    let silent = Job { error_code: None, fail_reason: None, ..job(None, JobStatus::Fail, vec![]) };
    match end_for(&JobId::new("job-1"), Some(&silent), &ServerId::new(SERVER), false) {
        JobEnd::Failed(failure) => {
            assert_eq!((&*failure.code, &*failure.reason), ("no error code", "no reason given"));
        }
        end => panic!("{end:?}"),
    }
}
