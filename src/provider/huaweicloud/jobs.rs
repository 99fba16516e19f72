//! Huawei Cloud's attach and detach jobs, followed to their ends, and the turns that one server's jobs take.

use std::time::Duration;

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
        follow(waiter, id, budget, |budget| async move {
            let job = client.show_job(&budget, id).await.map_err(failure)?;
            Ok(match &job.status {
                JobStatus::Success | JobStatus::Fail => JobSight::Ended(job),
                status => JobSight::Running(status.as_str().to_owned()),
            })
        })
        .await
    }
}

/// Whether too little time is left to begin: a call that is sent now could not be followed, and would leave a tainted
/// attachment behind.
pub(super) fn is_too_late(budget: &Budget) -> bool {
    budget.remaining() < LEAST_LEFT.min(budget.timeout() / 4)
}

/// How a job that has ended went for one server. A batch has a sub-job for each of its servers, and its word counts more
/// than the whole job's; where there is none, the whole job's is all there is, and the pair itself decides.
pub(super) fn end_for(id: &JobId, job: Option<&Job>, server: &ServerId) -> JobEnd {
    let Some(job) = job else { return JobEnd::Unknown };
    let own =
        job.of_server(server).filter(|own| matches!(own.status, JobStatus::Success | JobStatus::Fail)).unwrap_or(job);
    match own.status {
        JobStatus::Success => JobEnd::Done,
        _ => {
            let code = own.error_code.as_ref().map_or_else(|| "no error code".to_owned(), ToString::to_string);
            JobEnd::Failed(JobFailure {
                job: id.clone(),
                conflict: is_conflict(&code),
                busy: is_busy(&code),
                code,
                reason: own.fail_reason.clone().unwrap_or_else(|| "no reason given".to_owned()),
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
