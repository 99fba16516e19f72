//! A cloud of a few lines for tests under paused time: one pair, jobs that take time, and a script of bad luck.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;

use super::{
    api::{AttachmentApi, Cloud, Failure, JobEnd, JobFailure, Submitted, Wish},
    follow::ended_failure,
    ledger::{Ledger, Operation},
    sight::{Facts, Pair, Readiness, ServerSight, Sight, VolumeSight, VolumeState},
};
use crate::{
    budget::Budget,
    ids::{JobId, ServerId, VolumeId},
    transport::ErrorKind,
    wait::PollConfig,
};

/// How long the fake's jobs take.
pub(super) const JOB: Duration = Duration::from_secs(3);
/// How long its server takes to start and to stop.
pub(super) const BOOT: Duration = Duration::from_secs(5);
/// Its id of the one attachment record it can have.
pub(super) const RECORD: &str = "record-1";

/// What becomes of one mutating call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Luck {
    /// It is accepted and its job succeeds.
    Good,
    /// It is accepted and its job fails.
    JobFails,
    /// It never arrives, and no answer comes.
    LostBefore,
    /// It is accepted, and the answer is lost.
    LostAfter,
    /// It is refused because something else is going on.
    Conflict,
    /// It is refused because the server is busy, and trying again later will help.
    Busy,
    /// It is refused because there are too many calls.
    Throttled,
}

/// What somebody else does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outside {
    /// Detaches the pair at once.
    Detach,
    /// Attaches the pair at once.
    Attach,
    /// Gives the volume to another server, if it is free.
    Take,
    /// Deletes the volume.
    DeleteVolume,
    /// Deletes the server; its disks become free.
    DeleteServer,
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) no_server: bool,
    pub(super) no_volume: bool,
    pub(super) system_volume: bool,
    pub(super) on_server: bool,
    pub(super) on_volume: bool,
    pub(super) other: Option<ServerId>,
    pub(super) luck: VecDeque<Luck>,
    pub(super) outside: VecDeque<(Duration, Outside)>,
    /// Every mutating call that arrived, with what it began (true) or was refused for (false).
    pub(super) calls: Vec<(Operation, bool)>,
    /// How often the practitioner wants things polled.
    pub(super) poll: Option<PollConfig>,
    /// How long the volume's list lags behind the job.
    pub(super) lag: Duration,
    /// Whether it is the server's list that lags, instead.
    pub(super) server_lags: bool,
    pub(super) job: Option<Running>,
    /// Whether no status shows a job that runs.
    pub(super) shy: bool,
    /// Whether nobody is told how a job ended.
    pub(super) unknown_jobs: bool,
    pub(super) lagging: Option<(Instant, bool)>,
    pub(super) failed: Vec<JobId>,
    pub(super) jobs: u32,
    /// How much longer than [`JOB`] a job takes.
    pub(super) slow: Duration,
    /// What every look fails with.
    pub(super) look_fails: Option<ErrorKind>,
    /// Set on the volume: whether it goes when the server goes.
    pub(super) flag: Option<bool>,
    /// What setting it fails with.
    pub(super) flag_fails: Option<ErrorKind>,
    pub(super) power: Readiness,
    pub(super) booting: Option<(Instant, Readiness)>,
    pub(super) locked: bool,
    /// How many power calls are refused for a conflict.
    pub(super) power_conflicts: u32,
    /// How many power calls never arrive.
    pub(super) power_lost: u32,
    /// Every power call that was accepted: on (true) or off (false).
    pub(super) power_calls: Vec<bool>,
    /// Every attachment record that was released.
    pub(super) released: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Running {
    id: JobId,
    operation: Operation,
    ends: Instant,
    fails: bool,
}

impl Running {
    /// Somebody else's, that succeeds after this time.
    pub(super) fn of_somebody_else(operation: Operation, takes: Duration) -> Self {
        Self { id: JobId::new("foreign"), operation, ends: Instant::now() + takes, fails: false }
    }
}

/// The fake cloud.
#[derive(Debug)]
pub(super) struct FakeCloud {
    began: Instant,
    world: Mutex<World>,
}

static CLOUD: Cloud = Cloud {
    name: "Fake Cloud",
    server: "server",
    volume: "volume",
    block: "fakecloud",
    first_look: Duration::from_millis(100),
    stale_record_option: Some("release_stale_record"),
    refusal_hint: None,
};

pub(super) fn pair() -> Pair {
    Pair {
        server: ServerId::new("11111111-1111-4111-8111-111111111111"),
        volume: VolumeId::new("22222222-2222-4222-8222-222222222222"),
    }
}

impl FakeCloud {
    pub(super) fn new(world: World) -> Self {
        Self { began: Instant::now(), world: Mutex::new(world) }
    }

    /// The world as it is by now.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap();
        world.catch_up(self.began);
        world
    }

    async fn mutate(&self, operation: Operation, ledger: &Ledger, budget: &Budget) -> Result<Submitted, Failure> {
        ledger.sending(operation);
        let answer = self.world().submit(operation);
        budget.sleep(Duration::from_millis(20)).await.map_err(|_| failed(ErrorKind::AnswerLost))?;
        let job = answer.inspect_err(|failure| ledger.failed(failure))?;
        ledger.accepted(&job);
        self.end_of(&job, budget).await.map(Submitted::Ended)
    }

    async fn end_of(&self, job: &JobId, budget: &Budget) -> Result<JobEnd, Failure> {
        if self.world().unknown_jobs {
            return Ok(JobEnd::Unknown);
        }
        loop {
            {
                let world = self.world();
                if world.failed.contains(job) {
                    let failure = JobFailure {
                        job: job.clone(),
                        code: "F.1".into(),
                        reason: "no luck".into(),
                        conflict: false,
                        busy: false,
                        of_batch: false,
                    };
                    return Ok(JobEnd::Failed(failure));
                }
                if world.job.as_ref().is_none_or(|running| running.id != *job) {
                    return Ok(JobEnd::Done);
                }
            }
            let pause = budget.sleep(Duration::from_millis(100)).await;
            pause.map_err(|ended| ended_failure(ended, format!("job {job} is RUNNING")))?;
        }
    }
}

impl World {
    fn catch_up(&mut self, began: Instant) {
        let now = Instant::now();
        while let Some((_, outside)) = self.outside.pop_front_if(|(at, _)| began + *at <= now) {
            self.happen(outside);
        }
        if let Some(job) = self.job.take_if(|job| job.ends <= now) {
            if job.fails {
                self.failed.push(job.id);
            } else {
                let attached = job.operation == Operation::Attach && !self.no_server;
                *(if self.server_lags { &mut self.on_volume } else { &mut self.on_server }) = attached;
                self.lagging = Some((job.ends + self.lag, attached));
            }
        }
        if let Some((_, power)) = self.booting.take_if(|(at, _)| *at <= now) {
            self.power = power;
        }
        if let Some((_, attached)) = self.lagging.take_if(|(at, _)| *at <= now) {
            let late = if self.server_lags { &mut self.on_server } else { &mut self.on_volume };
            *late = attached && !self.no_volume;
        }
    }

    fn happen(&mut self, outside: Outside) {
        // The fake, like the clouds, does one thing at a time.
        if self.job.is_some() || self.lagging.is_some() {
            return;
        }
        match outside {
            Outside::Detach => (self.on_server, self.on_volume) = (false, false),
            Outside::Attach if self.other.is_none() && !self.no_server && !self.no_volume => {
                (self.on_server, self.on_volume) = (true, true);
            }
            Outside::Take if !self.on_volume => {
                self.other = Some(ServerId::new("33333333-3333-4333-8333-333333333333"))
            }
            Outside::DeleteVolume => (self.no_volume, self.on_server, self.on_volume) = (true, false, false),
            Outside::DeleteServer => (self.no_server, self.on_server, self.on_volume) = (true, false, false),
            Outside::Attach | Outside::Take => {}
        }
    }

    fn submit(&mut self, operation: Operation) -> Result<JobId, Failure> {
        let luck = self.luck.pop_front().unwrap_or(Luck::Good);
        match luck {
            Luck::LostBefore => return Err(failed(ErrorKind::AnswerLost)),
            Luck::Busy => return Err(Failure { busy: true, ..failed(ErrorKind::Conflict) }),
            Luck::Throttled => return Err(failed(ErrorKind::Throttled)),
            Luck::Good | Luck::JobFails | Luck::LostAfter | Luck::Conflict => {}
        }
        let refusal = match operation {
            _ if self.no_server || self.no_volume => Some(ErrorKind::NotFound),
            _ if self.job.is_some() || self.lagging.is_some() || luck == Luck::Conflict => Some(ErrorKind::Conflict),
            Operation::Attach if self.on_server => Some(ErrorKind::AlreadyAttached),
            Operation::Attach if self.other.is_some() => Some(ErrorKind::Conflict),
            Operation::Detach if !self.on_server => Some(ErrorKind::NotAttached),
            Operation::Attach | Operation::Detach => None,
        };
        self.calls.push((operation, refusal.is_none()));
        if let Some(kind) = refusal {
            return Err(failed(kind));
        }
        self.jobs += 1;
        let id = JobId::new(format!("job-{}", self.jobs));
        let fails = luck == Luck::JobFails;
        self.job = Some(Running { id: id.clone(), operation, ends: Instant::now() + JOB + self.slow, fails });
        if luck == Luck::LostAfter { Err(failed(ErrorKind::AnswerLost)) } else { Ok(id) }
    }

    fn sight(&self) -> Sight {
        let job = self.job.as_ref().filter(|_| !self.shy);
        let state = match (job, self.on_volume || self.other.is_some()) {
            (Some(job), _) if job.operation == Operation::Attach => VolumeState::Attaching,
            (Some(_), _) => VolumeState::Detaching,
            (None, true) => VolumeState::InUse,
            (None, false) => VolumeState::Available,
        };
        let readiness = if self.booting.is_some() { Readiness::Transient } else { self.power };
        Sight {
            server: (!self.no_server).then(|| ServerSight {
                lists_volume: self.on_server,
                status: format!("{readiness:?}").to_uppercase(),
                readiness,
                locked: self.locked,
                boots_from_volume: self.system_volume,
                ..ServerSight::default()
            }),
            volume: (!self.no_volume).then(|| VolumeSight {
                lists_server: self.on_volume,
                others: self.other.iter().cloned().collect(),
                status: format!("{state:?}").to_lowercase(),
                state,
                ..VolumeSight::default()
            }),
            facts: Facts {
                device: self.on_server.then(|| "/dev/vdb".into()),
                attachment_id: self.on_volume.then(|| RECORD.into()),
                delete_on_termination: self.on_server.then_some(self.flag).flatten(),
                ..Facts::default()
            },
        }
    }
}

#[async_trait]
impl AttachmentApi for FakeCloud {
    fn cloud(&self) -> &'static Cloud {
        &CLOUD
    }

    fn region(&self) -> String {
        "nowhere-1".into()
    }

    fn poll_interval(&self) -> Option<PollConfig> {
        self.world().poll
    }

    async fn look(&self, _: &Pair, budget: &Budget) -> Result<Sight, Failure> {
        budget.sleep(Duration::from_millis(10)).await.map_err(|ended| ended_failure(ended, "looking".into()))?;
        let world = self.world();
        world.look_fails.map_or_else(|| Ok(world.sight()), |kind| Err(failed(kind)))
    }

    async fn attach(&self, _: &Pair, _: &Wish, ledger: &Ledger, budget: &Budget) -> Result<Submitted, Failure> {
        self.mutate(Operation::Attach, ledger, budget).await
    }

    async fn detach(&self, _: &Pair, _: &Wish, ledger: &Ledger, budget: &Budget) -> Result<Submitted, Failure> {
        self.mutate(Operation::Detach, ledger, budget).await
    }

    async fn follow(&self, _: &Pair, job: &JobId, budget: &Budget) -> Result<JobEnd, Failure> {
        self.end_of(job, budget).await
    }

    async fn release(&self, _: &Pair, attachment_id: &str, _: &Budget) -> Result<(), Failure> {
        let mut world = self.world();
        world.released.push(attachment_id.to_owned());
        world.on_volume = false;
        Ok(())
    }

    async fn power(&self, _: &Pair, on: bool, budget: &Budget) -> Result<(), Failure> {
        budget.sleep(Duration::from_millis(20)).await.map_err(|ended| ended_failure(ended, "power".into()))?;
        let mut world = self.world();
        if world.power_conflicts > 0 {
            world.power_conflicts -= 1;
            return Err(failed(ErrorKind::Conflict));
        }
        if world.power_lost > 0 {
            world.power_lost -= 1;
            return Err(failed(ErrorKind::AnswerLost));
        }
        world.power_calls.push(on);
        let power = if on { Readiness::Running } else { Readiness::Stopped };
        world.booting = Some((Instant::now() + BOOT, power));
        Ok(())
    }

    async fn set_delete_on_termination(&self, _: &Pair, value: bool, budget: &Budget) -> Result<(), Failure> {
        budget.sleep(Duration::from_millis(20)).await.map_err(|ended| ended_failure(ended, "setting".into()))?;
        let mut world = self.world();
        if let Some(kind) = world.flag_fails {
            return Err(failed(kind));
        }
        world.flag = Some(value);
        Ok(())
    }
}

fn failed(kind: ErrorKind) -> Failure {
    Failure { kind, operation: "FakeCall".into(), text: format!("{kind:?}"), clock_skew: None, busy: false }
}
