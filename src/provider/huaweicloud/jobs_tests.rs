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

/// `done`, `unknown`, or the code of the failure.
fn end(job: Option<&Job>) -> String {
    match end_for(&JobId::new("job-1"), job, &ServerId::new(SERVER)) {
        JobEnd::Done => "done".into(),
        JobEnd::Unknown => "unknown".into(),
        JobEnd::Failed(failure) => {
            assert_eq!(failure.job, JobId::new("job-1"));
            failure.code
        }
    }
}

#[test]
fn the_part_of_a_batch_that_is_about_the_server_counts_more_than_the_whole() {
    use JobStatus::{Fail, Running, Success};
    let with =
        |whole, part| job(None, whole, vec![job(Some("server-9"), Fail, vec![]), job(Some(SERVER), part, vec![])]);
    assert_eq!(end(Some(&with(Fail, Success))), "done");
    assert_eq!(end(Some(&with(Success, Fail))), "F.server-1");
    assert_eq!(end(Some(&with(Success, Running))), "done");
    assert_eq!(end(Some(&with(Fail, Running))), "F.whole");
    assert_eq!(end(Some(&job(None, Fail, vec![job(Some("server-9"), Success, vec![])]))), "F.whole");
}

#[test]
fn without_parts_the_whole_job_counts_and_without_a_job_nothing_is_known() {
    assert_eq!(end(Some(&job(Some(SERVER), JobStatus::Success, vec![]))), "done");
    assert_eq!(end(Some(&job(None, JobStatus::Fail, vec![]))), "F.whole");
    assert_eq!(end(None), "unknown");
}

#[test]
fn a_failure_tells_whether_something_else_was_going_on_and_says_so_when_it_has_no_reason() {
    for (code, conflict) in [("Ecs.0100", true), ("Ecs.0103", true), ("Ecs.0603", true), ("Ecs.0005", false)] {
        let failed = Job { error_code: Some(ErrorCode::new(code)), ..job(None, JobStatus::Fail, vec![]) };
        match end_for(&JobId::new("job-1"), Some(&failed), &ServerId::new(SERVER)) {
            JobEnd::Failed(failure) => assert_eq!((failure.code.as_str(), failure.conflict), (code, conflict)),
            end => panic!("{end:?}"),
        }
    }
    let silent = Job { error_code: None, fail_reason: None, ..job(None, JobStatus::Fail, vec![]) };
    match end_for(&JobId::new("job-1"), Some(&silent), &ServerId::new(SERVER)) {
        JobEnd::Failed(failure) => {
            assert_eq!((&*failure.code, &*failure.reason), ("no error code", "no reason given"));
        }
        end => panic!("{end:?}"),
    }
}
