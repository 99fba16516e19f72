//! Tests of [`super::power`]: servers that are stopped while volumes are detached from them.

use std::time::{Duration, SystemTime};

use tf_provider::{Diagnostics, value::Value};
use tokio_util::sync::CancellationToken;

use super::{
    drive::Problem,
    fake::{BOOT, FakeCloud, JOB, Luck, World, pair},
    fake_terraform::{TIMEOUT, Terraform, config, on_destroy, only},
    ledger::{Ledger, Private},
    power::StoppedServers,
    sight::Readiness,
    step::Refusal,
};
use crate::{budget::Budget, transport::ErrorKind};

const SECOND: Duration = Duration::from_secs(1);

fn ledger() -> Ledger {
    Ledger::new(Private::default(), || SystemTime::UNIX_EPOCH)
}

fn budget() -> Budget {
    Budget::new(TIMEOUT, CancellationToken::new())
}

/// One detach that takes this long once the server has stopped.
async fn detach(
    cloud: &FakeCloud,
    servers: &StoppedServers,
    takes: Duration,
    budget: &Budget,
) -> (Result<(), Problem>, Ledger) {
    let (pair, ledger) = (pair(), ledger());
    let joined = servers.join(cloud, &pair.server);
    let stopped = joined.stop(cloud, &pair, &ledger, budget).await;
    if stopped.is_ok() {
        assert_eq!(cloud.world().power, Readiness::Stopped);
    }
    let slept = budget.sleep(takes).await;
    if slept.is_ok() && stopped.is_ok() {
        assert_eq!(cloud.world().power, Readiness::Stopped, "it was started while a detach was under way");
    }
    (joined.leave(cloud, &pair, &ledger, budget).await, ledger)
}

#[tokio::test(start_paused = true)]
async fn several_detaches_stop_a_server_once_and_the_last_one_starts_it() {
    let (cloud, servers, budget) = (FakeCloud::new(World::default()), StoppedServers::default(), budget());
    let (one, two, three) = tokio::join!(
        detach(&cloud, &servers, SECOND, &budget),
        detach(&cloud, &servers, 3 * SECOND, &budget),
        detach(&cloud, &servers, 2 * SECOND, &budget),
    );
    for (left, ledger) in [one, two, three] {
        assert!(left.is_ok() && !ledger.must_start(), "{left:?}");
    }
    let world = cloud.world();
    assert_eq!((&*world.power_calls, world.power), (&[false, true][..], Readiness::Running));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_down_before_stays_down() {
    let cloud = FakeCloud::new(World { power: Readiness::Stopped, ..World::default() });
    let (left, ledger) = detach(&cloud, &StoppedServers::default(), SECOND, &budget()).await;
    assert!(left.is_ok() && !ledger.must_start());
    assert!(cloud.world().power_calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_on_its_way_is_let_arrive_before_it_is_stopped() {
    let cloud = FakeCloud::new(World::default());
    cloud.world().booting = Some((tokio::time::Instant::now() + BOOT, Readiness::Running));
    let (left, _) = detach(&cloud, &StoppedServers::default(), SECOND, &budget()).await;
    assert!(left.is_ok(), "{left:?}");
    assert_eq!(cloud.world().power_calls, [false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_locked_server_is_refused_before_anything_is_stopped() {
    let mut terraform =
        Terraform::attached(World { locked: true, ..World::default() }, on_destroy("stop_then_detach")).await;
    assert_eq!(only(&terraform.delete().await.errors).0, "The server is locked");
    let world = terraform.cloud.world();
    assert!(world.power_calls.is_empty() && world.calls.is_empty());
    assert_eq!(terraform.private, Private::default());
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_waited_out_and_one_that_stays_is_an_error() {
    for (power_conflicts, succeeds) in [(3, true), (100, false)] {
        let cloud = FakeCloud::new(World { power_conflicts, ..World::default() });
        let (pair, ledger, budget) = (pair(), ledger(), budget());
        let joined = StoppedServers::default().join(&cloud, &pair.server);
        let stopped = joined.stop(&cloud, &pair, &ledger, &budget).await;
        match stopped {
            Ok(()) => assert!(succeeds),
            Err(Problem::Call(failure)) => assert_eq!((failure.kind, succeeds), (ErrorKind::Conflict, false)),
            Err(problem) => panic!("{problem:?}"),
        }
    }
}

/// Starts a server that an earlier run left down.
async fn start(cloud: &FakeCloud) -> Result<(), Problem> {
    let private = Private { start_server: true, ..Private::default() };
    let (pair, ledger) = (pair(), Ledger::new(private, || SystemTime::UNIX_EPOCH));
    StoppedServers::default().join(cloud, &pair.server).leave(cloud, &pair, &ledger, &budget()).await
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_busy_for_a_while_is_started_all_the_same() {
    let cloud = FakeCloud::new(World { power: Readiness::Stopped, power_conflicts: 20, ..World::default() });
    start(&cloud).await.unwrap();
    let world = cloud.world();
    assert_eq!((&*world.power_calls, world.power), (&[true][..], Readiness::Running));
}

#[tokio::test(start_paused = true)]
async fn a_power_call_whose_answer_was_lost_is_sent_again_after_a_look_and_not_for_ever() {
    for (power_lost, starts) in [(2, true), (3, false)] {
        let cloud = FakeCloud::new(World { power: Readiness::Stopped, power_lost, ..World::default() });
        assert_eq!(start(&cloud).await.is_ok(), starts);
        assert_eq!(&*cloud.world().power_calls, if starts { &[true][..] } else { &[] });
    }
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_cannot_be_asked_for_a_while_does_not_leave_a_server_down() {
    let world = World { power: Readiness::Stopped, look_fails: Some(ErrorKind::Unreachable), ..World::default() };
    let cloud = FakeCloud::new(world);
    let (started, ()) = tokio::join!(start(&cloud), async {
        tokio::time::sleep(10 * SECOND).await;
        cloud.world().look_fails = None;
    });
    assert!(started.is_ok(), "{started:?}");
    assert_eq!(cloud.world().power_calls, [true]);
}

#[tokio::test(start_paused = true)]
async fn an_attachment_that_is_abandoned_does_not_leave_the_server_down() {
    let mut terraform = Terraform::attached(World::default(), on_destroy("abandon")).await;
    terraform.cloud.world().power = Readiness::Stopped;
    terraform.private = Private { start_server: true, ..Private::default() };
    assert_eq!(terraform.delete().await, Diagnostics::default());
    let world = terraform.cloud.world();
    assert_eq!((world.power, world.on_server), (Readiness::Running, true));
}

#[tokio::test(start_paused = true)]
async fn a_server_in_a_state_that_only_a_person_can_end_is_refused() {
    let cloud = FakeCloud::new(World { power: Readiness::Unfit, ..World::default() });
    let (pair, ledger, budget) = (pair(), ledger(), budget());
    let joined = StoppedServers::default().join(&cloud, &pair.server);
    let stopped = joined.stop(&cloud, &pair, &ledger, &budget).await;
    assert!(matches!(stopped, Err(Problem::Refused(Refusal::ServerState(_)))), "{stopped:?}");
}

#[tokio::test(start_paused = true)]
async fn the_last_one_is_remembered_to_start_the_server_when_all_are_interrupted() {
    let (cloud, servers) = (FakeCloud::new(World::default()), StoppedServers::default());
    let stop = CancellationToken::new();
    let budget = Budget::new(TIMEOUT, stop.clone());
    let (stopper, other, ()) = tokio::join!(
        detach(&cloud, &servers, SECOND, &budget),
        detach(&cloud, &servers, 60 * SECOND, &budget),
        async {
            tokio::time::sleep(30 * SECOND).await;
            stop.cancel();
        }
    );
    // The one that stopped the server was done long before; the server is the other's to start.
    assert!(stopper.0.is_ok() && !stopper.1.must_start());
    assert!(other.0.is_err() && other.1.must_start());
    assert_eq!(cloud.world().power, Readiness::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_destroy_stops_the_server_detaches_and_starts_it_again() {
    for luck in [Luck::Good, Luck::JobFails] {
        let world = World { luck: [luck].into(), ..World::default() };
        let mut terraform = Terraform::attached(world, on_destroy("stop_then_detach")).await;
        let diags = terraform.delete().await;
        // Also after a detach that failed: a server that is down for nothing is an outage of its own.
        assert_eq!(diags.errors.is_empty(), luck == Luck::Good, "{diags:?}");
        let world = terraform.cloud.world();
        assert_eq!((&*world.power_calls, world.power), (&[false, true][..], Readiness::Running));
        assert_eq!(terraform.private, Private::default());
    }
}

#[tokio::test(start_paused = true)]
async fn a_destroy_of_what_is_gone_does_not_touch_the_server() {
    let mut terraform = Terraform::new(World::default(), on_destroy("stop_then_detach"));
    terraform.state = Some(on_destroy("stop_then_detach"));
    assert_eq!(terraform.delete().await, Diagnostics::default());
    assert!(terraform.cloud.world().power_calls.is_empty());
}

/// A destroy that was cut off at any moment while the server was down: the state remembers it, and the next destroy, with a
/// refresh before it or without one, starts the server.
#[tokio::test(start_paused = true)]
async fn a_server_that_an_interrupted_destroy_left_down_is_started_by_the_next() {
    let stopping = 2 * SECOND;
    let detaching = BOOT + SECOND;
    let starting = BOOT + JOB + SECOND;
    for at in [stopping, detaching, starting] {
        for refreshes in [false, true] {
            let mut terraform = Terraform::attached(World::default(), on_destroy("stop_then_detach")).await;
            let stop = terraform.stop.clone();
            let (diags, ()) = tokio::join!(terraform.delete(), async {
                tokio::time::sleep(at).await;
                stop.cancel();
            });
            assert!(diags.errors.iter().any(|error| error.summary.contains("start of the server")), "{diags:?}");
            assert!(terraform.private.start_server, "{at:?}");
            terraform.stop = CancellationToken::new();
            terraform.stopped_servers = StoppedServers::default();
            if refreshes {
                let diags = terraform.refresh().await;
                assert!(diags.errors.is_empty() && terraform.state.is_some(), "{at:?} {diags:?}");
                assert!(terraform.private.start_server);
            }
            assert_eq!(terraform.delete().await, Diagnostics::default(), "{at:?}");
            let world = terraform.cloud.world();
            assert_eq!((world.power, world.on_server), (Readiness::Running, false), "{at:?}");
            assert_eq!(world.calls.len(), 1, "{:?}", world.calls);
            assert_eq!(world.power_calls.iter().filter(|on| !**on).count(), 1, "{:?}", world.power_calls);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_detached_leaves_the_state_once_the_server_runs_whoever_started_it() {
    let mut terraform = Terraform::new(World { power: Readiness::Stopped, ..World::default() }, config());
    terraform.state = Some(config());
    terraform.private = Private { start_server: true, ..Private::default() };
    let (summary, _) = only(&terraform.refresh().await.warnings);
    assert_eq!(summary, "The volume is detached, and the server is not started again yet");
    terraform.cloud.world().power = Readiness::Running;
    assert_eq!(terraform.refresh().await, Diagnostics::default());
    assert!(terraform.state.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_to_be_started_is_not_stopped_again_against_the_wish() {
    let mut terraform = Terraform::attached(World::default(), config()).await;
    terraform.private = Private { start_server: true, ..Private::default() };
    assert_eq!(terraform.state.as_ref().unwrap().common.on_destroy, Value::Null);
    assert_eq!(terraform.delete().await, Diagnostics::default());
    assert!(terraform.cloud.world().power_calls.is_empty());
}
