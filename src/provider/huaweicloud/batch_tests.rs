//! Property test of many attachments at the same time, shared and not, under bad luck, interrupts and changes from outside:
//! the drives, the batches, the queues and the client together, on a cloud without sockets.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::future::join_all;
use proptest::prelude::*;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Batches, Jobs, Reads,
    ecs::EcsApi,
    fake_cloud::{FakeCloud, Id, JOB, Luck, Outside, id},
};
use crate::{
    budget::{Budget, Ended},
    huaweicloud::{Client, Config, EndpointConfig},
    ids::{ServerId, VolumeId},
    provider::{
        attachment::{
            api::{AttachmentApi as _, Wish},
            drive::{Drive, Problem, Reached},
            ledger::{Ledger, Private},
            sight::Pair,
            step::{Goal, Refusal},
        },
        data::HuaweiCloud,
    },
    sync::BatcherConfig,
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

/// How long a stop may take to be answered.
const PROMPT: Duration = Duration::from_millis(100);

/// What is kept between runs.
type Kept = BTreeMap<Id, Private>;

/// One attachment of a run.
#[derive(Clone, Copy, Debug)]
struct Caller {
    goal: Goal,
    /// When it begins.
    start: Duration,
    timeout: Duration,
}

type Callers = BTreeMap<Id, Caller>;

/// What became of each.
type Answers = Vec<(Id, Result<Reached, Problem>)>;

/// How a run is cut off.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// Ctrl-C.
    Stop,
    /// `kill -9`: what it had learnt is forgotten.
    Kill,
}

impl Caller {
    fn new(goal: Goal, start: u64) -> Self {
        Self { goal, start: Duration::from_millis(start), timeout: TIMEOUT }
    }
}

fn epoch() -> SystemTime {
    SystemTime::UNIX_EPOCH
}

fn pair((server, volume): Id) -> Pair {
    Pair { server: ServerId::new(id(server)), volume: VolumeId::new(id(volume)) }
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

/// A refresh's look, which shares what was read for others, tells what is there now.
async fn looks_shared(api: &EcsApi, cloud: &FakeCloud, of: Id) {
    let looked = api.look_shared(&pair(of), &Budget::new(TIMEOUT, CancellationToken::new())).await;
    let world = cloud.world();
    if let (Ok(sight), true) = (looked, world.undisturbed) {
        assert_eq!(sight.attached(), world.is(of, true), "an answer from before a change came after it: {of:?}");
    }
}

/// One run of Terraform: a refresh, and then every pair to its goal at the same time, each from its own moment on.
async fn run(cloud: &FakeCloud, callers: &Callers, kept: &mut Kept, stop: &CancellationToken) -> Answers {
    let api = process(cloud);
    cloud.world().wanted = callers.iter().map(|(id, caller)| (*id, caller.goal == Goal::Attached)).collect();
    let refresh = Budget::new(TIMEOUT, stop.clone());
    let pairs: Vec<Pair> = callers.keys().copied().map(pair).collect();
    join_all(pairs.iter().map(|pair| api.look_shared(pair, &refresh))).await;
    let each = callers.iter().map(|(id, caller)| {
        let (api, private) = (Arc::clone(&api), kept.get(id).cloned().unwrap_or_default());
        async move {
            stop.run_until_cancelled(sleep(caller.start)).await;
            let ledger = Ledger::new(private, epoch);
            let budget = Budget::new(caller.timeout, stop.clone());
            let drive = Drive {
                api: &*api,
                pair: &pair(*id),
                goal: caller.goal,
                wish: Wish::default(),
                may_send: true,
                stopped: None,
                ledger: &ledger,
                budget: &budget,
            };
            // Nothing waits for ever, and nobody is forgotten.
            let reached = timeout(TIMEOUT * 2, drive.run()).await.expect("every caller is answered");
            if reached.is_ok() {
                looks_shared(&api, cloud, *id).await;
            }
            (*id, reached, ledger.private())
        }
    });
    let mut answers = Vec::new();
    for (id, reached, private) in join_all(each).await {
        kept.insert(id, private);
        answers.push((id, reached));
    }
    answers
}

/// A run that may be cut off after so many milliseconds. Nobody is left to answer when it is killed.
async fn run_until(
    cloud: &FakeCloud,
    callers: &Callers,
    cut: Option<(u64, Cut)>,
    kept: &mut Kept,
) -> Result<Answers, TestCaseError> {
    let (cloud, stop, mut known) = (cloud.for_process(), CancellationToken::new(), kept.clone());
    let answers = {
        let mut running = pin!(run(&cloud, callers, &mut known, &stop));
        match cut {
            None => Some(running.await),
            Some((millis, how)) => match (timeout(Duration::from_millis(millis), &mut running).await, how) {
                (Ok(answers), _) => Some(answers),
                (Err(_), Cut::Stop) => {
                    stop.cancel();
                    let stopped = Instant::now();
                    let answers = running.await;
                    prop_assert!(stopped.elapsed() <= PROMPT, "answered after {:?}", stopped.elapsed());
                    Some(answers)
                }
                (Err(_), Cut::Kill) => {
                    cloud.kill();
                    None
                }
            },
        }
    };
    cloud.nobody_follows();
    if answers.is_some() {
        *kept = known;
    }
    Ok(answers.unwrap_or_default())
}

/// A run that may be cut off, and then runs until nobody has an error. Gives the errors of the first run.
async fn reach(
    cloud: &FakeCloud,
    callers: &Callers,
    cut: Option<(u64, Cut)>,
    kept: &mut Kept,
) -> Result<Vec<Problem>, TestCaseError> {
    let answers = run_until(cloud, callers, cut, kept).await?;
    let is_stop = |problem: &Problem| matches!(problem, Problem::Ended { ended: Ended::Stopped, .. });
    let (stopped, problems): (Vec<_>, Vec<_>) =
        answers.into_iter().filter_map(|(_, answer)| answer.err()).partition(is_stop);
    prop_assert!(stopped.is_empty() || cut.is_some());
    for _ in 0..RUNS {
        let answers = run_until(cloud, callers, None, kept).await?;
        let held = |answer: &Result<_, _>| matches!(answer, Err(Problem::Refused(Refusal::HeldBy(_))));
        if answers.iter().all(|(_, answer)| answer.is_ok() || held(answer)) {
            return Ok(problems);
        }
    }
    prop_assert!(false, "there is always an error");
    Ok(problems)
}

/// Brings everything to its goal, and then to the opposite. Gives the errors of the first run of each.
async fn lives(
    cloud: &FakeCloud,
    callers: &Callers,
    cuts: [Option<(u64, Cut)>; 2],
) -> Result<Vec<Problem>, TestCaseError> {
    let (mut kept, mut problems, mut callers) = (Kept::new(), Vec::new(), callers.clone());
    for cut in cuts {
        problems.extend(reach(cloud, &callers, cut, &mut kept).await?);
        let world = cloud.world();
        if world.undisturbed {
            for (pair, Caller { goal, .. }) in &callers {
                prop_assert!(world.is(*pair, *goal == Goal::Attached), "{pair:?} {goal:?}");
            }
        }
        prop_assert!(world.is(FOREIGN, true), "what is not ours stays");
        prop_assert!(world.wrong.is_empty(), "{:#?}", world.wrong);
        prop_assert!(kept.values().all(|private| *private == Private::default()), "{kept:?}");
        for caller in callers.values_mut() {
            caller.goal = match caller.goal {
                Goal::Attached => Goal::Detached,
                Goal::Detached => Goal::Attached,
            };
        }
    }
    Ok(problems)
}

/// A cloud where everything that is to be detached is attached.
fn cloud_for(callers: &Callers) -> FakeCloud {
    let attached = callers.iter().filter(|(_, caller)| caller.goal == Goal::Detached).map(|(id, _)| *id);
    FakeCloud::new(SHARED, &attached.chain([FOREIGN]).collect::<Vec<_>>())
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

/// Pairs, each with what is wanted of it and when its caller comes; a volume that is not shared has one.
fn callers() -> impl Strategy<Value = Callers> {
    let goal = proptest::sample::select(vec![Goal::Attached, Goal::Detached]);
    let caller = (goal, 0u64..1_500).prop_map(|(goal, start)| Caller::new(goal, start));
    proptest::collection::btree_map((0..SERVERS, 0..VOLUMES), caller, 1..12).prop_map(|mut callers| {
        let pairs: Vec<Id> = callers.keys().copied().collect();
        callers.retain(|(server, volume), _| {
            *volume < SHARED || !pairs.iter().any(|(other, of)| of == volume && other < server)
        });
        callers
    })
}

fn cut() -> impl Strategy<Value = Option<(u64, Cut)>> {
    proptest::option::of((0u64..12_000, proptest::sample::select(vec![Cut::Stop, Cut::Kill])))
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
        cuts in [cut(), cut()],
    ) {
        with_paused_time(async {
            let cloud = cloud_for(&callers);
            let count = |is: fn(&Luck) -> bool| luck.iter().filter(|luck| is(luck)).count();
            let failing = count(|luck| matches!(luck, Luck::Fails(_)));
            let lost = count(|luck| matches!(luck, Luck::LostBefore | Luck::LostAfter));
            {
                let mut world = cloud.world();
                world.lag = Duration::from_millis(lag);
                (world.luck, world.sub_jobs) = (luck.into(), sub_jobs);
            }
            let problems = lives(&cloud, &callers, cuts).await?;
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
        luck in proptest::collection::vec(luck(), 0..4), cuts in [cut(), cut()],
    ) {
        outside.sort_by_key(|(at, _)| *at);
        with_paused_time(async {
            let cloud = cloud_for(&callers);
            {
                let mut world = cloud.world();
                world.lag = Duration::from_millis(lag);
                (world.luck, world.outside) = (luck.into(), outside.into());
            }
            lives(&cloud, &callers, cuts).await.map(drop)
        })?;
    }
}

/// Callers for the first shared volume, one a server, who come one after the other.
fn sharing(goal: Goal) -> Callers {
    (0..SERVERS).map(|server| ((server, 0), Caller::new(goal, 10 * server as u64))).collect()
}

#[tokio::test(start_paused = true)]
async fn servers_that_come_within_the_linger_are_one_call() {
    let cloud = FakeCloud::new(SHARED, &[FOREIGN]);
    assert!(lives(&cloud, &sharing(Goal::Attached), [None, None]).await.unwrap().is_empty());
    assert_eq!(cloud.world().calls, [SERVERS, SERVERS]);
}

#[tokio::test(start_paused = true)]
async fn only_a_shared_volume_waits_for_others() {
    let first_call = async |volume| {
        let callers = Callers::from([((0, volume), Caller::new(Goal::Attached, 0))]);
        let cloud = cloud_for(&callers);
        run_until(&cloud, &callers, None, &mut Kept::new()).await.unwrap();
        let world = cloud.world();
        assert_eq!(world.calls, [1]);
        world.called_at.unwrap()
    };
    assert_eq!(first_call(0).await, first_call(SHARED).await + BatcherConfig::default().linger);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_looked_at_for_longer_than_the_linger_is_waited_for() {
    for goal in [Goal::Attached, Goal::Detached] {
        let callers = sharing(goal);
        let cloud = cloud_for(&callers);
        cloud.world().slow = Some((SERVERS - 1, Duration::from_millis(300)));
        let answers = run_until(&cloud, &callers, None, &mut Kept::new()).await.unwrap();
        assert!(answers.iter().all(|(_, answer)| answer.is_ok()), "{answers:?}");
        assert_eq!(cloud.world().calls, [SERVERS]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_whose_time_runs_out_before_its_batch_is_sent_is_left_out_alone() {
    const BUSY: Id = (0, SHARED);
    const SHORT: Id = (2, 0);
    for goal in [Goal::Attached, Goal::Detached] {
        // The batch waits for the first server's own volume.
        let mut callers = sharing(goal);
        callers.values_mut().for_each(|caller| caller.start += Duration::from_millis(100));
        callers.insert(BUSY, Caller::new(goal, 0));
        callers.get_mut(&SHORT).unwrap().timeout = JOB - Duration::from_secs(1);
        let (cloud, mut kept) = (cloud_for(&callers), Kept::new());
        for (id, answer) in run_until(&cloud, &callers, None, &mut kept).await.unwrap() {
            match answer {
                Err(Problem::Ended { ended: Ended::DeadlineExceeded, waiting_for }) if id == SHORT => {
                    assert!(waiting_for.contains("batch"), "{waiting_for}");
                }
                answer => assert!(id != SHORT && answer.is_ok(), "{id:?}: {answer:?}"),
            }
        }
        let world = cloud.world();
        assert_eq!(world.calls, [1, SERVERS - 1]);
        assert!(world.is(SHORT, goal == Goal::Detached), "it is as it was");
        assert_eq!(kept[&SHORT], Private::default(), "nothing was sent for it");
    }
}
