//! One attach or detach of one ECS, from its turn to the end of its job.

use std::slice;

use super::{
    ecs::failure,
    jobs::{Jobs, end_for},
};
use crate::{
    budget::Budget,
    huaweicloud::Client,
    ids::JobId,
    provider::attachment::{
        api::{Failure, JobEnd},
        ledger::{Ledger, Operation},
        sight::Pair,
    },
    transport::ErrorKind,
    wait::PollConfig,
};

/// The calls of one region.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    pub(super) client: Client,
    pub(super) jobs: Jobs,
}

/// One attach or detach.
#[derive(Clone, Debug)]
pub(super) struct Single<'a> {
    pub(super) operation: Operation,
    pub(super) pair: &'a Pair,
    /// Whether other servers may have the volume, too.
    pub(super) shared: bool,
    /// The device name to ask for; an attach's.
    pub(super) device: Option<&'a str>,
    /// Whether the guest is not asked; a detach's.
    pub(super) force: bool,
}

impl Calls {
    /// Does it: waits for its turn, sends, and follows the job.
    pub(super) async fn single(&self, single: Single<'_>, ledger: &Ledger, budget: &Budget) -> Result<JobEnd, Failure> {
        let Single { operation, pair, shared, device, force } = single;
        let _turn = self.jobs.turns(shared.then_some(&pair.volume), slice::from_ref(&pair.server), budget).await?;
        ledger.sending(operation);
        let sent = match operation {
            Operation::Attach => self.client.attach_server_volume(budget, &pair.server, &pair.volume, device).await,
            Operation::Detach => self.client.detach_server_volume(budget, &pair.server, &pair.volume, force).await,
        };
        let job = sent.map_err(failure).inspect_err(|failure| ledger.failed(failure))?;
        ledger.accepted(&job);
        tracing::info!(operation = operation.verb(), %job, "accepted");
        self.follow(operation.verb(), pair, &job, budget).await
    }

    /// Follows the job of a call that was accepted.
    async fn follow(&self, kind: &str, pair: &Pair, job: &JobId, budget: &Budget) -> Result<JobEnd, Failure> {
        let waiter = self.jobs.waiter(kind, PollConfig::default());
        let ended = self.jobs.follow(&self.client, &waiter, job, budget).await?;
        Ok(end_for(job, ended.as_ref(), &pair.server))
    }

    /// Starts or stops a server, and follows the job. Stopping is the soft way: the guest shuts down by itself.
    pub(super) async fn power(&self, pair: &Pair, on: bool, budget: &Budget) -> Result<(), Failure> {
        let _turn = self.jobs.turns(None, slice::from_ref(&pair.server), budget).await?;
        let servers = [pair.server.clone()];
        let (verb, sent) = if on {
            ("start", self.client.batch_start_servers(budget, &servers).await)
        } else {
            ("stop", self.client.batch_stop_servers(budget, &servers).await)
        };
        let job = match sent.map_err(failure) {
            Ok(job) => job,
            // Whether it was processed is for the looks that follow.
            Err(lost) if lost.kind == ErrorKind::AnswerLost => return Ok(()),
            Err(failure) => return Err(failure),
        };
        match self.follow(verb, pair, &job, budget).await? {
            JobEnd::Done | JobEnd::Unknown => Ok(()),
            JobEnd::Failed(failed) => Err(Failure {
                kind: ErrorKind::Invalid,
                operation: verb.to_owned(),
                text: format!("job {job} to {verb} the server failed with {}: {}", failed.code, failed.reason),
                clock_skew: None,
                busy: false,
            }),
        }
    }

    /// Follows the job of an earlier run, which may have ended long ago.
    pub(super) async fn resume(&self, pair: &Pair, job: &JobId, budget: &Budget) -> Result<JobEnd, Failure> {
        let _turn = self.jobs.turns(None, slice::from_ref(&pair.server), budget).await?;
        let waiter = self.jobs.waiter("an earlier run's job", PollConfig::default()).resumed();
        let ended = self.jobs.follow(&self.client, &waiter, job, budget).await?;
        Ok(end_for(job, ended.as_ref(), &pair.server))
    }
}
