//! Huawei Cloud ECS and EVS as the life of an attachment needs them.

use std::{any::Any, time::Duration};

use async_trait::async_trait;

use super::{
    batch::Batches,
    calls::{Calls, Single},
    jobs::is_busy,
    reads::Reads,
};
use crate::{
    budget::Budget,
    huaweicloud::{
        Error,
        ecs::{BlockDevice, Server},
        evs::Volume,
    },
    ids::JobId,
    provider::{
        attachment::{
            api::{AttachmentApi, Cloud, Failure, JobEnd, Submitted, Wish},
            ledger::{Ledger, Operation},
            sight::{Facts, Pair, Readiness, ServerSight, Sight, VolumeSight, VolumeState},
        },
        data::HuaweiCloud,
    },
    transport::ErrorKind,
    wait::PollConfig,
};

static CLOUD: Cloud = Cloud {
    name: "Huawei Cloud ECS",
    server: "ECS",
    volume: "EVS volume",
    block: "huaweicloud",
    first_look: Duration::from_millis(100),
    stale_record_option: Some("release_stale_record"),
    refusal_hint: None,
};

/// The calls for one region.
#[derive(Debug)]
pub(super) struct EcsApi {
    calls: Calls,
    batches: Batches,
    reads: Reads,
}

impl EcsApi {
    /// The calls for `region`, or for the provider's.
    pub(super) fn new(cloud: &HuaweiCloud, region: Option<&str>) -> Self {
        let client = region.map_or_else(|| cloud.client.clone(), |region| cloud.client.for_region(region));
        Self {
            calls: Calls { client, jobs: cloud.jobs.clone() },
            batches: cloud.batches.clone(),
            reads: cloud.reads.clone(),
        }
    }

    /// A shared volume goes into a batch; by force there is no batch.
    async fn mutate(
        &self,
        operation: Operation,
        pair: &Pair,
        wish: &Wish,
        ledger: &Ledger,
        budget: &Budget,
    ) -> Result<Submitted, Failure> {
        let _changing = self.reads.changing();
        let force = wish.force && operation == Operation::Detach;
        let device = wish.device.as_deref();
        let single = Single { operation, pair, shared: wish.multiattach, device, force };
        if single.shared && !force {
            self.batches.submit(&self.calls, single, ledger, budget).await
        } else {
            self.calls.single(single, ledger, budget).await
        }
    }
}

#[async_trait]
impl AttachmentApi for EcsApi {
    fn cloud(&self) -> &'static Cloud {
        &CLOUD
    }

    fn region(&self) -> String {
        self.calls.client.region().to_owned()
    }

    fn poll_interval(&self) -> Option<PollConfig> {
        self.calls.jobs.poll_interval()
    }

    async fn look(&self, pair: &Pair, budget: &Budget) -> Result<Sight, Failure> {
        let client = &self.calls.client;
        let (devices, server, volume) = tokio::join!(
            client.list_server_block_devices(budget, &pair.server),
            client.show_server(budget, &pair.server),
            client.show_volume(budget, &pair.volume),
        );
        let volume = present(volume)?;
        // Whether the server exists is the server call's word; its disk list may say 404 for more reasons.
        let server = match present(server)? {
            Some(server) => Some((server, devices.map_err(failure)?.volume_attachments)),
            None => None,
        };
        Ok(sight(pair, server.as_ref().map(|(server, devices)| (server, devices.as_slice())), volume.as_ref()))
    }

    async fn look_shared(&self, pair: &Pair, budget: &Budget) -> Result<Sight, Failure> {
        let snapshot = self.reads.of_server(&self.calls.client, &pair.server, budget).await?;
        let volume = snapshot.volumes.iter().find(|volume| volume.id == *pair.volume.as_str());
        let server = snapshot.server.as_ref().map(|(server, devices)| (server, devices.as_slice()));
        let sight = sight(pair, server, volume);
        // What the server's lists do not agree on, or do not have, is looked at by itself: a volume leaves the state on
        // its own evidence only. Likewise what is changing: the answer is kept for a while, and the change ends.
        let at_rest = sight.volume.as_ref().is_some_and(|volume| volume.state == VolumeState::InUse);
        if sight.attached() && at_rest { Ok(sight) } else { self.look(pair, budget).await }
    }

    fn expect(&self, pair: &Pair, operation: Operation) -> Box<dyn Any + Send> {
        Box::new(self.batches.expect(operation, self.calls.client.region(), pair))
    }

    async fn attach(&self, pair: &Pair, wish: &Wish, ledger: &Ledger, budget: &Budget) -> Result<Submitted, Failure> {
        self.mutate(Operation::Attach, pair, wish, ledger, budget).await
    }

    async fn detach(&self, pair: &Pair, wish: &Wish, ledger: &Ledger, budget: &Budget) -> Result<Submitted, Failure> {
        self.mutate(Operation::Detach, pair, wish, ledger, budget).await
    }

    async fn follow(&self, pair: &Pair, job: &JobId, budget: &Budget) -> Result<JobEnd, Failure> {
        self.calls.resume(pair, job, budget).await
    }

    /// EVS's `os-detach` changes EVS's record only; the vendor deprecates it and keeps it for this.
    async fn release(&self, pair: &Pair, attachment_id: &str, budget: &Budget) -> Result<(), Failure> {
        let _changing = self.reads.changing();
        self.calls.client.os_detach(budget, &pair.volume, attachment_id).await.map_err(failure)
    }

    async fn power(&self, pair: &Pair, on: bool, budget: &Budget) -> Result<(), Failure> {
        let _changing = self.reads.changing();
        self.calls.power(pair, on, budget).await
    }

    async fn set_delete_on_termination(&self, pair: &Pair, value: bool, budget: &Budget) -> Result<(), Failure> {
        let _changing = self.reads.changing();
        self.calls.client.update_server_block_device(budget, &pair.server, &pair.volume, value).await.map_err(failure)
    }
}

/// What exists; the vendor's own "does not exist" is none.
pub(super) fn present<T>(answer: Result<T, Error>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(thing) => Ok(Some(thing)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

/// A client's error as the life and the diagnostics need it.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn failure(error: Error) -> Failure {
    Failure {
        kind: error.kind(),
        operation: error.operation().to_owned(),
        clock_skew: error.clock_skew(),
        busy: error.code().is_some_and(|code| is_busy(code.as_str())),
        text: error.to_string(),
    }
}

/// Both sides of the pair as one sight.
fn sight(pair: &Pair, server: Option<(&Server, &[BlockDevice])>, volume: Option<&Volume>) -> Sight {
    let device =
        server.and_then(|(_, devices)| devices.iter().find(|device| device.volume_id == *pair.volume.as_str()));
    let attachment = volume.and_then(|volume| volume.attachment(&pair.server));
    let flags = server
        .and_then(|(server, _)| server.volumes_attached.iter().find(|attached| attached.id == *pair.volume.as_str()));
    Sight {
        server: server.filter(|(server, _)| server.status != "DELETED").map(|(server, _)| ServerSight {
            lists_volume: device.is_some(),
            list_may_be_old: false,
            readiness: readiness(server),
            locked: server.locked.unwrap_or_default(),
            zone: server.availability_zone.clone(),
            boots_from_volume: device.is_some_and(|device| boots_from(device, volume)),
            status: status_text(server),
        }),
        volume: volume.map(|volume| VolumeSight {
            lists_server: attachment.is_some(),
            others: volume
                .attachments
                .iter()
                .filter_map(|attachment| attachment.server_id.clone())
                .filter(|id| *id != *pair.server.as_str())
                .collect(),
            state: volume_state(&volume.status),
            status: volume.status.clone(),
            multiattach: volume.multiattach.unwrap_or_default(),
            zone: volume.availability_zone.clone(),
        }),
        facts: Facts {
            region: None,
            device: device
                .and_then(|device| device.device.clone())
                .or_else(|| attachment.and_then(|attachment| attachment.device.clone())),
            attachment_id: attachment.and_then(|attachment| attachment.attachment_id.clone()),
            attached_at: attachment.and_then(|attachment| attachment.attached_at.as_deref().map(with_zone)),
            bus: device.and_then(|device| device.bus.clone()),
            pci_address: device.and_then(|device| device.pci_address.clone()).filter(|address| !address.is_empty()),
            delete_on_termination: flags.and_then(|flags| flags.delete_on_termination),
            size: None,
            volume_type: None,
        },
    }
}

/// EVS writes UTC without saying so; RFC 3339 wants a zone.
pub(super) fn with_zone(time: &str) -> String {
    if time.ends_with('Z') || time.contains('+') { time.to_owned() } else { format!("{time}Z") }
}

/// Whether a disk is the system volume. The boot index alone does not prove it (it is 0 for some data disks), nor does
/// `bootable` (data disks made of images have it): the first device name with either does, and a boot index of 0 where no
/// name is told. A disk that is being attached has neither.
fn boots_from(device: &BlockDevice, volume: Option<&Volume>) -> bool {
    let first = device.boot_index == Some(0);
    match device.device.as_deref() {
        None => first,
        Some(name) => is_first_device(name) && (first || volume.and_then(|volume| volume.bootable) == Some(true)),
    }
}

/// The names that a server's first disk has, by its bus and its image.
pub(super) fn is_first_device(name: &str) -> bool {
    matches!(name, "/dev/vda" | "/dev/sda" | "/dev/xvda" | "/dev/hda")
}

fn status_text(server: &Server) -> String {
    match &server.task_state {
        Some(task) => format!("{} ({task})", server.status),
        None => server.status.clone(),
    }
}

/// What an ECS status allows; a status that is not known is taken for one that will pass.
fn readiness(server: &Server) -> Readiness {
    match server.status.as_str() {
        "ACTIVE" | "SHUTOFF" if server.task_state.is_some() => Readiness::Transient,
        "ACTIVE" => Readiness::Running,
        "SHUTOFF" => Readiness::Stopped,
        "ERROR" | "PAUSED" | "SHELVED" | "SHELVED_OFFLOADED" | "SOFT_DELETED" | "SUSPENDED" | "VERIFY_RESIZE" => {
            Readiness::Unfit
        }
        _ => Readiness::Transient,
    }
}

/// What an EVS status means; one that is not known is taken for one that will pass.
pub(super) fn volume_state(status: &str) -> VolumeState {
    match status {
        "available" => VolumeState::Available,
        "in-use" => VolumeState::InUse,
        "attaching" | "reserved" => VolumeState::Attaching,
        "detaching" => VolumeState::Detaching,
        status if status.starts_with("error") => VolumeState::Error,
        _ => VolumeState::Busy,
    }
}

#[cfg(test)]
#[path = "ecs_tests.rs"]
mod tests;
