//! What goes on after a 202: there is no job to ask for, so operations are known to the simulator alone.
//!
//! An operation begins by marking both records of its pair and the volume's state, may let the state move on, and ends.
//! With a settle lag the volume's state, its `servers[]` and the server's volumes follow one another, as
//! [`SettleOrder`](crate::simulator::SettleOrder) says; the state stands where Huawei Cloud has the job.

use std::time::Duration;

use serde::Serialize;

use super::switches::{AttachBegins, DetachBegins, ServerBusy};
use super::work;
use crate::simulator::fault::JobFault;
use crate::simulator::store::{Event, State};
use crate::simulator::transition::Seen;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Attaches a volume.
    Attach,
    /// Detaches a volume.
    Detach,
    /// Stops a server.
    Stop,
    /// Starts a server.
    Start,
}

/// An operation.
#[derive(Debug, Clone, Serialize)]
pub struct Operation {
    /// Counts from 1.
    pub number: usize,
    /// What it does.
    pub kind: OperationKind,
    /// The server.
    pub server_id: String,
    /// The volume, unless a server is stopped or started.
    pub volume_id: Option<String>,
    /// When it was accepted, since the simulator's start.
    pub began: Duration,
    /// When everything the cloud shows agreed with its outcome.
    pub ended: Option<Duration>,
    /// Why it failed, or will.
    pub failure: Option<String>,
    /// A state of no known spelling, shown while it is unfinished.
    pub(super) state_shown: Option<String>,
    /// The volume's or server's state before.
    #[serde(skip)]
    pub(super) state_before: String,
    /// Since when its volume and server can be asked for something else.
    #[serde(skip)]
    at_rest_since: Option<Duration>,
    #[serde(skip)]
    decided: bool,
}

/// One step: what changes at the same moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Step {
    number: usize,
    moves: bool,
    state: bool,
    server_side: bool,
    volume_side: bool,
    ends: bool,
}

/// Starts an operation whose checks are passed.
pub(crate) fn start(
    state: &mut State,
    kind: OperationKind,
    server_id: &str,
    volume_id: Option<&str>,
    faults: &[JobFault],
) {
    let spoilt = JobFault::digest(faults);
    let mut operation = Operation {
        number: state.samsungcloud.operations.len() + 1,
        kind,
        server_id: server_id.to_owned(),
        volume_id: volume_id.map(str::to_owned),
        began: state.clock.now(),
        ended: None,
        failure: spoilt.failure(server_id).map(|fails| format!("{}: {}", fails.why.0, fails.why.1)),
        state_shown: spoilt.status_shown,
        state_before: String::new(),
        at_rest_since: None,
        decided: false,
    };
    // Without a volume there is one record only, and nothing that could follow later.
    let lag = volume_id.map_or(Duration::ZERO, |_| state.config.settle_lag + spoilt.extra_lag);
    work::begin(&mut state.world.samsungcloud, &state.config.samsungcloud.switches, &mut operation);
    for (delay, number, step) in steps(state, &operation, spoilt.stalls, lag) {
        state.plan(operation.began + delay, number, Event::Samsungcloud(step));
    }
    state.samsungcloud.operations.push(operation);
}

/// The steps of an operation, each with how long after the start it is due and its number for manual mode.
fn steps(state: &State, operation: &Operation, stalls: bool, lag: Duration) -> Vec<(Duration, u32, Step)> {
    let config = &state.config.samsungcloud;
    let durations = &config.durations;
    let (whole, moves) = match operation.kind {
        OperationKind::Attach => (durations.attach, config.switches.attach_begins != AttachBegins::Attaching),
        OperationKind::Detach => (durations.detach, config.switches.detach_begins != DetachBegins::Detaching),
        OperationKind::Stop => (durations.stop, false),
        OperationKind::Start => (durations.start, false),
    };
    let none = Step { number: operation.number, ..Step::default() };
    let mut steps = Vec::new();
    if moves {
        steps.push((durations.begin.min(whole), 1, Step { moves, ..none }));
    }
    if stalls {
        return steps;
    }
    let (first, second) = state.config.settle_order.split(lag);
    let step =
        |seen: Seen, ends| Step { state: seen.job, server_side: seen.server, volume_side: seen.volume, ends, ..none };
    steps.push((whole, 2, step(first, second.is_none())));
    steps.extend(second.map(|seen| (whole + lag, 3, step(seen, true))));
    steps
}

/// Takes one step.
pub(crate) fn take(state: &mut State, at: Duration, step: Step) {
    let at_text = super::seconds(state.clock.at(at));
    let switches = &state.config.samsungcloud.switches;
    let world = &mut state.world.samsungcloud;
    // A reset or a new world may have come in between.
    let mut operations = state.samsungcloud.operations.iter_mut();
    let Some(operation) = operations.find(|operation| operation.number == step.number) else { return };
    if step.moves {
        work::proceed(world, operation);
        return;
    }
    if !operation.decided {
        operation.decided = true;
        operation.failure = operation.failure.take().or_else(|| work::trouble(world, switches, operation));
    }
    if step.state {
        operation.at_rest_since = Some(at);
        work::settle_state(world, switches, operation);
    }
    if step.volume_side {
        work::settle_volume(world, operation, &at_text);
    }
    if step.server_side {
        work::settle_server(world, operation);
    }
    if step.ends {
        operation.ended = Some(at);
    }
}

/// Whether an operation on a volume is under way; only on the pair with one server, if one is given.
pub(crate) fn is_volume_busy(state: &State, volume_id: &str, server_id: Option<&str>) -> bool {
    let mut busy = state.samsungcloud.operations.iter().filter(|operation| operation.at_rest_since.is_none());
    busy.any(|operation| {
        operation.volume_id.as_deref() == Some(volume_id) && server_id.is_none_or(|id| id == operation.server_id)
    })
}

/// Whether an operation keeps a server from any other: a stop or start does, attach and detach if the switch says so.
pub(crate) fn is_server_busy(state: &State, server_id: &str) -> bool {
    let config = &state.config.samsungcloud;
    let (now, cool_down) = (state.clock.now(), config.durations.cool_down);
    let counts_volumes = config.switches.server_busy == ServerBusy::Conflict;
    let mut operations = state.samsungcloud.operations.iter().filter(|operation| operation.server_id == server_id);
    operations.any(|operation| {
        (counts_volumes || operation.volume_id.is_none())
            && operation.at_rest_since.is_none_or(|since| now < since + cool_down)
    })
}
