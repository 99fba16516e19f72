//! Property test of whole runs of Terraform, one after the other with state and private data carried over, under bad luck,
//! changes from outside and interrupts at any moment.

use std::{future::Future, pin::pin, time::Duration};

use proptest::prelude::*;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    fake::{Luck, Outside, World},
    fake_terraform::{Terraform, config, on_destroy},
    ledger::{Operation, Private},
    power::StoppedServers,
    sight::Readiness,
};

/// How often a run is repeated until it has no error; more than bad luck can spoil.
const RUNS: usize = 8;

/// Whether a run applies or destroys, and when it is cut off.
type Run = (bool, Option<(u64, Cut)>);

/// How a run is cut off.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// Ctrl-C.
    Stop,
    /// The machine goes down: what was written before the run is all that is left.
    Kill,
}

fn calls(terraform: &Terraform) -> Vec<(Operation, bool)> {
    terraform.cloud.world().calls.clone()
}

/// Everything that was asked of the cloud and changes something.
fn changes(terraform: &Terraform) -> (Vec<(Operation, bool)>, Vec<bool>) {
    let world = terraform.cloud.world();
    (world.calls.clone(), world.power_calls.clone())
}

/// A run of Terraform: refresh, then apply or destroy. Whether it went through without an error.
async fn run(terraform: &mut Terraform, applies: bool) -> bool {
    let before = changes(terraform);
    let diags = terraform.refresh().await;
    assert_eq!(before, changes(terraform), "a refresh changes nothing");
    terraform.tainted &= terraform.state.is_some();
    if !diags.errors.is_empty() || terraform.stop.is_cancelled() {
        return false;
    }
    // What Terraform planned, and what both halves of a replacement get.
    let private = terraform.private.clone();
    if terraform.state.is_some() && (!applies || terraform.tainted) {
        let before = calls(terraform).len();
        let diags = terraform.delete().await;
        assert!(calls(terraform)[before..].iter().all(|(operation, _)| *operation == Operation::Detach));
        if !diags.errors.is_empty() {
            return false;
        }
        if applies {
            terraform.private = private;
        }
    }
    if applies && terraform.state.is_none() {
        let before = calls(terraform).len();
        let diags = terraform.create().await;
        assert!(calls(terraform)[before..].iter().all(|(operation, _)| *operation == Operation::Attach));
        return diags.errors.is_empty();
    }
    true
}

async fn run_until(terraform: &mut Terraform, applies: bool, cut: Option<(u64, Cut)>) {
    let stop = CancellationToken::new();
    terraform.stop = stop.clone();
    let written = (terraform.state.clone(), terraform.private.clone(), terraform.tainted);
    let killed = {
        let mut running = pin!(run(terraform, applies));
        match cut {
            None => {
                running.await;
                false
            }
            Some((millis, how)) => match (timeout(Duration::from_millis(millis), &mut running).await, how) {
                (Ok(_), _) => false,
                (Err(_), Cut::Stop) => {
                    stop.cancel();
                    running.await;
                    false
                }
                (Err(_), Cut::Kill) => true,
            },
        }
    };
    if killed {
        (terraform.state, terraform.private, terraform.tainted) = written;
    }
    // The next run is another process.
    terraform.stopped_servers = StoppedServers::default();
}

async fn repeat(terraform: &mut Terraform, applies: bool) -> bool {
    for _ in 0..RUNS {
        terraform.stop = CancellationToken::new();
        if run(terraform, applies).await {
            return true;
        }
    }
    false
}

fn luck() -> impl Strategy<Value = Luck> {
    use Luck::{Conflict, Good, JobFails, LostAfter, LostBefore};
    proptest::sample::select(vec![Good, JobFails, LostBefore, LostAfter, Conflict])
}

fn outside() -> impl Strategy<Value = (Duration, Outside)> {
    use Outside::{Attach, DeleteServer, DeleteVolume, Detach, Take};
    (0u64..40_000, proptest::sample::select(vec![Detach, Attach, Take, DeleteVolume, DeleteServer]))
        .prop_map(|(millis, what)| (Duration::from_millis(millis), what))
}

/// Runs, and how they may be cut off.
fn runs(cuts: &'static [Cut]) -> impl Strategy<Value = Vec<Run>> {
    let cut = (0u64..15_000, proptest::sample::select(cuts));
    proptest::collection::vec((any::<bool>(), proptest::option::of(cut)), 1..6)
}

fn with_paused_time(test: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Nobody else at work: no call that the cloud refuses, none that repeats one which took, and at the end what was asked
    /// for, with the server running and nothing left to remember.
    #[test]
    fn runs_that_are_cut_off_anywhere_end_with_what_was_asked_for(
        (stops, runs) in any::<bool>().prop_flat_map(|stops| {
            // Who is killed between stopping a server and starting it leaves nobody who knows that it has to run.
            let cuts: &[Cut] = if stops { &[Cut::Stop] } else { &[Cut::Stop, Cut::Kill] };
            (Just(stops), runs(cuts))
        }),
        luck in proptest::collection::vec(luck(), 0..5), lag in 0u64..4_000,
    ) {
        with_paused_time(async {
            let count = |kind| luck.iter().filter(|luck| **luck == kind).count();
            let (failing, conflicts) = (count(Luck::JobFails), count(Luck::Conflict));
            let world = World { luck: luck.clone().into(), lag: Duration::from_millis(lag), ..World::default() };
            let model = if stops { on_destroy("stop_then_detach") } else { config() };
            let mut terraform = Terraform::new(world, model);
            for (applies, cut) in runs {
                run_until(&mut terraform, applies, cut).await;
            }
            // A refresh does not wait for what it knows nothing of.
            tokio::time::sleep(Duration::from_secs(60)).await;
            // A server that an interrupted destroy stopped runs again after the next destroy; what a killed run attached is
            // in no state until the next apply finds it.
            let last: &[bool] = if stops { &[false, true, false] } else { &[true, false, true, false] };
            for &applies in last {
                prop_assert!(repeat(&mut terraform, applies).await, "{:?}", calls(&terraform));
                let world = terraform.cloud.world();
                prop_assert_eq!((world.on_server, world.on_volume), (applies, applies));
                prop_assert_eq!(terraform.state.is_some(), applies);
                prop_assert_eq!(world.power, Readiness::Running);
                prop_assert_eq!(&terraform.private, &Private::default());
            }
            let calls = calls(&terraform);
            let refused = calls.iter().filter(|(_, began)| !began).count();
            prop_assert!(refused <= conflicts, "{calls:?}");
            let began: Vec<_> = calls.iter().filter(|(_, began)| *began).map(|(operation, _)| *operation).collect();
            let repeated = began.windows(2).filter(|two| two[0] == two[1]).count();
            prop_assert!(repeated <= failing, "{began:?}");
            Ok(())
        })?;
    }

    /// Others at work: the state ends up true, a volume that others took stays with them, and a destroy goes through.
    #[test]
    fn runs_among_changes_from_outside_end_with_a_true_state(
        runs in runs(&[Cut::Stop, Cut::Kill]), luck in proptest::collection::vec(luck(), 0..3),
        mut outside in proptest::collection::vec(outside(), 1..4), lag in 0u64..4_000,
    ) {
        outside.sort_by_key(|(at, _)| *at);
        with_paused_time(async {
            let world = World {
                luck: luck.into(), outside: outside.into(), lag: Duration::from_millis(lag), ..World::default()
            };
            let mut terraform = Terraform::new(world, config());
            for (applies, cut) in runs {
                run_until(&mut terraform, applies, cut).await;
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
            terraform.stop = CancellationToken::new();
            let diags = terraform.refresh().await;
            prop_assert!(diags.errors.is_empty(), "{diags:?}");
            let owned = terraform.state.is_some();
            let before = {
                let world = terraform.cloud.world();
                (world.on_server, world.other.clone())
            };
            prop_assert!(!owned || before.0, "the state has what is not there");
            prop_assert!(repeat(&mut terraform, false).await, "{:?}", calls(&terraform));
            prop_assert!(terraform.state.is_none());
            let world = terraform.cloud.world();
            // What is not in the state is not ours to detach; another server keeps what it took.
            prop_assert_eq!(world.on_server, before.0 && !owned);
            prop_assert_eq!(&world.other, &before.1);
            Ok(())
        })?;
    }
}
