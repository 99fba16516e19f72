//! One attach or detach of one ECS, from its turn to the end of its job.

use std::{slice, sync::Arc, time::Duration};

use super::{
    ecs::failure,
    jobs::{Jobs, OVERTIME, Turn, end_for},
};
use crate::{
    budget::Budget,
    huaweicloud::{Client, job::Job},
    ids::JobId,
    provider::attachment::{
        api::{Failure, JobEnd, Submitted},
        ledger::{Ledger, Operation},
        sight::Pair,
    },
    sync::KeyedGuard,
    transport::ErrorKind,
    wait::PollConfig,
};

/// How long a start waits for the server's turn.
const PATIENCE: Duration = Duration::from_secs(30);

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
    pub(super) async fn single(
        &self,
        single: Single<'_>,
        ledger: &Ledger,
        budget: &Budget,
    ) -> Result<Submitted, Failure> {
        let Single { operation, pair, shared, device, force } = single;
        let turn = self.jobs.turns(shared.then_some(&pair.volume), slice::from_ref(&pair.server), budget).await?;
        ledger.sending(operation);
        let sent = match operation {
            Operation::Attach => self.client.attach_server_volume(budget, &pair.server, &pair.volume, device).await,
            Operation::Detach => self.client.detach_server_volume(budget, &pair.server, &pair.volume, force).await,
        };
        let job = sent.map_err(failure).inspect_err(|failure| ledger.failed(failure))?;
        let Some(job) = job else {
            return Ok(Submitted::Accepted { seen_moving: false, turn: Some(Arc::new(turn)) });
        };
        ledger.accepted(&job);
        tracing::info!(operation = operation.verb(), %job, "accepted");
        let ended = self.follow(operation.verb(), Some(turn), &job, budget).await?;
        Ok(Submitted::Ended(end_for(&job, ended.as_ref(), &pair.server, false)))
    }

    /// Follows the job of a call that was accepted. The turn ends with the job, also with one that goes on past the budget.
    pub(super) async fn follow(
        &self,
        kind: &str,
        turn: Option<KeyedGuard<Turn>>,
        job: &JobId,
        budget: &Budget,
    ) -> Result<Option<Job>, Failure> {
        let waiter = self.jobs.waiter(kind, PollConfig::default());
        let ended = self.jobs.follow(&self.client, &waiter, job, budget).await;
        if ended.as_ref().is_err_and(|failure| failure.kind == ErrorKind::DeadlineExceeded) {
            let (calls, job, budget) = (self.clone(), job.clone(), budget.with_grace(OVERTIME));
            tokio::spawn(async move {
                let _ = calls.jobs.follow(&calls.client, &waiter.resumed(), &job, &budget).await;
                drop(turn);
            });
        }
        ended
    }

    /// Starts or stops a server, and follows the job. Stopping is the soft way: the guest shuts down by itself.
    pub(super) async fn power(&self, pair: &Pair, on: bool, budget: &Budget) -> Result<(), Failure> {
        let servers = slice::from_ref(&pair.server);
        let patience = if on { budget.shorter(PATIENCE) } else { budget.clone() };
        let turn = match self.jobs.turns(None, servers, &patience).await {
            Ok(turn) => Some(turn),
            // Most likely a job that goes on past its time has the turn. Whether a server that we stopped can be started
            // nevertheless is for the cloud to say.
            Err(_) if on && budget.ended().is_none() => None,
            Err(late) => return Err(late),
        };
        let (verb, sent) = if on {
            ("start", self.client.batch_start_servers(budget, servers).await)
        } else {
            ("stop", self.client.batch_stop_servers(budget, servers).await)
        };
        let Some(job) = sent.map_err(failure)? else { return Ok(()) };
        let ended = self.follow(verb, turn, &job, budget).await?;
        match end_for(&job, ended.as_ref(), &pair.server, false) {
            JobEnd::Done | JobEnd::Unknown => Ok(()),
            JobEnd::Failed(failed) => Err(Failure {
                kind: if failed.conflict { ErrorKind::Conflict } else { ErrorKind::Invalid },
                operation: verb.to_owned(),
                text: format!("job {job} to {verb} the server failed with {}: {}", failed.code, failed.reason),
                clock_skew: None,
                busy: failed.busy,
            }),
        }
    }

    /// Follows the job of an earlier run, which may have ended long ago.
    pub(super) async fn resume(&self, pair: &Pair, job: &JobId, budget: &Budget) -> Result<JobEnd, Failure> {
        let _turn = self.jobs.turns(None, slice::from_ref(&pair.server), budget).await?;
        let waiter = self.jobs.waiter("an earlier run's job", PollConfig::default()).resumed();
        let ended = self.jobs.follow(&self.client, &waiter, job, budget).await?;
        Ok(match end_for(job, ended.as_ref(), &pair.server, true) {
            // The lists have had their time to show what the parts do not tell.
            JobEnd::Unknown if ended.is_some() => JobEnd::Done,
            end => end,
        })
    }
}
