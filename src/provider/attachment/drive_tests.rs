//! Tests of [`super::drive`]: single stories, then random interleavings of bad luck, outside changes and interrupts.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    api::Wish,
    drive::{Drive, Problem, Reached},
    fake::{FakeCloud, JOB, Luck, Outside, Running, World, pair},
    ledger::{Ledger, Operation, Private},
    step::{Goal, Refusal, SETTLE_WINDOW},
};
use crate::{
    budget::{Budget, Ended},
    wait::PollConfig,
};

const TIMEOUT: Duration = Duration::from_secs(120);

fn epoch() -> SystemTime {
    SystemTime::UNIX_EPOCH
}

fn attached() -> World {
    World { on_server: true, on_volume: true, ..World::default() }
}

async fn drive(cloud: &FakeCloud, goal: Goal, ledger: &Ledger, stop: CancellationToken) -> Result<Reached, Problem> {
    let budget = Budget::new(TIMEOUT, stop);
    let pair = pair();
    Drive {
        api: cloud,
        pair: &pair,
        goal,
        wish: Wish::default(),
        may_send: true,
        stopped: None,
        ledger,
        budget: &budget,
    }
    .run()
    .await
}

async fn run(cloud: &FakeCloud, goal: Goal) -> Result<Reached, Problem> {
    drive(cloud, goal, &Ledger::new(Private::default(), epoch), CancellationToken::new()).await
}

#[tokio::test(start_paused = true)]
async fn an_attach_is_one_call_and_ends_soon_after_its_job() {
    let cloud = FakeCloud::new(World { lag: Duration::from_secs(1), ..World::default() });
    let began = Instant::now();
    let reached = run(&cloud, Goal::Attached).await.unwrap();
    assert!(reached.ours && reached.sight.attached());
    assert_eq!(cloud.world().calls, [(Operation::Attach, true)]);
    assert!(began.elapsed() < JOB + Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_pair_is_not_looked_at_more_often_than_the_practitioner_wants() {
    let min = Duration::from_secs(20);
    let poll = Some(PollConfig { min, max: min });
    let cloud = FakeCloud::new(World { lag: Duration::from_secs(1), poll, ..World::default() });
    let began = Instant::now();
    run(&cloud, Goal::Attached).await.unwrap();
    assert!(began.elapsed() > JOB + min, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_attached_pair_is_adopted_without_a_call() {
    let cloud = FakeCloud::new(attached());
    assert!(!run(&cloud, Goal::Attached).await.unwrap().ours);
    assert_eq!(cloud.world().calls, []);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_looked_after_and_not_sent_again_when_the_call_took() {
    let cloud = FakeCloud::new(World { luck: [Luck::LostAfter].into(), ..World::default() });
    assert!(run(&cloud, Goal::Attached).await.unwrap().ours);
    assert_eq!(cloud.world().calls, [(Operation::Attach, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_call_is_sent_again_after_a_look() {
    let cloud = FakeCloud::new(World { luck: [Luck::LostBefore].into(), ..World::default() });
    assert!(run(&cloud, Goal::Attached).await.unwrap().ours);
    assert_eq!(cloud.world().calls, [(Operation::Attach, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_call_is_remembered_when_the_one_after_it_is_refused() {
    for refused in [Luck::Throttled, Luck::Conflict] {
        let world = World { luck: [Luck::LostAfter, refused].into(), shy: true, ..World::default() };
        let cloud = FakeCloud::new(World { slow: 2 * TIMEOUT, ..world });
        let ledger = Ledger::new(Private::default(), epoch);
        let problem = drive(&cloud, Goal::Attached, &ledger, CancellationToken::new()).await.unwrap_err();
        assert!(matches!(problem, Problem::Call(_)), "{problem:?}");
        let pending = ledger.pending().expect("what took without showing");
        assert_eq!((pending.operation, pending.job), (Operation::Attach, None), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_accepted_and_whose_job_nobody_knows_has_its_time_to_show() {
    let world = World { unknown_jobs: true, shy: true, slow: 3 * JOB, ..World::default() };
    let cloud = FakeCloud::new(world);
    assert!(run(&cloud, Goal::Attached).await.unwrap().ours);
    assert_eq!(cloud.world().calls, [(Operation::Attach, true)]);
}

#[tokio::test(start_paused = true)]
async fn the_time_that_an_attach_takes_does_not_make_its_record_stale() {
    let takes = 3 * SETTLE_WINDOW;
    let cloud =
        FakeCloud::new(World { lag: SETTLE_WINDOW / 2, server_lags: true, on_volume: true, ..World::default() });
    cloud.world().job = Some(Running::of_somebody_else(Operation::Attach, takes));
    let (pair, ledger, budget) =
        (pair(), Ledger::new(Private::default(), epoch), Budget::new(TIMEOUT, CancellationToken::new()));
    let drive = Drive {
        api: &cloud,
        pair: &pair,
        goal: Goal::Attached,
        wish: Wish { release_stale_record: true, ..Wish::default() },
        may_send: true,
        stopped: None,
        ledger: &ledger,
        budget: &budget,
    };
    let reached = drive.run().await.unwrap();
    assert!(!reached.ours && reached.sight.attached());
    assert!(budget.elapsed() > takes);
    let world = cloud.world();
    assert!(world.released.is_empty() && world.calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_is_being_attached_and_that_neither_side_lists_yet_is_not_detached() {
    let cloud = FakeCloud::new(World::default());
    cloud.world().job = Some(Running::of_somebody_else(Operation::Attach, JOB));
    let reached = run(&cloud, Goal::Detached).await.unwrap();
    assert!(reached.ours && reached.sight.detached());
    assert_eq!(cloud.world().calls, [(Operation::Detach, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_job_is_reported_with_its_reason_and_not_tried_again() {
    for (goal, world) in [(Goal::Attached, World::default()), (Goal::Detached, attached())] {
        let cloud = FakeCloud::new(World { luck: [Luck::JobFails].into(), ..world });
        match run(&cloud, goal).await {
            Err(Problem::Job(failure)) => assert_eq!((&*failure.code, &*failure.reason), ("F.1", "no luck")),
            other => panic!("{other:?}"),
        }
        assert_eq!(cloud.world().calls.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_somebody_else_keeps_busy_is_waited_for_as_long_as_there_is_time() {
    let cloud = FakeCloud::new(World { luck: [Luck::Busy; 12].into(), ..World::default() });
    assert!(run(&cloud, Goal::Attached).await.unwrap().ours);
    assert_eq!(cloud.world().calls, [(Operation::Attach, true)], "twelve were refused");

    let cloud = FakeCloud::new(World { luck: [Luck::Busy; 1000].into(), ..attached() });
    let problem = run(&cloud, Goal::Detached).await.unwrap_err();
    assert!(matches!(problem, Problem::Ended { ended: Ended::DeadlineExceeded, .. }), "{problem:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_is_not_there_is_detached_without_a_call() {
    let other = Some(crate::ids::ServerId::new("33333333-3333-4333-8333-333333333333"));
    for world in [
        World::default(),
        World { no_server: true, ..World::default() },
        World { no_volume: true, ..World::default() },
        World { other, ..World::default() },
    ] {
        let cloud = FakeCloud::new(world);
        run(&cloud, Goal::Detached).await.unwrap();
        assert_eq!(cloud.world().calls, []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_system_volume_is_never_detached() {
    let cloud = FakeCloud::new(World { system_volume: true, ..attached() });
    let refused = run(&cloud, Goal::Detached).await;
    assert!(matches!(refused, Err(Problem::Refused(Refusal::SystemVolume))), "{refused:?}");
    assert_eq!(cloud.world().calls, []);
}

#[tokio::test(start_paused = true)]
async fn a_volume_on_another_server_is_named_and_left_there() {
    let other = crate::ids::ServerId::new("33333333-3333-4333-8333-333333333333");
    let cloud = FakeCloud::new(World { other: Some(other.clone()), ..World::default() });
    match run(&cloud, Goal::Attached).await {
        Err(Problem::Refused(Refusal::HeldBy(servers))) => assert_eq!(servers, [other]),
        answer => panic!("{answer:?}"),
    }
    assert_eq!(cloud.world().calls, []);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_cut_off_is_finished_by_the_next_without_a_second_call() {
    for (goal, world) in [(Goal::Attached, World::default()), (Goal::Detached, attached())] {
        let cloud = FakeCloud::new(world);
        let stop = CancellationToken::new();
        let ledger = Ledger::new(Private::default(), epoch);
        let (stopped, ()) = tokio::join!(drive(&cloud, goal, &ledger, stop.clone()), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.cancel();
        });
        assert!(matches!(stopped, Err(Problem::Ended { ended: Ended::Stopped, .. })), "{stopped:?}");
        let pending = ledger.pending();
        assert!(pending.as_ref().is_some_and(|pending| pending.job.is_some()), "{pending:?}");
        let next = Ledger::new(Private { pending, ..Private::default() }, epoch);
        assert!(drive(&cloud, goal, &next, CancellationToken::new()).await.unwrap().ours);
        assert_eq!(next.pending(), None);
        assert_eq!(cloud.world().calls.len(), 1);
    }
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        Just(Luck::Good),
        Just(Luck::JobFails),
        Just(Luck::LostBefore),
        Just(Luck::LostAfter),
        Just(Luck::Conflict)
    ]
}

fn outside() -> impl Strategy<Value = (Duration, Outside)> {
    let what = prop_oneof![
        Just(Outside::Detach),
        Just(Outside::Attach),
        Just(Outside::Take),
        Just(Outside::DeleteVolume),
        Just(Outside::DeleteServer),
    ];
    (0u64..20_000, what).prop_map(|(millis, what)| (Duration::from_millis(millis), what))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// Whatever happens: an answer in time, no call of the other kind, no call while one is under way, an end that is true,
    /// and a run after an interrupt that reaches the goal or says why not.
    #[test]
    fn every_interleaving_ends_in_time_with_the_truth(
        wants_attached in any::<bool>(),
        starts_attached in any::<bool>(),
        luck in proptest::collection::vec(luck(), 0..4),
        mut outside in proptest::collection::vec(outside(), 0..3),
        lag in 0u64..4_000,
        stop_at in proptest::option::of(0u64..8_000),
    ) {
        outside.sort_by_key(|(at, _)| *at);
        let quiet = outside.is_empty();
        let unlucky = luck.contains(&Luck::JobFails) || luck.iter().filter(|luck| **luck == Luck::LostBefore).count() > 2;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let base = if starts_attached { attached() } else { World::default() };
            let cloud = FakeCloud::new(World {
                luck: luck.into(), outside: outside.into(), lag: Duration::from_millis(lag), ..base
            });
            let (goal, kind) =
                if wants_attached { (Goal::Attached, Operation::Attach) } else { (Goal::Detached, Operation::Detach) };
            let ledger = Ledger::new(Private::default(), epoch);
            let stop = CancellationToken::new();
            let began = Instant::now();
            let mut answer = tokio::select! {
                answer = drive(&cloud, goal, &ledger, stop.clone()) => answer,
                () = async {
                    match stop_at {
                        Some(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
                        None => std::future::pending().await,
                    }
                    stop.cancel();
                    std::future::pending().await
                } => unreachable!(),
            };
            if stop.is_cancelled() {
                prop_assert!(began.elapsed() <= Duration::from_millis(stop_at.unwrap_or_default() + 1), "a stop must end it at once");
            }
            if matches!(answer, Err(Problem::Ended { ended: Ended::Stopped, .. })) {
                let next = Ledger::new(ledger.private(), epoch);
                answer = drive(&cloud, goal, &next, CancellationToken::new()).await;
            }
            prop_assert!(began.elapsed() <= 2 * TIMEOUT + Duration::from_secs(10), "{:?}", began.elapsed());
            let world = cloud.world();
            prop_assert!(world.calls.iter().all(|(operation, _)| *operation == kind), "{:?}", world.calls);
            let reached = answer.is_ok();
            if quiet {
                if reached {
                    prop_assert_eq!(world.on_server, wants_attached);
                    prop_assert_eq!(world.on_volume, wants_attached);
                }
                let effective = world.calls.iter().filter(|(_, accepted)| *accepted).count();
                prop_assert!(effective <= if unlucky { 3 } else { 1 }, "{:?}", world.calls);
                prop_assert!(reached || unlucky, "{answer:?} {:?}", world.calls);
            }
            Ok(())
        })?;
    }
}
