//! Property test of many attachments at the same time, shared and not, under bad luck, interrupts and changes from outside:
//! the drives, the batches, the queues and the client together, on a cloud without sockets.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::future::join_all;
use proptest::prelude::*;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Batches, Jobs, Reads,
    ecs::EcsApi,
    fake_cloud::{FakeCloud, Id, Luck, Outside, id},
};
use crate::{
    budget::{Budget, Ended},
    huaweicloud::{Client, Config, EndpointConfig},
    ids::{ServerId, VolumeId},
    provider::{
        attachment::{
            api::Wish,
            drive::{Drive, Problem, Reached},
            ledger::{Ledger, Private},
            sight::Pair,
            step::{Goal, Refusal},
        },
        data::HuaweiCloud,
    },
    transport::{Transport, TransportConfig},
};

const SERVERS: usize = 4;
/// The first two of the volumes are shared.
const SHARED: usize = 2;
const VOLUMES: usize = 5;
/// A server of somebody else's, which has the first shared volume all the time.
const FOREIGN: Id = (SERVERS, 0);
const TIMEOUT: Duration = Duration::from_secs(600);
/// How often a run is repeated until nobody has an error; more than bad luck can spoil.
const RUNS: usize = 12;

/// What is kept between runs.
type Kept = BTreeMap<Id, Private>;

fn epoch() -> SystemTime {
    SystemTime::UNIX_EPOCH
}

/// A provider's process: its clients, batches and queues.
fn process(cloud: &FakeCloud) -> Arc<EcsApi> {
    let url = || Some("http://127.0.0.1:1".to_owned());
    let config = Config {
        region: Some("r".to_owned()),
        token: Some("t".into()),
        project_id: Some("p".to_owned()),
        endpoints: EndpointConfig { ecs: url(), evs: url(), iam: url(), ..EndpointConfig::default() },
        ..Config::default()
    };
    let transport = Transport::with_service(TransportConfig::default(), cloud.clone()).unwrap();
    let client = Client::new(config, transport).unwrap();
    let jobs = Jobs::new(None);
    let batches = Batches::new(&client, &jobs);
    Arc::new(EcsApi::new(&HuaweiCloud { client, jobs, batches, reads: Reads::new() }, None))
}

/// One run of Terraform: every pair to the goal at the same time, each from its own moment on.
async fn run(
    cloud: &FakeCloud,
    callers: &BTreeMap<Id, u64>,
    goal: Goal,
    kept: &mut Kept,
    stop: &CancellationToken,
) -> Vec<(Id, Result<Reached, Problem>)> {
    let api = process(cloud);
    let attaches = goal == Goal::Attached;
    cloud.world().wanted = callers.keys().map(|id| (*id, attaches)).collect();
    let each = callers.iter().map(|(pair, start)| {
        let (api, private) = (Arc::clone(&api), kept.get(pair).cloned().unwrap_or_default());
        async move {
            sleep(Duration::from_millis(*start)).await;
            let ledger = Ledger::new(private, epoch);
            let budget = Budget::new(TIMEOUT, stop.clone());
            let (server, volume) = (ServerId::new(id(pair.0)), VolumeId::new(id(pair.1)));
            let drive = Drive {
                api: &*api,
                pair: &Pair { server, volume },
                goal,
                wish: Wish::default(),
                may_send: true,
                stopped: None,
                ledger: &ledger,
                budget: &budget,
            };
            // Nothing waits for ever, and nobody is forgotten.
            let reached = timeout(TIMEOUT * 2, drive.run()).await.expect("every caller is answered");
            (*pair, reached, ledger.private())
        }
    });
    let mut answers = Vec::new();
    for (pair, reached, private) in join_all(each).await {
        kept.insert(pair, private);
        answers.push((pair, reached));
    }
    cloud.nobody_follows();
    answers
}

/// A run that somebody may interrupt, and then runs until nobody has an error. Gives the errors of the first run.
async fn reach(
    cloud: &FakeCloud,
    callers: &BTreeMap<Id, u64>,
    goal: Goal,
    stop_at: Option<u64>,
    kept: &mut Kept,
) -> Result<Vec<Problem>, TestCaseError> {
    let stop = CancellationToken::new();
    let interrupt = async {
        if let Some(millis) = stop_at {
            sleep(Duration::from_millis(millis)).await;
            stop.cancel();
        }
        std::future::pending::<()>().await;
    };
    let answers = tokio::select! {
        answers = run(cloud, callers, goal, kept, &stop) => answers,
        () = interrupt => unreachable!("it has no end"),
    };
    let is_stop = |problem: &Problem| matches!(problem, Problem::Ended { ended: Ended::Stopped, .. });
    let (stopped, problems): (Vec<_>, Vec<_>) =
        answers.into_iter().filter_map(|(_, answer)| answer.err()).partition(is_stop);
    prop_assert!(stopped.is_empty() || stop_at.is_some());
    for _ in 0..RUNS {
        let answers = run(cloud, callers, goal, kept, &CancellationToken::new()).await;
        let held = |answer: &Result<_, _>| matches!(answer, Err(Problem::Refused(Refusal::HeldBy(_))));
        if answers.iter().all(|(_, answer)| answer.is_ok() || held(answer)) {
            return Ok(problems);
        }
    }
    prop_assert!(false, "there is always an error");
    Ok(problems)
}

/// Attaches everything, then detaches everything. Gives the errors of the first run of each.
async fn lives(
    cloud: &FakeCloud,
    callers: &BTreeMap<Id, u64>,
    stops: [Option<u64>; 2],
) -> Result<Vec<Problem>, TestCaseError> {
    let (mut kept, mut problems) = (Kept::new(), Vec::new());
    for (goal, stop_at) in [(Goal::Attached, stops[0]), (Goal::Detached, stops[1])] {
        problems.extend(reach(cloud, callers, goal, stop_at, &mut kept).await?);
        let world = cloud.world();
        if world.undisturbed {
            for pair in callers.keys() {
                prop_assert!(world.is(*pair, goal == Goal::Attached), "{pair:?} {goal:?}");
            }
        }
        prop_assert!(world.is(FOREIGN, true), "what is not ours stays");
        prop_assert!(world.wrong.is_empty(), "{:#?}", world.wrong);
        prop_assert!(kept.values().all(|private| *private == Private::default()), "{kept:?}");
    }
    Ok(problems)
}

fn luck() -> impl Strategy<Value = Luck> {
    use Luck::{Busy, Fails, Good, LostAfter, LostBefore, NoBatch, NoRoute};
    proptest::sample::select(vec![
        Good,
        Good,
        Fails(0),
        Fails(1),
        Fails(3),
        LostBefore,
        LostAfter,
        Busy,
        NoBatch,
        NoRoute,
    ])
}

/// Pairs, each with when its caller comes; a volume that is not shared has one.
fn callers() -> impl Strategy<Value = BTreeMap<Id, u64>> {
    proptest::collection::btree_map((0..SERVERS, 0..VOLUMES), 0u64..1_500, 1..12).prop_map(|mut callers| {
        let pairs: Vec<Id> = callers.keys().copied().collect();
        callers.retain(|(server, volume), _| {
            *volume < SHARED || !pairs.iter().any(|(other, of)| of == volume && other < server)
        });
        callers
    })
}

fn outside() -> impl Strategy<Value = (Duration, Outside)> {
    let what = (0..SERVERS, 0..VOLUMES, 0..3).prop_map(|(server, volume, what)| match what {
        0 => Outside::Detach((server, volume)),
        1 => Outside::Attach((server, volume)),
        _ => Outside::Occupy(server),
    });
    (0u64..30_000, what).prop_map(|(millis, what)| (Duration::from_millis(millis), what))
}

fn with_paused_time(test: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Nobody else at work: everything ends up as asked for, and no call repeats one that took.
    #[test]
    fn attachments_that_come_together_all_end_as_asked_for(
        callers in callers(), luck in proptest::collection::vec(luck(), 0..8), lag in 0u64..3_000, sub_jobs in any::<bool>(),
        stops in [proptest::option::of(0u64..12_000), proptest::option::of(0u64..12_000)],
    ) {
        with_paused_time(async {
            let cloud = FakeCloud::new(SHARED, &[FOREIGN]);
            let count = |is: fn(&Luck) -> bool| luck.iter().filter(|luck| is(luck)).count();
            let failing = count(|luck| matches!(luck, Luck::Fails(_)));
            let lost = count(|luck| matches!(luck, Luck::LostBefore | Luck::LostAfter));
            {
                let mut world = cloud.world();
                world.lag = Duration::from_millis(lag);
                (world.luck, world.sub_jobs) = (luck.into(), sub_jobs);
            }
            let problems = lives(&cloud, &callers, stops).await?;
            // Each failing job is one member's failure and nobody else's. What is lost again and again is given up, and a
            // batch that does not say why it failed may have met what was lost before.
            let excused = lost >= 3 || (lost > 0 && !sub_jobs);
            prop_assert!(excused || problems.len() <= failing, "{problems:#?}");
            Ok(())
        })?;
    }

    /// Somebody else attaches, detaches and keeps servers busy meanwhile: nothing that is not ours is touched.
    #[test]
    fn what_somebody_else_does_meanwhile_is_met_without_harm(
        callers in callers(), mut outside in proptest::collection::vec(outside(), 1..6), lag in 0u64..3_000,
        luck in proptest::collection::vec(luck(), 0..4), stop_at in proptest::option::of(0u64..12_000),
    ) {
        outside.sort_by_key(|(at, _)| *at);
        with_paused_time(async {
            let cloud = FakeCloud::new(SHARED, &[FOREIGN]);
            {
                let mut world = cloud.world();
                world.lag = Duration::from_millis(lag);
                (world.luck, world.outside) = (luck.into(), outside.into());
            }
            lives(&cloud, &callers, [stop_at, stop_at]).await.map(drop)
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn servers_that_come_within_the_linger_are_one_call() {
    let cloud = FakeCloud::new(SHARED, &[FOREIGN]);
    let callers: BTreeMap<Id, u64> = (0..SERVERS).map(|server| ((server, 0), 10 * server as u64)).collect();
    assert!(lives(&cloud, &callers, [None, None]).await.unwrap().is_empty());
    assert_eq!(cloud.world().calls, [SERVERS, SERVERS]);
}
