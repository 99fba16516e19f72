//! Huawei Cloud's attach and detach jobs, followed to their ends, and the turns that one server's jobs take.

use std::{sync::OnceLock, time::Duration};

use tokio::time::Instant;

use super::ecs::failure;
use crate::{
    budget::{Budget, Ended},
    huaweicloud::{
        Client,
        job::{Job, JobStatus},
    },
    ids::{JobId, ServerId, VolumeId},
    provider::attachment::{
        api::{Failure, JobEnd, JobFailure},
        follow::{JobSight, ended_failure, follow},
    },
    sync::{KeyedGuard, KeyedMutex},
    wait::{Durations, PollConfig, Waiter},
};

/// What must be left of the time when a turn comes: a quarter of a short time, a second of a long one.
const LEAST_LEFT: Duration = Duration::from_secs(1);

/// How long a job that goes on past its attachment's time still keeps others from its server, at most: some never end.
pub(super) const OVERTIME: Duration = Duration::from_secs(600);
/// How long parts of a batch that has ended as a whole are waited for.
const LATE_PARTS: Duration = Duration::from_secs(60);

/// What every call that begins a job needs.
#[derive(Clone, Debug)]
pub(crate) struct Jobs {
    turns: KeyedMutex<Turn>,
    durations: Durations,
    poll: Option<PollConfig>,
}

/// What takes one attach or detach at a time.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Turn {
    /// A server, whichever volume it is about.
    Server(ServerId),
    /// A shared volume, whichever of its servers it is about.
    SharedVolume(VolumeId),
}

impl Jobs {
    /// Jobs that are looked at this often, or as often as suits each kind.
    pub(crate) fn new(poll: Option<PollConfig>) -> Self {
        Self { turns: KeyedMutex::new(), durations: Durations::new(), poll }
    }

    /// Waits for the turns of these servers, and of the volume if it is a shared one, all at once: meanwhile nobody waits
    /// for this one.
    pub(super) async fn turns(
        &self,
        shared_volume: Option<&VolumeId>,
        servers: &[ServerId],
        budget: &Budget,
    ) -> Result<KeyedGuard<Turn>, Failure> {
        let queued = Instant::now();
        let volume = shared_volume.cloned().map(Turn::SharedVolume);
        let turns = volume.into_iter().chain(servers.iter().cloned().map(Turn::Server));
        let turns = match self.turns.lock(turns, budget).await {
            Ok(_) if is_too_late(budget) => Err(Ended::DeadlineExceeded),
            turns => turns,
        };
        turns.map_err(|ended| {
            let (seconds, what) =
                (queued.elapsed().as_secs(), if shared_volume.is_some() { " or the volume" } else { "" });
            ended_failure(
                ended,
                format!("its turn has not come: other attaches and detaches of the server{what} took {seconds} s"),
            )
        })
    }

    /// How often the user says that jobs are looked at, if so.
    pub(super) const fn poll_interval(&self) -> Option<PollConfig> {
        self.poll
    }

    /// A waiter for a kind of job; `default` is how often it is looked at unless the user says.
    pub(super) fn waiter(&self, kind: &str, default: PollConfig) -> Waiter {
        Waiter::new(kind, self.poll.unwrap_or(default), self.durations.clone())
    }

    /// Follows an ECS job to its end; none when the cloud does not know it.
    pub(super) async fn follow(
        &self,
        client: &Client,
        waiter: &Waiter,
        id: &JobId,
        budget: &Budget,
    ) -> Result<Option<Job>, Failure> {
        // A batch may have ended as a whole while parts of it still run.
        let whole_ended = OnceLock::new();
        follow(waiter, id, budget, |budget| {
            let whole_ended = &whole_ended;
            async move {
                let job = client.show_job(&budget, id).await.map_err(failure)?;
                if !is_terminal(&job) {
                    return Ok(JobSight::Running(job.status.as_str().to_owned()));
                }
                let since = whole_ended.get_or_init(Instant::now).elapsed();
                Ok(if job.sub_jobs.iter().all(is_terminal) || since >= LATE_PARTS {
                    JobSight::Ended(job)
                } else {
                    JobSight::Running(format!("{}, and parts of it still run", job.status.as_str()))
                })
            }
        })
        .await
    }
}

/// Whether too little time is left to begin: a call that is sent now could not be followed, and would leave a tainted
/// attachment behind.
pub(super) fn is_too_late(budget: &Budget) -> bool {
    budget.remaining() < LEAST_LEFT.min(budget.timeout() / 4)
}

fn is_terminal(job: &Job) -> bool {
    matches!(job.status, JobStatus::Success | JobStatus::Fail)
}

/// How a job that has ended went for one server. A batch has a sub-job for each of its servers, and its word counts more
/// than the whole job's. Where there is none, the whole tells that something failed and not for whom, and its success is
/// no proof either: the pair itself decides.
pub(super) fn end_for(id: &JobId, job: Option<&Job>, server: &ServerId, of_batch: bool) -> JobEnd {
    let Some(job) = job else { return JobEnd::Unknown };
    let own = job.of_server(server).filter(|own| is_terminal(own));
    let of_batch = of_batch && own.is_none();
    let verdict = own.unwrap_or(job);
    match verdict.status {
        JobStatus::Success if of_batch => JobEnd::Unknown,
        JobStatus::Success => JobEnd::Done,
        _ => {
            let code = verdict.error_code.as_ref().map_or_else(|| "no error code".to_owned(), ToString::to_string);
            JobEnd::Failed(JobFailure {
                job: id.clone(),
                // Somebody else's conflict is no reason to send this one's call again.
                conflict: !of_batch && is_conflict(&code),
                busy: is_busy(&code),
                code,
                reason: verdict.fail_reason.clone().unwrap_or_else(|| "no reason given".to_owned()),
                of_batch,
            })
        }
    }
}

/// Codes by which ECS says that the server is busy. Whoever sends has just seen it at rest in a fitting state, so that it is
/// busy with somebody else's attach or detach, which no status shows: that ends.
pub(super) fn is_busy(code: &str) -> bool {
    matches!(code, "Ecs.0100" | "Ecs.0603")
}

/// Codes that say that something else was being done to the server or the volume.
fn is_conflict(code: &str) -> bool {
    matches!(code, "Ecs.0100" | "Ecs.0103" | "Ecs.0603")
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
