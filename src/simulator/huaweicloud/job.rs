//! Jobs of ECS and operations of ModelArts: what was started, and the steps it goes through.
//!
//! A job is accepted, begins by marking both records of its pairs, runs, and ends; the server's and the volume's record
//! follow when the job ends or, with a settle lag, later or earlier, as [`SettleOrder`](crate::simulator::SettleOrder) says.

use std::time::Duration;

use serde::Serialize;

use super::switches::{FailedAttach, FailedDetach, InitialJobStatus, JobBegins, LiteServerDetachBegins, PartialBatch};
use super::work;
use crate::simulator::clock::{MICROSECONDS, stamp};
use crate::simulator::fault::JobFault;
use crate::simulator::store::{Event, State};
use crate::simulator::transition::Seen;

/// What a job does to each of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// ECS attach.
    Attach,
    /// ECS detach.
    Detach,
    /// ECS batch attach.
    BatchAttach,
    /// ECS batch detach.
    BatchDetach,
    /// ECS stop of servers.
    Stop,
    /// ECS start of servers.
    Start,
    /// ModelArts attach.
    LiteAttach,
    /// ModelArts detach.
    LiteDetach,
}

impl JobKind {
    /// Whether it attaches rather than detaches.
    pub(crate) fn attaches(self) -> bool {
        matches!(self, Self::Attach | Self::BatchAttach | Self::LiteAttach)
    }

    /// Whether it is an operation of ModelArts rather than a job of ECS.
    pub(crate) fn is_lite(self) -> bool {
        matches!(self, Self::LiteAttach | Self::LiteDetach)
    }

    /// Whether it answers with sub-jobs.
    pub(crate) fn is_batch(self) -> bool {
        matches!(self, Self::BatchAttach | Self::BatchDetach | Self::Stop | Self::Start)
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobStatus {
    /// Accepted.
    Init,
    /// At work.
    Running,
    /// Done.
    Success,
    /// Failed, at least in part.
    Fail,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The job's `error_code`.
    pub code: String,
    /// The job's `fail_reason`.
    pub reason: String,
}

impl Failure {
    pub(crate) fn new((code, reason): (&str, &str)) -> Self {
        Self { code: code.to_owned(), reason: reason.to_owned() }
    }
}

/// One server's share of a job.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// The sub-job's id.
    pub id: String,
    /// The server, or Lite Server.
    pub server_id: String,
    /// The volume, unless servers are stopped or started.
    pub volume_id: Option<String>,
    /// The device name given at attach.
    pub device: String,
    /// Detach by force.
    pub force: bool,
    /// Why it failed, or will.
    pub failure: Option<Failure>,
    /// Failed the checks, so nothing was touched for it.
    pub refused: bool,
    /// Is said to have failed although its work is done.
    pub done: bool,
    /// When its sub-job became `SUCCESS` or `FAIL`: that of a refused part at once.
    pub ended: Option<Duration>,
    #[serde(skip)]
    pub(super) decided: bool,
}

impl Part {
    /// A part that will be carried out.
    pub(crate) fn new(server_id: &str, volume_id: Option<&str>) -> Self {
        Self {
            id: String::new(),
            server_id: server_id.to_owned(),
            volume_id: volume_id.map(str::to_owned),
            device: String::new(),
            force: false,
            failure: None,
            refused: false,
            done: false,
            ended: None,
            decided: false,
        }
    }

    /// The same, failing without touching anything.
    pub(crate) fn refused(self, failure: Failure) -> Self {
        Self { failure: Some(failure), refused: true, ..self }
    }

    /// Whether its work gets done, whatever is said of it.
    pub(crate) fn works(&self) -> bool {
        self.failure.is_none() || self.done
    }
}

/// A job or operation.
#[derive(Debug, Clone, Serialize)]
pub struct Job {
    /// 32 hexadecimal digits, or a UUID for an operation.
    pub id: String,
    /// What it does.
    pub kind: JobKind,
    /// The project it belongs to.
    pub project_id: String,
    /// Where it stands.
    pub status: JobStatus,
    /// A word the vendor does not know, shown while it is unfinished.
    pub status_shown: Option<String>,
    /// When it was accepted, since the simulator's start.
    pub began: Duration,
    /// When it became `SUCCESS` or `FAIL`.
    pub ended: Option<Duration>,
    /// One for each server.
    pub parts: Vec<Part>,
}

impl Job {
    /// The job's own failure: a single part's, if any.
    pub fn failure(&self) -> Option<&Failure> {
        self.parts.iter().find_map(|part| part.failure.as_ref())
    }

    /// Whether it is neither `SUCCESS` nor `FAIL`.
    pub fn is_unfinished(&self) -> bool {
        self.ended.is_none()
    }

    /// Ends the job with the last of its parts, or with the first that failed.
    fn conclude(&mut self, at: Duration, fails_early: bool) {
        let has_failed = |part: &Part| part.ended.is_some() && part.failure.is_some();
        let is_over = self.parts.iter().all(|part| part.ended.is_some());
        if self.is_unfinished() && (is_over || fails_early && self.parts.iter().any(has_failed)) {
            self.status = if self.failure().is_some() { JobStatus::Fail } else { JobStatus::Success };
            self.ended = Some(at);
        }
    }
}

/// One step of a job: what changes at the same moment.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    job_id: String,
    /// The part by its place; every part when absent.
    part: Option<usize>,
    runs: bool,
    ends: bool,
    server_side: bool,
    volume_side: bool,
}

/// Accepts a job, marks what it works on, plans its steps, and gives its id.
pub(crate) fn start(
    state: &mut State,
    kind: JobKind,
    project_id: &str,
    mut parts: Vec<Part>,
    faults: &[JobFault],
) -> String {
    let began = state.clock.now();
    let at = stamp(state.clock.at(began), MICROSECONDS);
    let spoilt = JobFault::digest(faults);
    let (stalls, lag) = (spoilt.stalls, state.config.settle_lag + spoilt.extra_lag);
    let switches = &state.config.huaweicloud.switches;
    let from_init = match kind {
        JobKind::LiteDetach => switches.lite_server_detach_begins == LiteServerDetachBegins::Pending,
        _ => switches.initial_job_status == InitialJobStatus::Init,
    };
    let begins = !from_init || switches.job_begins == JobBegins::AtOnce;
    for part in &mut parts {
        if let (None, Some(fails)) = (&part.failure, spoilt.failure(&part.server_id)) {
            (part.failure, part.done) = (Some(Failure::new(fails.why)), fails.after);
        }
        part.id = state.hex_id();
        if part.refused {
            part.ended = Some(began);
            continue;
        }
        let attachment_id = state.uuid();
        work::accept(&mut state.world.huaweicloud, kind, part, attachment_id, &at);
        if begins {
            work::begin(&mut state.world.huaweicloud, kind, part);
        }
    }
    let id = if kind.is_lite() { state.uuid() } else { format!("ff8080{}", &state.hex_id()[6..]) };
    let status = if from_init { JobStatus::Init } else { JobStatus::Running };
    let (project_id, status_shown) = (project_id.to_owned(), spoilt.status_shown);
    let job = Job { id: id.clone(), kind, project_id, status, status_shown, began, ended: None, parts };
    for (delay, number, step) in steps(state, &job, stalls, lag) {
        state.plan(began + delay, number, Event::Huaweicloud(step));
    }
    state.huaweicloud.jobs.push(job);
    id
}

/// The steps of a job, each with how long after the start it is due and its number for manual mode.
fn steps(state: &State, job: &Job, stalls: bool, lag: Duration) -> Vec<(Duration, u32, Step)> {
    let durations = &state.config.huaweicloud.durations;
    let whole = match job.kind {
        JobKind::Attach => durations.attach,
        JobKind::Detach => durations.detach,
        JobKind::BatchAttach | JobKind::BatchDetach => durations.batch,
        JobKind::Stop => durations.stop,
        JobKind::Start => durations.start,
        JobKind::LiteAttach | JobKind::LiteDetach => durations.lite_server,
    };
    let still =
        Step { job_id: job.id.clone(), part: None, runs: false, ends: false, server_side: false, volume_side: false };
    let mut steps = Vec::new();
    if job.status == JobStatus::Init {
        steps.push((durations.init.min(whole), 1, Step { runs: true, ..still.clone() }));
    }
    if stalls {
        return steps;
    }
    let (first, second) = state.config.settle_order.split(lag);
    let working = || job.parts.iter().enumerate().filter(|(_, part)| !part.refused);
    let one_by_one = !durations.member.is_zero() && working().count() > 1;
    let parts = if one_by_one { working().map(|(place, _)| Some(place)).collect() } else { vec![None] };
    let mut due = whole;
    for part in parts {
        let step = |seen: Seen| Step {
            part,
            ends: seen.job,
            server_side: seen.server,
            volume_side: seen.volume,
            ..still.clone()
        };
        steps.push((due, 2, step(first)));
        steps.extend(second.map(|seen| (due + lag, 3, step(seen))));
        due += durations.member;
    }
    steps
}

/// Takes one step of a job.
pub(crate) fn take(state: &mut State, at: Duration, step: &Step) {
    let Some(position) = state.huaweicloud.jobs.iter().position(|job| job.id == step.job_id) else { return };
    let switches = &state.config.huaweicloud.switches;
    let at_text = stamp(state.clock.at(at), MICROSECONDS);
    let Some(job) = state.huaweicloud.jobs.get_mut(position) else { return };
    let world = &mut state.world.huaweicloud;
    if step.runs {
        job.status = JobStatus::Running;
        let begins = switches.job_begins == JobBegins::WhenRunning;
        job.parts.iter().filter(|part| begins && !part.refused).for_each(|part| work::begin(world, job.kind, part));
    }
    let places = step.part.map_or(0..job.parts.len(), |place| place..place + 1);
    for part in job.parts.get_mut(places).into_iter().flatten().filter(|part| !step.runs && !part.refused) {
        if !part.decided
            && part.works()
            && let Some(trouble) = work::trouble(world, job.kind, part)
        {
            (part.failure, part.done) = (Some(trouble), false);
        }
        part.decided = true;
        if step.server_side {
            work::settle_server(world, job.kind, part);
        }
        if step.volume_side {
            let leaves_error = !part.works()
                && match job.kind.attaches() {
                    true => switches.failed_attach == FailedAttach::Error,
                    false => switches.failed_detach == FailedDetach::ErrorDetaching,
                };
            work::settle_volume(world, job.kind, part, &at_text, leaves_error);
        }
        if step.ends {
            part.ended = Some(at);
        }
    }
    let fails_early = job.kind.is_batch() && switches.partial_batch == PartialBatch::ParentFailsEarly;
    if step.ends || fails_early {
        job.conclude(at, fails_early);
    }
}

/// A job by id, unless it is past its retention.
pub(crate) fn find<'a>(state: &'a State, id: &str) -> Option<&'a Job> {
    let retention = state.config.huaweicloud.job_retention;
    let now = state.clock.now();
    let job = state.huaweicloud.jobs.iter().find(|job| job.id == id)?;
    job.ended.is_none_or(|ended| ended + retention > now).then_some(job)
}

/// Whether a server has a job that is not finished.
pub(crate) fn is_busy(state: &State, server_id: &str) -> bool {
    // By part, because a job may have failed while some of its parts still run.
    let mut parts = state.huaweicloud.jobs.iter().flat_map(|job| &job.parts);
    parts.any(|part| part.ended.is_none() && part.server_id == server_id)
}

/// Whether a volume has a job that is not finished, for whichever server.
pub(crate) fn is_volume_busy(state: &State, volume_id: &str) -> bool {
    let mut parts = state.huaweicloud.jobs.iter().flat_map(|job| &job.parts);
    parts.any(|part| part.ended.is_none() && part.volume_id.as_deref() == Some(volume_id))
}
