//! Batch attach and batch detach of one shared volume, and every layout of a partial failure.

use std::time::Duration;

use serde_json::{Value, json};

use crate::simulator::huaweicloud::World;
use crate::simulator::huaweicloud::built_in::{server_id, shared_volume_id, volume_id};
use crate::simulator::huaweicloud::switches::*;
use crate::simulator::testing::{Answer, call, detach, job, manual, start, volume};
use crate::simulator::{Config, Effect, FaultRule, Simulator};

/// Seventeen servers, the first `n` of which have the shared volume.
async fn shared_on(n: usize) -> Simulator {
    let mut world = World::fleet(17, 1, 1);
    (1..=n).for_each(|n| world.attach(&server_id(n), &shared_volume_id(1)));
    start(Config { world: Some(crate::simulator::World { huaweicloud: world, ..Default::default() }), ..manual() })
        .await
}

async fn batch(simulator: &Simulator, verb: &str, members: &Value) -> Answer {
    let path = format!("/v1/{{p}}/batchaction/{verb}volumes/{}", shared_volume_id(1));
    call(simulator, "POST", &path, &json!({"serverinfo": members}).to_string()).await
}

fn ids(numbers: impl IntoIterator<Item = usize>) -> Value {
    numbers.into_iter().map(server_id).collect()
}

fn objects(numbers: impl IntoIterator<Item = usize>) -> Value {
    numbers.into_iter().map(|n| json!({"server_id": server_id(n)})).collect()
}

#[tokio::test]
async fn sixteen_servers_get_and_lose_a_shared_volume_by_one_call_each() {
    let simulator = shared_on(0).await;
    let accepted = batch(&simulator, "attach", &objects(1..=16)).await;
    let shown = job(&simulator, &accepted).await;
    assert_eq!((&shown["status"], &shown["job_type"]), (&json!("INIT"), &json!("batchAttachVolume")));
    assert_eq!(shown["entities"]["sub_jobs_total"], 16);
    assert_eq!(shown["entities"]["sub_jobs"][3]["job_type"], "attachSingleVolume");
    simulator.advance_all();
    assert_eq!(job(&simulator, &accepted).await["status"], "SUCCESS");
    assert_eq!(volume(&simulator, &shared_volume_id(1)).await["attachments"].as_array().map(Vec::len), Some(16));

    let accepted = batch(&simulator, "detach", &ids(1..=16)).await;
    simulator.advance_all();
    assert_eq!(job(&simulator, &accepted).await["status"], "SUCCESS");
    assert_eq!(volume(&simulator, &shared_volume_id(1)).await["status"], "available");
    assert_eq!(simulator.mutations(), 2);
}

#[tokio::test]
async fn the_two_batches_do_not_take_each_other_s_members() {
    let simulator = shared_on(1).await;
    for (verb, members) in [("attach", ids([2])), ("detach", objects([1])), ("detach", json!([])), ("attach", json!(7))]
    {
        let answer = batch(&simulator, verb, &members).await;
        assert_eq!(answer.error(), (400, "Ecs.0005".to_owned()), "{verb} {members}");
    }
}

#[tokio::test]
async fn a_batch_wants_a_shared_volume_and_not_too_many_servers() {
    let simulator = shared_on(10).await;
    assert_eq!(batch(&simulator, "attach", &objects(1..=17)).await.error(), (400, "Ecs.0118".to_owned()));
    assert_eq!(batch(&simulator, "detach", &ids(1..=17)).await.error(), (400, "Ecs.0118".to_owned()));
    let plain = format!("/v1/{{p}}/batchaction/attachvolumes/{}", volume_id(1));
    let body = json!({"serverinfo": objects([1])}).to_string();
    assert_eq!(call(&simulator, "POST", &plain, &body).await.error(), (400, "Ecs.0005".to_owned()));

    simulator.edit(|world| world.huaweicloud.attach(&server_id(1), &volume_id(1)));
    let plain = format!("/v1/{{p}}/batchaction/detachvolumes/{}", volume_id(1));
    let body = json!({"serverinfo": ids([1])}).to_string();
    simulator.set_switches(|s| s.unshared_batch_detach = UnsharedBatchDetach::Refused);
    assert_eq!(call(&simulator, "POST", &plain, &body).await.error(), (400, "Ecs.0005".to_owned()));
    simulator.set_switches(|s| s.unshared_batch_detach = UnsharedBatchDetach::Accepted);
    assert_eq!(call(&simulator, "POST", &plain, &body).await.status, 200);
}

#[tokio::test]
async fn the_seventeenth_sharer_and_one_that_has_the_volume_are_bad_members() {
    let codes = |shown: &Value| -> Vec<Option<String>> {
        let sub_jobs = shown["entities"]["sub_jobs"].as_array().unwrap().iter();
        sub_jobs.map(|sub_job| sub_job["error_code"].as_str().map(str::to_owned)).collect()
    };
    let simulator = shared_on(14).await;
    let accepted = batch(&simulator, "attach", &objects(14..=17)).await;
    simulator.advance_all();
    let shown = job(&simulator, &accepted).await;
    assert_eq!(codes(&shown), [Some("Ecs.0057".to_owned()), None, None, Some("Ecs.0103".to_owned())]);
    let accepted = batch(&simulator, "attach", &objects(16..=17)).await;
    simulator.advance_all();
    let shown = job(&simulator, &accepted).await;
    assert_eq!(codes(&shown), [Some("Ecs.0057".to_owned()), Some("Ecs.0103".to_owned())], "there is no room at all");
    simulator.set_switches(|s| s.bad_batch_member = BadBatchMember::WholeRefused);
    assert_eq!(batch(&simulator, "attach", &objects([17])).await.error(), (400, "Ecs.0103".to_owned()));
}

#[tokio::test]
async fn a_member_named_twice_counts_once() {
    let simulator = shared_on(2).await;
    let accepted = batch(&simulator, "detach", &ids([1, 2, 1])).await;
    assert_eq!(job(&simulator, &accepted).await["entities"]["sub_jobs_total"], 2);
}

/// A batch detach in which one member is not attached and another is poisoned.
async fn partly_failed(layout: PartialBatch) -> (Simulator, Value) {
    let simulator = shared_on(3).await;
    simulator.set_switches(|s| s.partial_batch = layout);
    let effect = Effect::JobFails { code: "Common.0022".to_owned(), reason: "Mission fails.".to_owned() };
    simulator.add_fault(FaultRule::new("BatchDetachVolumes", effect).server(&server_id(2)));
    let accepted = batch(&simulator, "detach", &ids([1, 2, 3, 9])).await;
    simulator.advance_all();
    let shown = job(&simulator, &accepted).await;
    (simulator, shown)
}

#[tokio::test]
async fn one_bad_member_fails_alone_in_every_layout() {
    for layout in [
        PartialBatch::ParentFails,
        PartialBatch::ParentSucceeds,
        PartialBatch::NoSubJobs,
        PartialBatch::ParentFailsEarly,
    ] {
        let (simulator, shown) = partly_failed(layout).await;
        let record = volume(&simulator, &shared_volume_id(1)).await;
        assert_eq!(record["attachments"].as_array().map(Vec::len), Some(1), "{layout:?}");
        assert_eq!(record["attachments"][0]["server_id"], server_id(2), "{layout:?}");
        let parent = (shown["status"].as_str().unwrap(), shown["error_code"].as_str());
        let codes: Vec<_> = shown["entities"]["sub_jobs"].as_array().into_iter().flatten().collect();
        let codes: Vec<_> = codes.into_iter().map(|sub_job| sub_job["error_code"].as_str()).collect();
        let all = vec![None, Some("Common.0022"), None, Some("Ecs.0111")];
        let expected: ((&str, Option<&str>), Vec<Option<&str>>) = match layout {
            PartialBatch::ParentFails | PartialBatch::ParentFailsEarly => (("FAIL", Some("Common.0021")), all),
            PartialBatch::ParentSucceeds => (("SUCCESS", None), all),
            PartialBatch::NoSubJobs => (("FAIL", Some("Common.0021")), Vec::new()),
        };
        assert_eq!((parent, codes), expected, "{layout:?}");
    }
    let (_, shown) = partly_failed(PartialBatch::ParentFails).await;
    let failed = &shown["entities"]["sub_jobs"][1];
    assert_eq!(failed["entities"], json!({"server_id": server_id(2), "errorcode_message": "Mission fails."}));
}

/// The parent's status and those of its sub-jobs.
async fn statuses(simulator: &Simulator, accepted: &Answer) -> (String, Vec<String>) {
    let shown = job(simulator, accepted).await;
    let text = |value: &Value| value["status"].as_str().unwrap().to_owned();
    (text(&shown), shown["entities"]["sub_jobs"].as_array().into_iter().flatten().map(text).collect())
}

#[tokio::test]
async fn members_may_end_one_after_the_other_and_bad_ones_at_once() {
    let simulator = shared_on(2).await;
    simulator.set_config(|config| config.huaweicloud.durations.member = Duration::from_secs(1));
    let accepted = batch(&simulator, "detach", &ids([1, 9, 2])).await;
    for expected in [
        ("INIT", ["INIT", "FAIL", "INIT"]),
        ("RUNNING", ["RUNNING", "FAIL", "RUNNING"]),
        ("RUNNING", ["SUCCESS", "FAIL", "RUNNING"]),
        ("FAIL", ["SUCCESS", "FAIL", "SUCCESS"]),
    ] {
        let (parent, members) = statuses(&simulator, &accepted).await;
        assert_eq!((parent.as_str(), &*members), (expected.0, &expected.1.map(str::to_owned)[..]));
        let has_left = members[0] == "SUCCESS";
        let disk_is_gone = |w: &crate::simulator::World| {
            w.huaweicloud.server(&server_id(1)).unwrap().disk(&shared_volume_id(1)).is_none()
        };
        assert_eq!(simulator.world(disk_is_gone), has_left);
        simulator.advance();
    }
    let shown = job(&simulator, &accepted).await;
    assert_eq!(shown["entities"]["sub_jobs"][1]["end_time"], shown["begin_time"]);
    let jobs = call(&simulator, "GET", "/_simulator/jobs", "").await.json();
    assert!(jobs["jobs"][0]["parts"][1]["ended"].is_f64());
}

#[tokio::test]
async fn a_parent_may_fail_while_members_still_run() {
    let simulator = shared_on(2).await;
    simulator.set_switches(|s| s.partial_batch = PartialBatch::ParentFailsEarly);
    let accepted = batch(&simulator, "detach", &ids([1, 9, 2])).await;
    simulator.advance();
    let fails = ("FAIL".to_owned(), ["RUNNING", "FAIL", "RUNNING"].map(str::to_owned).to_vec());
    assert_eq!(statuses(&simulator, &accepted).await, fails);
    assert_eq!(job(&simulator, &accepted).await["error_code"], "Common.0021");
    let busy = detach(&simulator, &server_id(1), &shared_volume_id(1)).await;
    assert_eq!(busy.error(), (400, "Ecs.0100".to_owned()), "its part goes on");
    simulator.advance_all();
    let done = ("FAIL".to_owned(), ["SUCCESS", "FAIL", "SUCCESS"].map(str::to_owned).to_vec());
    assert_eq!(statuses(&simulator, &accepted).await, done);
    assert_eq!(volume(&simulator, &shared_volume_id(1)).await["status"], "available");
}

#[tokio::test]
async fn a_batch_that_succeeded_may_list_no_sub_jobs() {
    for (switch, sub_jobs) in [(SubJobsOfSuccess::Listed, 2), (SubJobsOfSuccess::Absent, 0)] {
        let simulator = shared_on(2).await;
        simulator.set_switches(|s| s.sub_jobs_of_success = switch);
        let accepted = batch(&simulator, "detach", &ids([1, 2])).await;
        assert_eq!(statuses(&simulator, &accepted).await.1.len(), 2, "while it runs");
        simulator.advance_all();
        let (parent, members) = statuses(&simulator, &accepted).await;
        assert_eq!((parent.as_str(), members.len()), ("SUCCESS", sub_jobs), "{switch:?}");
    }
}

#[tokio::test]
async fn a_sub_job_may_say_why_in_its_entities_alone() {
    for (reason, code) in [(SubJobReason::Codes, json!("Ecs.0111")), (SubJobReason::ErrorcodeMessage, Value::Null)] {
        let simulator = shared_on(1).await;
        simulator.set_switches(|s| s.sub_job_reason = reason);
        let accepted = batch(&simulator, "detach", &ids([1, 9])).await;
        simulator.advance_all();
        let failed = job(&simulator, &accepted).await["entities"]["sub_jobs"][1].clone();
        assert_eq!((&failed["status"], &failed["error_code"]), (&json!("FAIL"), &code), "{reason:?}");
        assert_eq!(failed["fail_reason"].is_null(), code.is_null());
        assert!(failed["entities"]["errorcode_message"].as_str().unwrap().contains("has been detached"));
    }
}

#[tokio::test]
async fn a_job_may_fail_although_its_work_is_done() {
    let simulator = shared_on(2).await;
    let effect = || Effect::JobFails { code: "Common.0022".to_owned(), reason: "Mission fails.".to_owned() };
    simulator.add_fault(FaultRule::new("BatchDetachVolumes", effect()).server(&server_id(1)).after());
    let accepted = batch(&simulator, "detach", &ids([1, 2])).await;
    simulator.advance_all();
    let shown = job(&simulator, &accepted).await;
    assert_eq!(shown["entities"]["sub_jobs"][0]["error_code"], "Common.0022");
    assert_eq!(volume(&simulator, &shared_volume_id(1)).await["status"], "available", "both are gone");

    simulator.add_fault(FaultRule::new("AttachServerVolume", effect()).after());
    let accepted = crate::simulator::testing::attach(&simulator, &server_id(1), &volume_id(1)).await;
    simulator.advance_all();
    assert_eq!(job(&simulator, &accepted).await["status"], "FAIL");
    assert!(simulator.world(|world| world.huaweicloud.is_attached(&server_id(1), &volume_id(1))));
}

#[tokio::test]
async fn a_bad_member_can_have_the_whole_batch_refused() {
    let simulator = shared_on(2).await;
    simulator.set_switches(|s| s.bad_batch_member = BadBatchMember::WholeRefused);
    assert_eq!(batch(&simulator, "detach", &ids([1, 9])).await.error(), (400, "Ecs.0111".to_owned()));
    assert_eq!(batch(&simulator, "detach", &ids([1, 99])).await.error(), (404, "Ecs.0114".to_owned()));
    assert!(simulator.jobs().is_empty());
}

#[tokio::test]
async fn sub_jobs_may_have_no_ids() {
    let simulator = shared_on(2).await;
    let accepted = batch(&simulator, "detach", &ids([1, 2])).await;
    assert!(job(&simulator, &accepted).await["entities"]["sub_jobs"][0]["job_id"].is_string());
    simulator.set_switches(|s| s.sub_job_ids = SubJobIds::Absent);
    assert!(job(&simulator, &accepted).await["entities"]["sub_jobs"][0].get("job_id").is_none());
}

#[tokio::test]
async fn a_site_may_not_have_the_batch_routes() {
    let unknown =
        |answer: &Answer| (answer.status, answer.json()["error_code"].as_str().unwrap_or_default().to_owned());
    let simulator = shared_on(1).await;
    simulator.set_switches(|s| s.batch_routes = BatchRoutes::AttachOnly);
    assert_eq!(batch(&simulator, "attach", &objects([2])).await.status, 200);
    assert_eq!(unknown(&batch(&simulator, "detach", &ids([1])).await), (404, "APIGW.0101".to_owned()));
    simulator.set_switches(|s| s.batch_routes = BatchRoutes::None);
    assert_eq!(unknown(&batch(&simulator, "attach", &objects([3])).await), (404, "APIGW.0101".to_owned()));
}

#[tokio::test]
async fn a_batch_is_one_operation_of_its_volume_and_of_each_server() {
    let simulator = shared_on(3).await;
    batch(&simulator, "detach", &ids([1, 2])).await;
    assert_eq!(batch(&simulator, "detach", &ids([3])).await.error(), (400, "Ecs.0103".to_owned()));
    assert_eq!(batch(&simulator, "attach", &objects([4])).await.error(), (400, "Ecs.0103".to_owned()));
    assert_eq!(detach(&simulator, &server_id(3), &shared_volume_id(1)).await.error(), (400, "Ecs.0103".to_owned()));
    let other = crate::simulator::testing::attach(&simulator, &server_id(1), &volume_id(1)).await;
    assert_eq!(other.error(), (400, "Ecs.0100".to_owned()));

    let simulator = shared_on(3).await;
    simulator.set_switches(|s| s.volume_conflict = VolumeConflict::FailedJob);
    batch(&simulator, "detach", &ids([1])).await;
    let second = batch(&simulator, "detach", &ids([2, 3])).await;
    simulator.advance_all();
    let shown = job(&simulator, &second).await;
    assert_eq!(shown["entities"]["sub_jobs"][0]["error_code"], "Ecs.0103");
    assert_eq!(volume(&simulator, &shared_volume_id(1)).await["attachments"].as_array().map(Vec::len), Some(2));

    simulator.set_switches(|s| s.volume_refusal = VolumeRefusal::FailedJob);
    simulator.edit(|world| "error".clone_into(&mut world.huaweicloud.volume_mut(&shared_volume_id(1)).unwrap().status));
    let refused = batch(&simulator, "attach", &objects([5, 6])).await;
    simulator.advance_all();
    let shown = job(&simulator, &refused).await;
    assert_eq!(shown["entities"]["sub_jobs"][1]["error_code"], "Ecs.0205", "as for one server");
}
