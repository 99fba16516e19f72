//! Ctrl-C and `kill -9` at each stage of a batch: the next run finishes, and sends nothing for a server whose part is done or
//! under way.

use std::time::Duration;

use cloudvolume::simulator::{Effect, FaultRule, TransitionMode, huaweicloud::built_in::server_id};

use crate::support::fleet::Fleet;

const SERVERS: usize = 4;
/// Longer than a test takes.
const LONG: Duration = Duration::from_secs(60);

/// Where a batch is when its provider is cut off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Moment {
    /// Members gather; one of them has not looked at its pair yet.
    Lingering,
    /// The cloud has taken the call, its answer is on the way.
    Called,
    /// The job runs.
    Polling,
    /// The job is done, the lists do not show it.
    Verifying,
}

/// How it is cut off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cut {
    /// At a terminal: Terraform and the provider get it.
    CtrlC,
    /// `kill -9` of the provider.
    Kill,
}

/// What is cut off.
#[derive(Clone, Copy, Debug)]
struct Command {
    name: &'static str,
    batch: &'static str,
}

const APPLY: Command = Command { name: "apply", batch: "BatchAttachSharableVolumes" };
const DESTROY: Command = Command { name: "destroy", batch: "BatchDetachVolumes" };

#[tokio::test]
async fn ctrl_c_while_an_attach_gathers_its_batch() {
    cut_off(APPLY, Moment::Lingering, Cut::CtrlC).await;
}

#[tokio::test]
async fn ctrl_c_while_a_detach_gathers_its_batch() {
    cut_off(DESTROY, Moment::Lingering, Cut::CtrlC).await;
}

#[tokio::test]
async fn ctrl_c_before_the_answer_to_a_batch_attach_arrives() {
    cut_off(APPLY, Moment::Called, Cut::CtrlC).await;
}

#[tokio::test]
async fn ctrl_c_before_the_answer_to_a_batch_detach_arrives() {
    cut_off(DESTROY, Moment::Called, Cut::CtrlC).await;
}

#[tokio::test]
async fn ctrl_c_while_a_batch_attach_runs() {
    cut_off(APPLY, Moment::Polling, Cut::CtrlC).await;
}

#[tokio::test]
async fn ctrl_c_while_a_batch_detach_runs() {
    cut_off(DESTROY, Moment::Polling, Cut::CtrlC).await;
}

#[tokio::test]
async fn ctrl_c_while_a_batch_attach_settles() {
    cut_off(APPLY, Moment::Verifying, Cut::CtrlC).await;
}

#[tokio::test]
async fn ctrl_c_while_a_batch_detach_settles() {
    cut_off(DESTROY, Moment::Verifying, Cut::CtrlC).await;
}

#[tokio::test]
async fn kill_while_an_attach_gathers_its_batch() {
    cut_off(APPLY, Moment::Lingering, Cut::Kill).await;
}

#[tokio::test]
async fn kill_while_a_detach_gathers_its_batch() {
    cut_off(DESTROY, Moment::Lingering, Cut::Kill).await;
}

#[tokio::test]
async fn kill_before_the_answer_to_a_batch_attach_arrives() {
    cut_off(APPLY, Moment::Called, Cut::Kill).await;
}

#[tokio::test]
async fn kill_before_the_answer_to_a_batch_detach_arrives() {
    cut_off(DESTROY, Moment::Called, Cut::Kill).await;
}

#[tokio::test]
async fn kill_while_a_batch_attach_runs() {
    cut_off(APPLY, Moment::Polling, Cut::Kill).await;
}

#[tokio::test]
async fn kill_while_a_batch_detach_runs() {
    cut_off(DESTROY, Moment::Polling, Cut::Kill).await;
}

#[tokio::test]
async fn kill_while_a_batch_attach_settles() {
    cut_off(APPLY, Moment::Verifying, Cut::Kill).await;
}

#[tokio::test]
async fn kill_while_a_batch_detach_settles() {
    cut_off(DESTROY, Moment::Verifying, Cut::Kill).await;
}

/// Cuts a command off at that moment, and lets the next run find out, first while the cloud still works.
async fn cut_off(command: Command, moment: Moment, cut: Cut) {
    let fleet = Fleet::held(SERVERS).await;
    let fleet = if command.name == DESTROY.name { fleet.attached().await } else { fleet };
    let fleet = if moment == Moment::Lingering { fleet } else { fleet.with_slow_looks() };
    let cloud = &fleet.stage.cloud;
    cloud.clear_journal();
    match moment {
        Moment::Lingering => {
            let late = FaultRule::new("ShowServer", Effect::Delay { time: Duration::from_secs(2) });
            // The destroy's refresh looks at the server, too, and is not meant.
            let refreshes = u32::from(command.name == DESTROY.name);
            cloud.add_fault(late.server(&server_id(SERVERS)).skip(refreshes).times(1));
        }
        Moment::Called => cloud.add_fault(FaultRule::new(command.batch, Effect::DelayAnswer { time: LONG }).times(1)),
        Moment::Polling => {}
        Moment::Verifying => cloud.set_settle_lag(Duration::from_secs(1)),
    }

    let mut running = fleet.start(command.name, SERVERS);
    match moment {
        Moment::Lingering => {
            let before = if command.name == DESTROY.name { SERVERS } else { 0 };
            fleet.stage.until_answered(&mut running, "ShowServer", before + SERVERS - 1).await;
        }
        Moment::Called => fleet.stage.until_answered(&mut running, command.batch, 1).await,
        Moment::Polling => fleet.stage.until_answered(&mut running, "ShowJob", 1).await,
        Moment::Verifying => {
            fleet.stage.until_answered(&mut running, "ShowJob", 1).await;
            // To work, and done; the lists would follow with the third.
            assert!(cloud.advance() && cloud.advance());
            let looks = cloud.count("ShowVolume");
            fleet.stage.until_answered(&mut running, "ShowVolume", looks + SERVERS).await;
        }
    }
    let run = match cut {
        Cut::CtrlC => {
            running.interrupt_group();
            running.finish().await.fails().never_says("Plugin did not respond").never_says("crashed")
        }
        Cut::Kill => {
            running.kill_provider();
            running.finish().await.fails()
        }
    };
    left_behind(&fleet, command, moment, cut);
    // What was sent and goes on is no error of an attach, or Terraform would replace it.
    let noun = if command.name == DESTROY.name { "detach" } else { "attach" };
    match (cut, command.name == DESTROY.name || moment == Moment::Lingering) {
        (Cut::CtrlC, true) => run.says(&[&format!("The {noun} was interrupted")]),
        (Cut::CtrlC, false) => run.never_says("Error: The attach"),
        (Cut::Kill, _) => run,
    };

    cloud.clear_faults();
    let seen = cloud.journal().entries().len();
    let mut next = fleet.start(command.name, SERVERS);
    fleet.stage.until(&mut next, |journal| journal.entries().len() > seen + SERVERS).await;
    cloud.set_mode(TransitionMode::Auto);
    fleet.stage.finish(next).await.succeeds();
    if command.name == DESTROY.name {
        assert_eq!((fleet.on_servers(), fleet.in_state()), (vec![], vec![]));
        fleet.worked_once_on_each(2);
    } else {
        assert_eq!((fleet.on_servers(), fleet.in_state()), (fleet.all(), fleet.all()));
        fleet.worked_once_on_each(1);
        fleet.stage.terraform.plan().await.changes_nothing();
    }
    if !matches!(moment, Moment::Lingering) {
        assert_eq!(fleet.stage.mutations(), [command.batch]);
    }
}

/// Asserts what the cut left: what was sent, who is in the state, and what is known there of calls under way.
fn left_behind(fleet: &Fleet, command: Command, moment: Moment, cut: Cut) {
    let sent = if moment == Moment::Lingering { vec![] } else { vec![command.batch] };
    assert_eq!(fleet.stage.mutations(), sent);
    // An attach gets into the state by what its provider answers: a killed one answers nothing, and one that has sent nothing
    // leaves nothing behind. What is destroyed stays in it until it is gone.
    let kept = command.name == DESTROY.name || (cut == Cut::CtrlC && moment != Moment::Lingering);
    assert_eq!(fleet.in_state(), if kept { fleet.all() } else { vec![] });
    let known = cut == Cut::CtrlC && moment != Moment::Lingering;
    for instance in fleet.stage.terraform.state().instances() {
        assert!(!instance.tainted);
        assert_eq!(instance.is_unsettled(), known, "{}", instance.private);
        let has_job = known && moment != Moment::Called;
        assert_eq!(instance.has_job(), has_job, "{}", instance.private);
    }
}
