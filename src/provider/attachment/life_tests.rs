//! Tests of [`super::life`]: what each operation leaves in Terraform's state, in private data and in what a person reads.

use std::{sync::Arc, time::Duration};

use tf_provider::{Diagnostics, value::Value};
use tokio_util::sync::CancellationToken;

use super::{
    fake::{JOB, Luck, RECORD, World},
    fake_terraform::{TIMEOUT, Terraform, TestModel, config, on_destroy, only},
    ledger::{Operation, Pending, Private},
    sight::Readiness,
};
use crate::{
    ids::{JobId, ServerId},
    transport::ErrorKind,
};

const SECOND: Duration = Duration::from_secs(1);

/// A job that outlives every timeout of the tests.
fn stuck() -> World {
    World { slow: TIMEOUT * 2, ..World::default() }
}

fn unlucky(luck: Luck) -> World {
    World { luck: [luck].into(), ..World::default() }
}

fn other() -> ServerId {
    ServerId::new("33333333-3333-4333-8333-333333333333")
}

fn pending(operation: Operation, job: Option<&str>) -> Private {
    let pending = Pending { operation, job: job.map(JobId::new), started_at: 0 };
    Private { pending: Some(pending), ..Private::default() }
}

/// Runs an operation and stops it after this time.
async fn stopped_after(
    time: Duration,
    terraform: &mut Terraform,
    operation: impl AsyncFnOnce(&mut Terraform) -> Diagnostics,
) -> Diagnostics {
    let stop = terraform.stop.clone();
    let (diags, ()) = tokio::join!(operation(terraform), async {
        tokio::time::sleep(time).await;
        stop.cancel();
    });
    terraform.stop = CancellationToken::new();
    diags
}

fn calls(terraform: &Terraform) -> Vec<Operation> {
    terraform.cloud.world().calls.iter().filter(|(_, began)| *began).map(|(operation, _)| *operation).collect()
}

fn state(terraform: &Terraform) -> &TestModel {
    terraform.state.as_ref().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_created_attachment_has_what_the_cloud_says_of_it() {
    let mut terraform = Terraform::new(World::default(), config());
    assert_eq!(terraform.create().await, Diagnostics::default());
    let common = &state(&terraform).common;
    let id = "11111111-1111-4111-8111-111111111111/22222222-2222-4222-8222-222222222222";
    assert_eq!(common.id, Value::Value(id.to_owned()));
    assert_eq!(common.region, Value::Value("nowhere-1".to_owned()));
    assert_eq!(common.device, Value::Value("/dev/vdb".to_owned()));
    assert_eq!(common.multiattach, Value::Value(false));
    assert_eq!(terraform.private, Private::default());
}

#[tokio::test(start_paused = true)]
async fn an_attachment_that_is_there_is_adopted_with_a_warning() {
    let mut terraform = Terraform::new(World { on_server: true, on_volume: true, ..World::default() }, config());
    let diags = terraform.create().await;
    assert!(diags.errors.is_empty(), "{diags:?}");
    assert_eq!(only(&diags.warnings).0, "The volume was attached already");
    assert!(terraform.state.is_some() && !terraform.tainted);
    assert_eq!(calls(&terraform), []);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_is_refused_leaves_nothing_in_the_state() {
    for (world, summary) in [
        (World { no_server: true, ..World::default() }, "The server does not exist"),
        (World { no_volume: true, ..World::default() }, "The volume does not exist"),
        (World { other: Some(other()), ..World::default() }, "The volume is attached to another server"),
        (World { system_volume: true, ..World::default() }, "This is the server's system volume"),
        (World { power: Readiness::Unfit, ..World::default() }, "The server's state does not allow the attach"),
        (World { look_fails: Some(ErrorKind::Unauthenticated), ..World::default() }, "The attach failed"),
    ] {
        let mut terraform = Terraform::new(world, config());
        let diags = terraform.create().await;
        assert!(only(&diags.errors).0.starts_with(summary), "{diags:?}");
        assert_eq!((terraform.state.is_none(), calls(&terraform)), (true, vec![]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_job_fails_is_an_error_with_the_reason_and_leaves_nothing_in_the_state() {
    let mut terraform = Terraform::new(unlucky(Luck::JobFails), config());
    let (_, detail) = only(&terraform.create().await.errors);
    for part in ["job-1", "F.1", "no luck"] {
        assert!(detail.contains(part), "{detail}");
    }
    assert!(terraform.state.is_none());
    assert_eq!(terraform.private, Private::default());
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_job_fails_keeps_what_a_side_goes_on_listing() {
    let mut terraform = Terraform::new(unlucky(Luck::JobFails), config());
    let cloud = Arc::clone(&terraform.cloud);
    let (diags, ()) = tokio::join!(terraform.create(), async {
        tokio::time::sleep(SECOND).await;
        cloud.world().on_volume = true;
    });
    let (summary, detail) = only(&diags.errors);
    assert!(summary.contains("failed") && detail.contains("F.1") && detail.contains("tainted"), "{summary}: {detail}");
    assert_eq!(terraform.private, pending(Operation::Attach, Some("job-1")));
    // It turns out that the cloud did attach it.
    cloud.world().on_server = true;
    assert_eq!(terraform.refresh().await, Diagnostics::default());
    assert!(terraform.state.is_some() && terraform.private == Private::default());
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_does_not_hide_why_the_job_failed() {
    let mut terraform = Terraform::new(unlucky(Luck::JobFails), config());
    let cloud = Arc::clone(&terraform.cloud);
    let (diags, ()) = tokio::join!(stopped_after(JOB + SECOND, &mut terraform, Terraform::create), async {
        tokio::time::sleep(SECOND).await;
        cloud.world().on_volume = true;
    });
    assert!(only(&diags.errors).1.contains("F.1"), "{diags:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_cannot_be_asked_for_a_moment_does_not_hide_why_a_job_failed() {
    let mut terraform = Terraform::new(unlucky(Luck::JobFails), config());
    let cloud = std::sync::Arc::clone(&terraform.cloud);
    let (diags, ()) = tokio::join!(terraform.create(), async {
        tokio::time::sleep(JOB - SECOND).await;
        cloud.world().look_fails = Some(ErrorKind::Server);
        tokio::time::sleep(3 * SECOND).await;
        cloud.world().look_fails = None;
    });
    assert!(only(&diags.errors).1.contains("no luck"), "{diags:?}");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_runs_out_of_time_is_tainted_and_remembers_its_job() {
    let mut terraform = Terraform::new(stuck(), config());
    let (summary, detail) = only(&terraform.create().await.errors);
    assert_eq!(summary, "The attach did not finish in time");
    assert!(detail.contains("job-1") && detail.contains("terraform untaint"), "{detail}");
    assert!(terraform.tainted);
    assert_eq!(terraform.private, pending(Operation::Attach, Some("job-1")));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_is_interrupted_after_its_call_is_a_warning_and_not_tainted() {
    for (luck, job) in [(Luck::Good, Some("job-1")), (Luck::LostAfter, None)] {
        // The lost answer is interrupted while it is awaited, the job while it runs.
        let at = if job.is_some() { SECOND } else { Duration::from_millis(25) };
        let mut terraform = Terraform::new(unlucky(luck), config());
        let diags = stopped_after(at, &mut terraform, Terraform::create).await;
        assert!(diags.errors.is_empty(), "{diags:?}");
        assert_eq!(only(&diags.warnings).0, "Interrupted while the volume is being attached");
        assert_eq!(terraform.private, pending(Operation::Attach, job));
        assert!(terraform.state.is_some() && !terraform.tainted);

        // The next run waits for the same job.
        assert_eq!(terraform.refresh().await, Diagnostics::default());
        assert_eq!(state(&terraform).common.device, Value::Value("/dev/vdb".to_owned()));
        assert_eq!(terraform.private, Private::default());
        assert_eq!(calls(&terraform), [Operation::Attach]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_is_interrupted_before_its_call_is_an_error_and_leaves_nothing_in_the_state() {
    let mut terraform = Terraform::new(World::default(), config());
    let diags = stopped_after(Duration::from_millis(5), &mut terraform, Terraform::create).await;
    let (summary, detail) = only(&diags.errors);
    assert_eq!(summary, "The attach was interrupted");
    assert!(detail.contains("Nothing is under way"), "{detail}");
    assert_eq!((terraform.state.is_none(), calls(&terraform)), (true, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_flag_that_cannot_be_set_after_the_attach_is_a_warning() {
    let wanted = TestModel { delete_on_termination: Value::Value(true), ..config() };
    let world = World { flag_fails: Some(ErrorKind::PermissionDenied), ..World::default() };
    let mut terraform = Terraform::new(world, wanted.clone());
    let diags = terraform.create().await;
    assert!(diags.errors.is_empty(), "{diags:?}");
    assert_eq!(only(&diags.warnings).0, "delete_on_termination could not be set to true");
    // Terraform holds a create to its plan; the refresh after it tells what is set.
    assert_eq!(state(&terraform).delete_on_termination, Value::Value(true));

    let mut terraform = Terraform::new(World::default(), wanted);
    assert_eq!(terraform.create().await, Diagnostics::default());
    assert_eq!(terraform.cloud.world().flag, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_replacement_does_not_wait_for_the_job_of_what_it_replaces() {
    let mut terraform = Terraform::new(stuck(), config());
    terraform.create().await;
    tokio::time::sleep(TIMEOUT * 2).await;
    terraform.cloud.world().slow = Duration::ZERO;
    assert!(terraform.tainted);
    let began = tokio::time::Instant::now();
    assert_eq!(terraform.replace().await, Diagnostics::default());
    assert!(began.elapsed() < 3 * JOB, "{:?}", began.elapsed());
    assert_eq!(calls(&terraform), [Operation::Attach, Operation::Detach, Operation::Attach]);
    assert!(terraform.state.is_some() && !terraform.tainted);
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_is_gone_on_both_sides_leaves_the_state() {
    for world in [
        World::default(),
        World { no_server: true, ..World::default() },
        World { no_volume: true, ..World::default() },
        World { other: Some(other()), ..World::default() },
    ] {
        let mut terraform = Terraform::new(world, config());
        terraform.state = Some(config());
        assert_eq!(terraform.refresh().await, Diagnostics::default());
        assert!(terraform.state.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_keeps_the_state() {
    for kind in [ErrorKind::NoSuchRoute, ErrorKind::Unauthenticated, ErrorKind::Server, ErrorKind::Malformed] {
        let mut terraform = Terraform::new(World { look_fails: Some(kind), ..World::default() }, config());
        terraform.state = Some(config());
        assert!(only(&terraform.refresh().await.errors).0.starts_with("The read failed"));
        assert_eq!(terraform.state, Some(config()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_only_one_side_lists_stays_in_the_state() {
    for (no_server, on_server, warnings) in [(false, false, 1), (true, false, 1), (false, true, 0)] {
        let world = World { no_server, on_server, on_volume: !on_server, ..World::default() };
        let mut terraform = Terraform::new(world, config());
        terraform.state = Some(config());
        let diags = terraform.refresh().await;
        assert_eq!((diags.errors.len(), diags.warnings.len()), (0, warnings), "{diags:?}");
        assert!(terraform.state.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_waits_for_the_attach_of_an_earlier_run_and_removes_it_with_the_reason_when_it_failed() {
    let mut terraform = Terraform::new(unlucky(Luck::JobFails), config());
    stopped_after(SECOND, &mut terraform, Terraform::create).await;
    let diags = terraform.refresh().await;
    let (summary, detail) = only(&diags.warnings);
    assert_eq!(summary, "The attachment is removed from the state");
    assert!(detail.contains("job-1") && detail.contains("no luck"), "{detail}");
    assert!(diags.errors.is_empty() && terraform.state.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_refresh_removes_the_attach_of_an_earlier_run_that_never_arrived() {
    let mut terraform = Terraform::new(World::default(), config());
    (terraform.state, terraform.private) = (Some(config()), pending(Operation::Attach, None));
    let (summary, _) = only(&terraform.refresh().await.warnings);
    assert_eq!(summary, "The attachment is removed from the state");
    assert_eq!((terraform.state.is_none(), calls(&terraform)), (true, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_keeps_what_an_earlier_run_left_under_way_when_its_time_ends_first() {
    for operation in [Operation::Attach, Operation::Detach] {
        let mut terraform = match operation {
            Operation::Attach => Terraform::new(World { slow: 4 * TIMEOUT, ..World::default() }, config()),
            Operation::Detach => Terraform::attached(World { slow: 4 * TIMEOUT, ..World::default() }, config()).await,
        };
        match operation {
            Operation::Attach => terraform.create().await,
            Operation::Detach => terraform.delete().await,
        };
        let private = terraform.private.clone();
        let diags = terraform.refresh().await;
        assert!(diags.errors.is_empty(), "{diags:?}");
        let (summary, detail) = only(&diags.warnings);
        assert_eq!(summary, "The attachment is not settled yet");
        assert!(detail.contains("job-1"), "{detail}");
        assert_eq!((terraform.state.is_some(), &terraform.private), (true, &private));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_removes_what_an_earlier_run_detached() {
    let mut terraform = Terraform::attached(World::default(), config()).await;
    stopped_after(SECOND, &mut terraform, Terraform::delete).await;
    assert_eq!(terraform.private, pending(Operation::Detach, Some("job-1")));
    assert_eq!(terraform.refresh().await, Diagnostics::default());
    assert_eq!((terraform.state.is_none(), calls(&terraform)), (true, vec![Operation::Detach]));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_keeps_what_an_earlier_run_failed_to_detach() {
    let mut terraform = Terraform::attached(unlucky(Luck::JobFails), config()).await;
    stopped_after(SECOND, &mut terraform, Terraform::delete).await;
    assert_eq!(terraform.refresh().await, Diagnostics::default());
    assert!(terraform.state.is_some());
    assert_eq!(terraform.private, Private::default());
    assert_eq!(terraform.delete().await, Diagnostics::default());
    assert_eq!(calls(&terraform), [Operation::Detach, Operation::Detach]);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_after_a_detach_that_left_a_stale_record_lets_terraform_go_on() {
    let mut terraform = Terraform::new(World { on_volume: true, ..World::default() }, config());
    (terraform.state, terraform.private) = (Some(config()), pending(Operation::Detach, None));
    let diags = terraform.refresh().await;
    assert!(diags.errors.is_empty(), "{diags:?}");
    assert!(only(&diags.warnings).0.contains("the server does not list the volume"));
    assert!(terraform.state.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_update_sets_the_flag_in_place_and_keeps_the_prior_state_when_it_cannot() {
    let planned = TestModel { delete_on_termination: Value::Value(true), ..config() };
    let mut terraform = Terraform::attached(World::default(), config()).await;
    assert_eq!(terraform.update(planned.clone()).await, Diagnostics::default());
    assert_eq!((terraform.cloud.world().flag, terraform.state.as_ref()), (Some(true), Some(&planned)));
    assert_eq!(calls(&terraform), []);

    let world = World { flag_fails: Some(ErrorKind::Invalid), ..World::default() };
    let mut terraform = Terraform::attached(world, config()).await;
    let prior = terraform.state.clone();
    assert!(only(&terraform.update(planned).await.errors).0.starts_with("The update failed"));
    assert_eq!(terraform.state, prior);
}

#[tokio::test(start_paused = true)]
async fn an_update_of_what_only_the_provider_reads_calls_nobody() {
    let world = World { flag_fails: Some(ErrorKind::Invalid), ..World::default() };
    let mut terraform = Terraform::attached(world, config()).await;
    assert_eq!(terraform.update(on_destroy("abandon")).await, Diagnostics::default());
    assert_eq!(state(&terraform).common.on_destroy, Value::Value("abandon".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_destroy_detaches_and_forgets() {
    for model in [config(), on_destroy("detach")] {
        let mut terraform = Terraform::attached(World::default(), model).await;
        assert_eq!(terraform.delete().await, Diagnostics::default());
        assert_eq!(calls(&terraform), [Operation::Detach]);
        let world = terraform.cloud.world();
        assert!(!world.on_server && world.power_calls.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_destroy_that_is_to_abandon_or_to_be_refused_calls_nobody() {
    let mut terraform = Terraform::attached(World::default(), on_destroy("abandon")).await;
    terraform.cloud.world().look_fails = Some(ErrorKind::Server);
    assert_eq!(terraform.delete().await, Diagnostics::default());
    assert!(terraform.state.is_none());

    let mut terraform = Terraform::attached(World::default(), on_destroy("refuse")).await;
    terraform.cloud.world().look_fails = Some(ErrorKind::Server);
    assert_eq!(only(&terraform.delete().await.errors).0, "Destroying this attachment is refused");
    assert!(terraform.cloud.world().on_server);
}

#[tokio::test(start_paused = true)]
async fn a_destroy_of_what_is_gone_or_elsewhere_is_a_success_without_a_call() {
    for world in [
        World::default(),
        World { no_server: true, ..World::default() },
        World { no_volume: true, ..World::default() },
        World { other: Some(other()), ..World::default() },
    ] {
        let mut terraform = Terraform::new(world, config());
        terraform.state = Some(config());
        assert_eq!(terraform.delete().await, Diagnostics::default());
        assert_eq!(calls(&terraform), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_destroy_of_a_system_volume_is_refused_before_any_call() {
    let mut terraform = Terraform::attached(World { system_volume: true, ..World::default() }, config()).await;
    assert_eq!(only(&terraform.delete().await.errors).0, "This is the server's system volume");
    assert_eq!(terraform.cloud.world().calls, []);
}

#[tokio::test(start_paused = true)]
async fn a_destroy_that_does_not_come_to_its_end_keeps_state_and_job_and_the_next_one_sends_nothing() {
    let mut terraform = Terraform::attached(stuck(), config()).await;
    let (summary, detail) = only(&terraform.delete().await.errors);
    assert_eq!(summary, "The detach did not finish in time");
    assert!(detail.contains("job-1") && detail.contains("unmounted"), "{detail}");
    assert_eq!(terraform.private, pending(Operation::Detach, Some("job-1")));
    // Again, and this time somebody presses Ctrl-C.
    let (summary, _) = only(&stopped_after(SECOND, &mut terraform, Terraform::delete).await.errors);
    assert_eq!(summary, "The detach was interrupted");
    assert_eq!(terraform.private, pending(Operation::Detach, Some("job-1")));
    tokio::time::sleep(2 * TIMEOUT).await;
    assert_eq!(terraform.delete().await, Diagnostics::default());
    assert_eq!(calls(&terraform), [Operation::Detach]);
}

#[tokio::test(start_paused = true)]
async fn a_destroy_that_fails_keeps_the_state() {
    let mut terraform = Terraform::attached(unlucky(Luck::JobFails), config()).await;
    let (_, detail) = only(&terraform.delete().await.errors);
    assert!(detail.contains("no luck") && detail.contains("unmount"), "{detail}");
    assert!(terraform.state.is_some());
    terraform.cloud.world().look_fails = Some(ErrorKind::NoSuchRoute);
    assert!(only(&terraform.delete().await.errors).0.starts_with("The detach failed"));
    assert!(terraform.state.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_stale_record_is_released_only_where_that_is_allowed() {
    let stale = || World { on_volume: true, ..World::default() };
    let mut terraform = Terraform::new(stale(), config());
    terraform.state = Some(config());
    let (summary, detail) = only(&terraform.delete().await.errors);
    assert_eq!(summary, "The volume keeps a stale record of this attachment");
    assert!(detail.contains("release_stale_record = true"), "{detail}");
    assert!(terraform.cloud.world().released.is_empty());

    for world in [stale(), World { no_server: true, ..stale() }] {
        let mut terraform = Terraform::new(world, config());
        terraform.state = Some(TestModel { release_stale_record: Value::Value(true), ..config() });
        assert_eq!(terraform.delete().await, Diagnostics::default());
        assert_eq!(calls(&terraform), []);
        assert_eq!(terraform.cloud.world().released, [RECORD]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_is_not_released_while_the_server_lists_the_volume() {
    let allowed = TestModel { release_stale_record: Value::Value(true), ..config() };
    let mut terraform = Terraform::attached(World::default(), allowed).await;
    assert_eq!(terraform.delete().await, Diagnostics::default());
    assert!(terraform.cloud.world().released.is_empty());
    assert_eq!(calls(&terraform), [Operation::Detach]);
}

#[tokio::test(start_paused = true)]
async fn an_import_takes_what_is_attached_and_nothing_else() {
    let there = || World { on_server: true, on_volume: true, ..World::default() };
    let mut terraform = Terraform::new(there(), config());
    assert_eq!(terraform.import().await, Diagnostics::default());
    assert_eq!(state(&terraform).common.device, Value::Value("/dev/vdb".to_owned()));
    for (world, summary) in [
        (World::default(), "The volume is not attached"),
        (World { on_server: true, ..World::default() }, "The volume is not attached"),
        (World { no_server: true, ..World::default() }, "The server does not exist"),
        (World { no_volume: true, ..World::default() }, "The volume does not exist"),
        (World { system_volume: true, ..there() }, "This is the server's system volume"),
        (
            World { look_fails: Some(ErrorKind::Server), ..there() },
            "The import failed: the cloud has an error of its own",
        ),
    ] {
        let mut terraform = Terraform::new(world, config());
        assert_eq!(only(&terraform.import().await.errors).0, summary);
        assert_eq!(calls(&terraform), []);
    }
}
