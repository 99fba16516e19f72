//! Jobs of ECS and operations of ModelArts: what was started, the steps it goes through, and what each step changes.
//!
//! A job begins by marking both records of its pairs, then runs, then ends; the server's and the volume's record follow
//! when the job ends or, with a settle lag, later or earlier, as [`SettleOrder`] says.

use std::time::Duration;

use serde::Serialize;

use super::device;
use super::switches::{FailedAttach, FailedDetach, InitialJobStatus};
use super::world::{Attachment, Disk, Hypervisor, LiteDisk, Phase, World};
use crate::simulator::SettleOrder;
use crate::simulator::clock::{MICROSECONDS, stamp};
use crate::simulator::fault::{Effect, JobFault};
use crate::simulator::store::{Event, State};

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
    fn attaches(self) -> bool {
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
        }
    }

    /// The same, failing without touching anything.
    pub(crate) fn refused(self, failure: Failure) -> Self {
        Self { failure: Some(failure), refused: true, ..self }
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
    #[serde(skip)]
    decided: bool,
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
}

/// One step of a job: what changes at the same moment.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    job_id: String,
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
    let (mut stalls, mut status_shown, mut lag) = (false, None, state.config.settle_lag);
    for fault in faults {
        match &fault.effect {
            Effect::JobFails { code, reason } => {
                let is_meant = |part: &&mut Part| fault.server_id.as_ref().is_none_or(|id| *id == part.server_id);
                for part in parts.iter_mut().filter(is_meant) {
                    part.failure.get_or_insert_with(|| Failure::new((code, reason)));
                }
            }
            Effect::JobStalls => stalls = true,
            Effect::JobStatus { status } => status_shown = Some(status.clone()),
            Effect::ExtraLag { lag: extra } => lag += *extra,
            _ => {}
        }
    }
    for part in &mut parts {
        part.id = state.hex_id();
        if !part.refused {
            let attachment_id = state.uuid();
            begin(&mut state.world.huaweicloud, kind, part, attachment_id, &at);
        }
    }
    let id = if kind.is_lite() { state.uuid() } else { format!("ff8080{}", &state.hex_id()[6..]) };
    let from_init = kind.is_lite() || state.config.huaweicloud.switches.initial_job_status == InitialJobStatus::Init;
    let status = if from_init { JobStatus::Init } else { JobStatus::Running };
    let project_id = project_id.to_owned();
    let steps = steps(state, &id, kind, from_init, stalls, lag);
    for (delay, number, step) in steps {
        state.plan(began + delay, number, Event::Huaweicloud(step));
    }
    let job = Job { id: id.clone(), kind, project_id, status, status_shown, began, ended: None, parts, decided: false };
    state.huaweicloud.jobs.push(job);
    id
}

/// The steps of a job, each with how long after the start it is due and its number for manual mode.
fn steps(
    state: &State,
    id: &str,
    kind: JobKind,
    from_init: bool,
    stalls: bool,
    lag: Duration,
) -> Vec<(Duration, u32, Step)> {
    let durations = &state.config.huaweicloud.durations;
    let init = durations.init;
    let whole = match kind {
        JobKind::Attach => durations.attach,
        JobKind::Detach => durations.detach,
        JobKind::BatchAttach | JobKind::BatchDetach => durations.batch,
        JobKind::Stop => durations.stop,
        JobKind::Start => durations.start,
        JobKind::LiteAttach | JobKind::LiteDetach => durations.lite_server,
    };
    let still = Step { job_id: id.to_owned(), runs: false, ends: false, server_side: false, volume_side: false };
    let mut steps = Vec::new();
    if from_init {
        steps.push((init.min(whole), 1, Step { runs: true, ..still.clone() }));
    }
    if !stalls {
        let both = Step { server_side: true, volume_side: true, ..still.clone() };
        let ends = Step { ends: true, ..still.clone() };
        let (first, second) = match state.config.settle_order {
            _ if lag.is_zero() => (Step { ends: true, ..both }, None),
            SettleOrder::Together => (ends, Some(both)),
            SettleOrder::ServerFirst => (Step { server_side: true, ..ends }, Some(Step { volume_side: true, ..still })),
            SettleOrder::VolumeFirst => (Step { volume_side: true, ..ends }, Some(Step { server_side: true, ..still })),
            SettleOrder::JobLast => (both, Some(ends)),
        };
        steps.push((whole, 2, first));
        steps.extend(second.map(|step| (whole + lag, 3, step)));
    }
    steps
}

/// Marks both records of a pair, or the server, as being worked on.
fn begin(world: &mut World, kind: JobKind, part: &Part, attachment_id: String, at: &str) {
    let Some(volume_id) = &part.volume_id else {
        if let Some(server) = world.server_mut(&part.server_id) {
            let task = if kind == JobKind::Stop { "powering-off" } else { "powering-on" };
            server.task_state = Some(task.to_owned());
        }
        return;
    };
    let scsi = world.volume(volume_id).is_some_and(|volume| volume.scsi);
    let bootable = world.volume(volume_id).is_some_and(|volume| volume.bootable);
    let evs_server_id = evs_server_id(world, kind, &part.server_id);
    if kind.attaches() {
        if let Some(server) = world.lite_server_mut(&part.server_id) {
            let disk = LiteDisk { volume_id: volume_id.clone(), phase: Phase::Attaching, ..LiteDisk::default() };
            server.disks.push(disk);
        } else if let Some(server) = world.server_mut(&part.server_id) {
            server.disks.push(Disk {
                volume_id: volume_id.clone(),
                device: part.device.clone(),
                scsi,
                boot_index: device::next_boot_index(server, bootable),
                phase: Phase::Attaching,
                ..Disk::default()
            });
        }
        if let Some(volume) = world.volume_mut(volume_id) {
            volume.attachments.push(Attachment {
                attachment_id,
                server_id: evs_server_id,
                device: part.device.clone(),
                attached_at: at.to_owned(),
                phase: Phase::Attaching,
            });
            volume.refresh_status();
        }
    } else {
        set_server_phase(world, &part.server_id, volume_id, Phase::Detaching);
        set_volume_phase(world, &evs_server_id, volume_id, Phase::Detaching);
    }
}

/// The id under which EVS knows a server: itself, except for a Lite Server.
fn evs_server_id(world: &World, kind: JobKind, server_id: &str) -> String {
    let lite = world.lite_server(server_id).filter(|_| kind.is_lite());
    lite.map_or(server_id, |server| server.evs_server_id()).to_owned()
}

fn set_server_phase(world: &mut World, server_id: &str, volume_id: &str, phase: Phase) {
    if let Some(disk) = world.server_mut(server_id).and_then(|server| server.disk_mut(volume_id)) {
        disk.phase = phase;
    }
    let lite = world.lite_server_mut(server_id).into_iter().flat_map(|server| &mut server.disks);
    lite.filter(|disk| disk.volume_id == volume_id).for_each(|disk| disk.phase = phase);
}

fn set_volume_phase(world: &mut World, server_id: &str, volume_id: &str, phase: Phase) {
    if let Some(volume) = world.volume_mut(volume_id) {
        for attachment in volume.attachments.iter_mut().filter(|attachment| attachment.server_id == server_id) {
            attachment.phase = phase;
        }
        volume.refresh_status();
    }
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
        return;
    }
    if !job.decided {
        job.decided = true;
        for part in job.parts.iter_mut().filter(|part| !part.refused && part.failure.is_none()) {
            part.failure = trouble(world, job.kind, part);
        }
    }
    for part in job.parts.iter().filter(|part| !part.refused) {
        if step.server_side {
            settle_server(world, job.kind, part);
        }
        if step.volume_side {
            let leaves_error = part.failure.is_some()
                && match job.kind.attaches() {
                    true => switches.failed_attach == FailedAttach::Error,
                    false => switches.failed_detach == FailedDetach::ErrorDetaching,
                };
            settle_volume(world, job.kind, part, &at_text, leaves_error);
        }
    }
    if step.ends {
        job.status = if job.failure().is_some() { JobStatus::Fail } else { JobStatus::Success };
        job.ended = Some(at);
    }
}

/// What goes wrong at work without anybody's planning it.
fn trouble(world: &World, kind: JobKind, part: &Part) -> Option<Failure> {
    let volume_id = part.volume_id.as_ref()?;
    let Some(volume) = world.volume(volume_id) else {
        let text = "Failed to attach the data disk: the volume could not be found.";
        return kind.attaches().then(|| Failure::new(("Ecs.0205", text)));
    };
    if kind.attaches() {
        let exists = world.server(&part.server_id).is_some() || world.lite_server(&part.server_id).is_some();
        return (!exists).then(|| Failure::new(("Ecs.0205", "Failed to attach the data disk: the server is gone.")));
    }
    if volume.locked {
        return Some(Failure::new(("EVS.2068", "operation failed because of volume be locked")));
    }
    let server = world.server(&part.server_id)?;
    let in_use = server.status == "ACTIVE" && server.disk(volume_id).is_some_and(|disk| disk.mounted);
    (in_use && !is_forced(world, part))
        .then(|| Failure::new(("Common.0022", "Mission fails. The disk is in use in the guest operating system.")))
}

/// Force takes effect only online, on KVM and for VBD; otherwise it is an ordinary detach.
fn is_forced(world: &World, part: &Part) -> bool {
    let server = world.server(&part.server_id);
    let scsi = part.volume_id.as_ref().and_then(|id| world.volume(id)).is_some_and(|volume| volume.scsi);
    let fits = server.is_some_and(|server| server.status == "ACTIVE" && server.hypervisor == Hypervisor::Kvm);
    part.force && fits && !scsi
}

/// The server's record follows its job.
fn settle_server(world: &mut World, kind: JobKind, part: &Part) {
    let worked = part.failure.is_none();
    let forced = is_forced(world, part);
    let Some(volume_id) = &part.volume_id else {
        if let Some(server) = world.server_mut(&part.server_id) {
            server.task_state = None;
            if worked {
                let status = if kind == JobKind::Stop { "SHUTOFF" } else { "ACTIVE" };
                status.clone_into(&mut server.status);
                server.occupied.clear();
            }
        }
        return;
    };
    if kind.attaches() != worked {
        if let Some(server) = world.server_mut(&part.server_id) {
            let gone = server.disks.iter().position(|disk| disk.volume_id == *volume_id);
            let device = gone.map(|position| server.disks.remove(position).device);
            server.occupied.extend(device.filter(|_| forced));
        }
        if let Some(server) = world.lite_server_mut(&part.server_id) {
            server.disks.retain(|disk| disk.volume_id != *volume_id);
        }
    } else {
        set_server_phase(world, &part.server_id, volume_id, Phase::Attached);
        if let Some(disk) = world.server_mut(&part.server_id).and_then(|server| server.disk_mut(volume_id)) {
            disk.pci_address = device::pci_address(&disk.device, disk.scsi);
        }
    }
}

/// The volume's record follows its job.
fn settle_volume(world: &mut World, kind: JobKind, part: &Part, at: &str, leaves_error: bool) {
    let Some(volume_id) = &part.volume_id else { return };
    let server_id = evs_server_id(world, kind, &part.server_id);
    let Some(volume) = world.volume_mut(volume_id) else { return };
    if kind.attaches() != part.failure.is_none() {
        volume.attachments.retain(|attachment| attachment.server_id != server_id);
    }
    for attachment in volume.attachments.iter_mut().filter(|attachment| attachment.server_id == server_id) {
        if attachment.phase == Phase::Attaching {
            at.clone_into(&mut attachment.attached_at);
        }
        attachment.phase = Phase::Attached;
    }
    volume.refresh_status();
    if leaves_error {
        let status = if kind.attaches() { "error" } else { "error_detaching" };
        status.clone_into(&mut volume.status);
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
    let mut unfinished = state.huaweicloud.jobs.iter().filter(|job| job.is_unfinished());
    unfinished.any(|job| job.parts.iter().any(|part| !part.refused && part.server_id == server_id))
}
