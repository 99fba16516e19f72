//! ModelArts Lite Server as the life of an attachment needs it.
//!
//! The server lists its volumes without a status, and whether it lists those attached after its creation is not documented:
//! EVS is the side that tells, and the server's list adds to it.

use std::{slice, time::Duration};

use async_trait::async_trait;

use super::{
    ecs::{failure, is_first_device, present, volume_state, with_zone},
    jobs::{Jobs, OVERTIME, Turn},
};
use crate::{
    budget::Budget,
    huaweicloud::{
        Client,
        evs::Volume,
        modelarts::{DevServer, DevServerOperation, OperationStatus},
    },
    ids::{JobId, ServerId},
    provider::{
        attachment::{
            api::{AttachmentApi, Cloud, Failure, JobEnd, JobFailure, Submitted, Wish},
            follow::{JobSight, follow},
            ledger::{Ledger, Operation},
            sight::{Facts, Pair, Readiness, ServerSight, Sight, VolumeSight, VolumeState},
        },
        data::HuaweiCloud,
    },
    sync::KeyedGuard,
    transport::ErrorKind,
    wait::{PollConfig, Waiter},
};

static CLOUD: Cloud = Cloud {
    name: "ModelArts Lite Server",
    server: "Lite Server",
    volume: "EVS volume",
    block: "huaweicloud",
    first_look: Duration::from_millis(250),
    stale_record_option: None,
    refusal_hint: Some(
        "Huawei Cloud offers this for Lite Servers with A3 hardware only; those of type BMS are refused. Compare server_id \
         with the Lite Server's own id in the console.",
    ),
};
/// An operation of a Lite Server takes longer than a job of an ECS.
const POLL: PollConfig = PollConfig { min: Duration::from_millis(500), max: Duration::from_secs(10) };

/// The calls for one region.
#[derive(Clone, Debug)]
pub(super) struct LiteServerApi {
    client: Client,
    jobs: Jobs,
}

impl LiteServerApi {
    /// The calls for `region`, or for the provider's.
    pub(super) fn new(cloud: &HuaweiCloud, region: Option<&str>) -> Self {
        let client = region.map_or_else(|| cloud.client.clone(), |region| cloud.client.for_region(region));
        Self { client, jobs: cloud.jobs.clone() }
    }

    async fn follow_operation(
        &self,
        waiter: &Waiter,
        pair: &Pair,
        id: &JobId,
        budget: &Budget,
    ) -> Result<JobEnd, Failure> {
        follow(waiter, id, budget, |budget| async move {
            let seen = self.client.show_dev_server_operation(&budget, &pair.server, id).await.map_err(failure)?;
            Ok(operation_sight(seen))
        })
        .await
        .map(|end| end.unwrap_or(JobEnd::Unknown))
    }

    /// Follows the operation of a call that was just accepted. The turn ends with the operation, also with one that goes on
    /// past the budget.
    async fn submitted(
        &self,
        name: &str,
        turn: KeyedGuard<Turn>,
        pair: &Pair,
        operation: DevServerOperation,
        ledger: &Ledger,
        budget: &Budget,
    ) -> Result<Submitted, Failure> {
        ledger.accepted(&operation.id);
        tracing::info!(name, operation = %operation.id, "accepted");
        let id = operation.id.clone();
        if let JobSight::Ended(end) = operation_sight(operation) {
            return Ok(Submitted::Ended(end));
        }
        let waiter = self.jobs.waiter(name, POLL);
        let end = self.follow_operation(&waiter, pair, &id, budget).await;
        if end.as_ref().is_err_and(|failure| failure.kind == ErrorKind::DeadlineExceeded) {
            let (api, pair, budget) = (self.clone(), pair.clone(), budget.with_grace(OVERTIME));
            tokio::spawn(async move {
                let _ = api.follow_operation(&waiter.resumed(), &pair, &id, &budget).await;
                drop(turn);
            });
        }
        end.map(Submitted::Ended)
    }
}

#[async_trait]
impl AttachmentApi for LiteServerApi {
    fn cloud(&self) -> &'static Cloud {
        &CLOUD
    }

    fn region(&self) -> String {
        self.client.region().to_owned()
    }

    fn poll_interval(&self) -> Option<PollConfig> {
        self.jobs.poll_interval()
    }

    async fn look(&self, pair: &Pair, budget: &Budget) -> Result<Sight, Failure> {
        let (server, volume) = tokio::join!(
            self.client.show_dev_server(budget, &pair.server),
            self.client.show_volume(budget, &pair.volume),
        );
        Ok(sight(pair, present(server)?.as_ref(), present(volume)?.as_ref()))
    }

    async fn attach(&self, pair: &Pair, _: &Wish, ledger: &Ledger, budget: &Budget) -> Result<Submitted, Failure> {
        let turn = self.jobs.turns(None, slice::from_ref(&pair.server), budget).await?;
        ledger.sending(Operation::Attach);
        let sent = self.client.attach_dev_server_volume(budget, &pair.server, &pair.volume).await;
        let operation = sent.map_err(failure).inspect_err(|failure| ledger.failed(failure))?;
        self.submitted("lite server attach", turn, pair, operation, ledger, budget).await
    }

    async fn detach(&self, pair: &Pair, _: &Wish, ledger: &Ledger, budget: &Budget) -> Result<Submitted, Failure> {
        let turn = self.jobs.turns(None, slice::from_ref(&pair.server), budget).await?;
        ledger.sending(Operation::Detach);
        let sent = self.client.detach_dev_server_volume(budget, &pair.server, &pair.volume).await;
        let operation = sent.map_err(failure).inspect_err(|failure| ledger.failed(failure))?;
        self.submitted("lite server detach", turn, pair, operation, ledger, budget).await
    }

    async fn follow(&self, pair: &Pair, job: &JobId, budget: &Budget) -> Result<JobEnd, Failure> {
        let _turn = self.jobs.turns(None, slice::from_ref(&pair.server), budget).await?;
        self.follow_operation(&self.jobs.waiter("lite server", POLL).resumed(), pair, job, budget).await
    }

    async fn explain_missing_server(&self, pair: &Pair, budget: &Budget) -> Option<String> {
        let servers = self.client.list_dev_servers(budget).await.ok()?;
        let lite = servers.iter().find(|server| under(server).any(|id| *id == *pair.server.as_str()))?;
        Some(format!(
            "{} is the id of the cloud server under Lite Server {}: server_id must be {}.",
            pair.server,
            lite.name.as_deref().unwrap_or(lite.id.as_str()),
            lite.id
        ))
    }

    /// The resource has no such attribute, so this is never asked for.
    async fn set_delete_on_termination(&self, _: &Pair, _: bool, _: &Budget) -> Result<(), Failure> {
        Err(Failure {
            kind: ErrorKind::Invalid,
            operation: "delete_on_termination".to_owned(),
            text: "a Lite Server has no delete_on_termination".to_owned(),
            clock_skew: None,
            busy: false,
        })
    }
}

fn operation_sight(operation: DevServerOperation) -> JobSight<JobEnd> {
    match operation.status {
        OperationStatus::Success => JobSight::Ended(JobEnd::Done),
        OperationStatus::Failed => JobSight::Ended(JobEnd::Failed(JobFailure {
            job: operation.id,
            code: operation.error_code.map_or_else(|| "no error code".to_owned(), |code| code.to_string()),
            reason: operation.error_message.unwrap_or_else(|| "no reason given".to_owned()),
            conflict: false,
            busy: false,
            of_batch: false,
        })),
        status => JobSight::Running(status.as_str().to_owned()),
    }
}

/// The ids by which EVS may know a Lite Server: those of the cloud server under it.
fn under(server: &DevServer) -> impl Iterator<Item = &ServerId> {
    server.cloud_server.iter().flat_map(|cloud| [&cloud.id, &cloud.hps_ecs_id, &cloud.hps_id].into_iter().flatten())
}

/// Both sides of the pair as one sight.
fn sight(pair: &Pair, server: Option<&DevServer>, volume: Option<&Volume>) -> Sight {
    let server = server.filter(|server| server.status != "DELETED");
    let entry = server.and_then(|server| server.volumes.as_ref()).and_then(|volumes| {
        volumes.iter().find(|entry| entry.evs_id.as_ref().is_some_and(|id| *id == *pair.volume.as_str()))
    });
    let known: Vec<_> = server.into_iter().flat_map(|server| under(server).chain([&server.id])).collect();
    let ours = |id: &ServerId| known.iter().any(|known| *id == *known.as_str());
    let attachments = volume.map(|volume| volume.attachments.as_slice()).unwrap_or_default();
    let by_id = attachments.iter().find(|attachment| attachment.server_id.as_ref().is_some_and(ours));
    // A Lite Server that lists the volume and does not name the server under it: then the volume's one holder is it.
    let attachment = by_id.or(match (entry, attachments, known.len()) {
        (Some(_), [only], 0 | 1) => Some(only),
        _ => None,
    });
    let state = volume.map(|volume| volume_state(&volume.status));
    let evs_settled = attachment.is_some() && state == Some(VolumeState::InUse);
    // The server's list may be no more than what it was created with, for ever.
    let free = attachments.is_empty() && state == Some(VolumeState::Available);
    Sight {
        server: server.map(|server| ServerSight {
            lists_volume: entry.is_some() || evs_settled,
            list_may_be_old: entry.is_some() && free,
            status: server.status.clone(),
            readiness: readiness(&server.status),
            locked: false,
            zone: None,
            boots_from_volume: entry.and_then(|entry| entry.volume_type.as_deref()) == Some("ROOT")
                || attachment.is_some_and(|attachment| {
                    attachment.device.as_deref().is_some_and(is_first_device)
                        && volume.and_then(|volume| volume.bootable) == Some(true)
                }),
        }),
        volume: volume.map(|volume| VolumeSight {
            lists_server: attachment.is_some(),
            others: attachments
                .iter()
                .filter(|other| attachment != Some(*other))
                .filter_map(|other| other.server_id.clone())
                .collect(),
            state: volume_state(&volume.status),
            status: volume.status.clone(),
            multiattach: volume.multiattach.unwrap_or_default(),
            zone: None,
        }),
        facts: Facts {
            device: attachment.and_then(|attachment| attachment.device.clone()),
            attached_at: attachment.and_then(|attachment| attachment.attached_at.as_deref().map(with_zone)),
            size: volume.and_then(|volume| volume.size).or_else(|| entry.and_then(|entry| entry.size)),
            volume_type: volume.and_then(|volume| volume.volume_type.clone()),
            ..Facts::default()
        },
    }
}

/// What a Lite Server's status allows; one that is not known is taken for one that will pass.
fn readiness(status: &str) -> Readiness {
    match status {
        "RUNNING" => Readiness::Running,
        "STOPPED" => Readiness::Stopped,
        "ERROR" => Readiness::Unfit,
        failed if failed.ends_with("_FAILED") => Readiness::Unfit,
        _ => Readiness::Transient,
    }
}

#[cfg(test)]
#[path = "lite_server_tests.rs"]
mod tests;
