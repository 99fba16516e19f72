//! A shared volume that several servers want, or leave, at about the same time: one batch call, one job, and a verdict for
//! each of them.
//!
//! Vendor's pages: ECS, "Attaching Disks to an ECS in a Batch" and "Detaching Volumes in a Batch".

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{
    calls::{Calls, Single},
    ecs::failure,
    jobs::{Jobs, end_for, is_too_late},
};
use crate::{
    budget::{Budget, Ended},
    huaweicloud::Client,
    ids::{JobId, VolumeId},
    provider::attachment::{
        api::{Failure, JobEnd, Submitted},
        follow::ended_failure,
        ledger::{Ledger, Operation},
        sight::Pair,
    },
    sync::{BatchError, BatchExecutor, Batcher, BatcherConfig, Expected},
    transport::ErrorKind,
};
use async_trait::async_trait;

/// A shared volume is on at most this many servers, so no batch is larger.
const MAX_SERVERS: usize = 16;

/// The batches of attaches and of detaches.
#[derive(Clone, Debug)]
pub(crate) struct Batches {
    attaches: Batcher<Executor>,
    detaches: Batcher<Executor>,
}

/// One volume of one region.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct SharedVolume {
    region: String,
    volume: VolumeId,
}

/// One server's part of a batch.
#[derive(Debug)]
pub(super) struct Member {
    pair: Pair,
    device: Option<String>,
    ledger: Ledger,
    budget: Budget,
}

/// What became of one server's part of a batch.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// It was accepted.
    Submitted(Submitted),
    /// Nothing was done for it: it is a batch of one, or the cloud does not take the batch. Each goes alone then, and none
    /// waits for the answers of the others.
    Alone,
}

/// Does batches of one operation.
#[derive(Debug)]
pub(super) struct Executor {
    operation: Operation,
    client: Client,
    jobs: Jobs,
    /// Cleared for the rest of the process when the cloud turns out not to know the call: it is not published everywhere.
    route_known: AtomicBool,
}

impl Batches {
    /// Batches of this cloud.
    pub(crate) fn new(client: &Client, jobs: &Jobs) -> Self {
        let batcher = |operation| {
            let executor =
                Executor { operation, client: client.clone(), jobs: jobs.clone(), route_known: AtomicBool::new(true) };
            Batcher::new(executor, BatcherConfig { max_items: MAX_SERVERS, ..BatcherConfig::default() })
        };
        Self { attaches: batcher(Operation::Attach), detaches: batcher(Operation::Detach) }
    }

    /// Says that this pair may come into a batch once it has been looked at.
    pub(super) fn expect(&self, operation: Operation, region: &str, pair: &Pair) -> Expected<Executor> {
        self.of(operation).expect(SharedVolume { region: region.to_owned(), volume: pair.volume.clone() })
    }

    /// Does the operation together with those of other servers that come at about the same time, or alone where there are
    /// none or the cloud does not take them together.
    pub(super) async fn submit(
        &self,
        calls: &Calls,
        single: Single<'_>,
        ledger: &Ledger,
        budget: &Budget,
    ) -> Result<Submitted, Failure> {
        let Single { operation, pair, device, .. } = single;
        let key = SharedVolume { region: calls.client.region().to_owned(), volume: pair.volume.clone() };
        let device = device.map(str::to_owned);
        let member = Member { pair: pair.clone(), device, ledger: ledger.clone(), budget: budget.clone() };
        match self.of(operation).submit(key, member, budget).await {
            Ok(Ok(Part::Submitted(submitted))) => Ok(submitted),
            Ok(Ok(Part::Alone)) => calls.single(single, ledger, budget).await,
            Ok(Err(failure)) => Err(failure),
            Err(BatchError::NotStarted(ended)) => {
                Err(ended_failure(ended, "the batch is still gathering servers".to_owned()))
            }
            Err(BatchError::Unanswered(ended)) => Err(ended_failure(ended, "the batch that it is part of".to_owned())),
            Err(BatchError::Lost) => Err(Failure {
                kind: ErrorKind::AnswerLost,
                operation: operation.verb().to_owned(),
                text: "the batch that it was part of ended without an answer".to_owned(),
                clock_skew: None,
                busy: false,
            }),
        }
    }

    const fn of(&self, operation: Operation) -> &Batcher<Executor> {
        match operation {
            Operation::Attach => &self.attaches,
            Operation::Detach => &self.detaches,
        }
    }
}

#[async_trait]
impl BatchExecutor for Executor {
    type Item = Member;
    type Key = SharedVolume;
    type Output = Result<Part, Failure>;

    async fn execute(&self, key: &SharedVolume, members: Vec<Member>) -> Vec<Self::Output> {
        let alone = || members.iter().map(|_| Ok(Part::Alone)).collect();
        if members.len() == 1 || !self.route_known.load(Ordering::Relaxed) {
            return alone();
        }
        let calls = Calls { client: self.client.for_region(&key.region), jobs: self.jobs.clone() };
        match self.together(&calls, &key.volume, &members).await {
            Ok(ends) => ends,
            Err(refusal) if self.is_refusal_of_the_batch(&refusal) => {
                tracing::info!(%refusal, "the batch is refused; its members go singly");
                alone()
            }
            Err(failure) => members.iter().map(|_| Err(failure.clone())).collect(),
        }
    }
}

impl Executor {
    /// Whether a failure says that the batch as such cannot be done, so that single calls still may.
    fn is_refusal_of_the_batch(&self, failure: &Failure) -> bool {
        if failure.kind == ErrorKind::NoSuchRoute {
            self.route_known.store(false, Ordering::Relaxed);
        }
        matches!(
            failure.kind,
            ErrorKind::NoSuchRoute
                | ErrorKind::Invalid
                | ErrorKind::Conflict
                | ErrorKind::NotFound
                | ErrorKind::AlreadyAttached
                | ErrorKind::NotAttached
                | ErrorKind::Quota
                | ErrorKind::PermissionDenied
        )
    }

    /// All members by one call. An error is about all of them.
    async fn together(
        &self,
        calls: &Calls,
        volume: &VolumeId,
        members: &[Member],
    ) -> Result<Vec<Result<Part, Failure>>, Failure> {
        // The one who can wait longest: whoever cannot has stopped waiting for its answer by then.
        let Some(budget) = members.iter().map(|member| &member.budget).max_by_key(|budget| budget.remaining()) else {
            return Ok(Vec::new());
        };
        let servers: Vec<_> = members.iter().map(|member| member.pair.server.clone()).collect();
        let turns = calls.jobs.turns(Some(volume), &servers, budget).await?;
        // Whoever stopped waiting meanwhile, or could not wait for the end, is left out; nothing was sent for it.
        let ended: Vec<Option<Ended>> = members
            .iter()
            .map(|Member { budget, .. }| {
                budget.ended().or_else(|| is_too_late(budget).then_some(Ended::DeadlineExceeded))
            })
            .collect();
        let taking_part: Vec<&Member> =
            members.iter().zip(&ended).filter(|(_, ended)| ended.is_none()).map(|(member, _)| member).collect();
        let submitted = if taking_part.is_empty() {
            Vec::new()
        } else if let Some(job) = self.send(calls, volume, &taking_part, budget).await? {
            let ended = calls.follow(self.kind(), Some(turns), &job, budget).await?;
            let end = |member: &&Member| end_for(&job, ended.as_ref(), &member.pair.server, true);
            taking_part.iter().map(end).map(Submitted::Ended).collect()
        } else {
            let accepted = Submitted::Accepted { seen_moving: false, turn: Some(Arc::new(turns)) };
            vec![accepted; taking_part.len()]
        };
        let mut submitted = submitted.into_iter();
        Ok(ended
            .into_iter()
            .map(|ended| match ended {
                Some(ended) => Err(ended_failure(ended, "the turns of the servers in its batch".to_owned())),
                None => Ok(Part::Submitted(submitted.next().unwrap_or(Submitted::Ended(JobEnd::Unknown)))),
            })
            .collect())
    }

    async fn send(
        &self,
        calls: &Calls,
        volume: &VolumeId,
        members: &[&Member],
        budget: &Budget,
    ) -> Result<Option<JobId>, Failure> {
        members.iter().for_each(|member| member.ledger.sending(self.operation));
        let sent = match self.operation {
            Operation::Attach => {
                let servers: Vec<_> =
                    members.iter().map(|member| (member.pair.server.clone(), member.device.clone())).collect();
                calls.client.batch_attach_sharable_volumes(budget, volume, &servers).await
            }
            Operation::Detach => {
                let servers: Vec<_> = members.iter().map(|member| member.pair.server.clone()).collect();
                calls.client.batch_detach_volumes(budget, volume, &servers).await
            }
        };
        let job = sent
            .map_err(failure)
            .inspect_err(|failure| members.iter().for_each(|member| member.ledger.failed(failure)))?;
        tracing::info!(operation = self.operation.verb(), servers = members.len(), ?job, "batch accepted");
        if let Some(job) = &job {
            members.iter().for_each(|member| member.ledger.accepted(job));
        }
        Ok(job)
    }

    /// The name by which the durations of its jobs are known.
    const fn kind(&self) -> &'static str {
        match self.operation {
            Operation::Attach => "batch attach",
            Operation::Detach => "batch detach",
        }
    }
}
