//! Elastic Cloud Server: attaching and detaching volumes, one or many servers at a time, and what a server has.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    client::{Call, Client, PROJECT, decode},
    endpoint::Service,
    error::{Error, Subject},
    job::job_id,
};
use crate::{
    budget::Budget,
    ids::{JobId, ServerId, VolumeId},
};

/// A server, as far as attaching volumes is concerned.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Server {
    /// The server's id.
    pub id: ServerId,
    /// Its name.
    #[serde(default, deserialize_with = "decode::text")]
    pub name: Option<String>,
    /// `ACTIVE`, `SHUTOFF` and so on, "ECS Statuses".
    pub status: String,
    /// The finer state below the status, in lower case, e.g. `stopped`.
    #[serde(default, rename = "OS-EXT-STS:vm_state", deserialize_with = "decode::text")]
    pub vm_state: Option<String>,
    /// What is being done to it, e.g. `powering-off`.
    #[serde(default, rename = "OS-EXT-STS:task_state", deserialize_with = "decode::text")]
    pub task_state: Option<String>,
    /// The availability zone; a volume has to be in the same.
    #[serde(default, rename = "OS-EXT-AZ:availability_zone", deserialize_with = "decode::text")]
    pub availability_zone: Option<String>,
    /// Whether it is locked against changes.
    #[serde(default, deserialize_with = "decode::boolean")]
    pub locked: Option<bool>,
    /// Its volumes.
    #[serde(default, rename = "os-extended-volumes:volumes_attached", deserialize_with = "decode::list")]
    pub volumes_attached: Vec<ServerVolume>,
}

/// A volume in a server's own list.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct ServerVolume {
    /// The volume's id.
    pub id: VolumeId,
    /// The device name, e.g. `/dev/vdb`.
    #[serde(default, deserialize_with = "decode::text")]
    pub device: Option<String>,
    /// 0 for the system disk. One test of the vendor's sister cloud saw 0 for a data disk, and it may be missing.
    #[serde(default, rename = "bootIndex", deserialize_with = "decode::integer")]
    pub boot_index: Option<i64>,
    /// Whether the volume goes when the server goes.
    #[serde(default, deserialize_with = "decode::boolean")]
    pub delete_on_termination: Option<bool>,
}

/// The volumes of a server and how many more it can have.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct BlockDevices {
    /// Slots that are left.
    #[serde(default, rename = "attachableQuantity")]
    pub attachable_quantity: Option<AttachableQuantity>,
    /// What is attached or being attached, the system disk included.
    #[serde(rename = "volumeAttachments")]
    pub volume_attachments: Vec<BlockDevice>,
}

/// Slots for volumes that a server has left.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub struct AttachableQuantity {
    /// For SCSI disks.
    #[serde(default, deserialize_with = "decode::integer")]
    pub free_scsi: Option<i64>,
    /// For virtio-blk disks.
    #[serde(default, deserialize_with = "decode::integer")]
    pub free_blk: Option<i64>,
    /// In all.
    #[serde(default, deserialize_with = "decode::integer")]
    pub free_disk: Option<i64>,
}

/// A volume attached to a server, or being attached.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct BlockDevice {
    /// The volume.
    pub volume_id: VolumeId,
    /// The server.
    #[serde(default)]
    pub server_id: Option<ServerId>,
    /// The device name, e.g. `/dev/vdb`; not always what was asked for.
    #[serde(default, deserialize_with = "decode::text")]
    pub device: Option<String>,
    /// 0 for the system disk. One test of the vendor's sister cloud saw 0 for a data disk, and it may be null or missing.
    #[serde(default, deserialize_with = "decode::integer")]
    pub boot_index: Option<i64>,
    /// `virtio` or `scsi`.
    #[serde(default, deserialize_with = "decode::text")]
    pub bus: Option<String>,
    /// The PCI address; none for SCSI and while the volume is being attached.
    #[serde(default, deserialize_with = "decode::text")]
    pub pci_address: Option<String>,
    /// The size in GiB.
    #[serde(default, deserialize_with = "decode::integer")]
    pub size: Option<i64>,
}

impl Client {
    /// Attaches a volume to a server.
    ///
    /// `POST /v1/{project_id}/cloudservers/{server_id}/attachvolume`, `AttachServerVolume`, "Attaching a Disk to an ECS".
    ///
    /// # Errors
    /// Of kind `AlreadyAttached` where the pair is attached: the call is not idempotent.
    pub async fn attach_server_volume(
        &self,
        budget: &Budget,
        server: &ServerId,
        volume: &VolumeId,
        device: Option<&str>,
    ) -> Result<Option<JobId>, Error> {
        let mut attachment = json!({ "volumeId": volume });
        if let Some(device) = device {
            attachment["device"] = device.into();
        }
        let path = ["v1", PROJECT, "cloudservers", server.as_str(), "attachvolume"];
        let call = Call::new("AttachServerVolume", Service::Ecs, Method::POST, path);
        let call = call.body(&json!({ "volumeAttachment": attachment }));
        job_id(&self.send(budget, call).await?)
    }

    /// Detaches a volume from a server. `force` takes a data disk away from a guest that does not let it go; its slot stays
    /// occupied until the server is rebooted.
    ///
    /// `DELETE /v1/{project_id}/cloudservers/{server_id}/detachvolume/{volume_id}`, `DetachServerVolume`,
    /// "Detaching a Disk from an ECS".
    ///
    /// # Errors
    /// Of kind `NotAttached` where the pair is not attached.
    pub async fn detach_server_volume(
        &self,
        budget: &Budget,
        server: &ServerId,
        volume: &VolumeId,
        force: bool,
    ) -> Result<Option<JobId>, Error> {
        let path = ["v1", PROJECT, "cloudservers", server.as_str(), "detachvolume", volume.as_str()];
        let mut call = Call::new("DetachServerVolume", Service::Ecs, Method::DELETE, path).about(Subject::Pair);
        if force {
            call = call.query("delete_flag", "1");
        }
        job_id(&self.send(budget, call).await?)
    }

    /// Attaches a shared volume to several servers, each with the device name it should have there, if any.
    ///
    /// `POST /v1/{project_id}/batchaction/attachvolumes/{volume_id}`, `BatchAttachSharableVolumes`,
    /// "Batch Attaching Shared Disks to ECSs".
    ///
    /// # Errors
    /// Of kind `NoSuchRoute` in a cloud that does not offer it.
    pub async fn batch_attach_sharable_volumes(
        &self,
        budget: &Budget,
        volume: &VolumeId,
        servers: &[(ServerId, Option<String>)],
    ) -> Result<Option<JobId>, Error> {
        let entry = |(server, device): &(ServerId, Option<String>)| match device {
            Some(device) => json!({ "server_id": server, "device": device }),
            None => json!({ "server_id": server }),
        };
        let path = ["v1", PROJECT, "batchaction", "attachvolumes", volume.as_str()];
        let call = Call::new("BatchAttachSharableVolumes", Service::Ecs, Method::POST, path);
        let call = call.body(&json!({ "serverinfo": servers.iter().map(entry).collect::<Vec<_>>() }));
        job_id(&self.send(budget, call).await?)
    }

    /// Detaches a shared volume from several servers. Unlike the batch attach, the body lists plain ids.
    ///
    /// `POST /v1/{project_id}/batchaction/detachvolumes/{volume_id}`, `BatchDetachVolumes`, "Detaching Volumes in a Batch".
    ///
    /// # Errors
    /// Of kind `NoSuchRoute` in a cloud that does not offer it.
    pub async fn batch_detach_volumes(
        &self,
        budget: &Budget,
        volume: &VolumeId,
        servers: &[ServerId],
    ) -> Result<Option<JobId>, Error> {
        let path = ["v1", PROJECT, "batchaction", "detachvolumes", volume.as_str()];
        let call = Call::new("BatchDetachVolumes", Service::Ecs, Method::POST, path).about(Subject::Pair);
        job_id(&self.send(budget, call.body(&json!({ "serverinfo": servers }))).await?)
    }

    /// The volumes of a server, attached or being attached.
    ///
    /// `GET /v1/{project_id}/cloudservers/{server_id}/block_device`, `ListServerBlockDevices`,
    /// "Querying Information About Disks Attached to an ECS".
    ///
    /// # Errors
    /// Of kind `NotFound` where the server does not exist.
    pub async fn list_server_block_devices(&self, budget: &Budget, server: &ServerId) -> Result<BlockDevices, Error> {
        let path = ["v1", PROJECT, "cloudservers", server.as_str(), "block_device"];
        let call = Call::new("ListServerBlockDevices", Service::Ecs, Method::GET, path);
        self.send(budget, call).await?.decode()
    }

    /// One volume of a server.
    ///
    /// `GET /v1/{project_id}/cloudservers/{server_id}/block_device/{volume_id}`, `ShowServerBlockDevice`,
    /// "Querying Information About a Disk Attached to an ECS".
    ///
    /// # Errors
    /// Of kind `NotAttached` where the pair is not attached, `NotFound` where the server does not exist.
    pub async fn show_server_block_device(
        &self,
        budget: &Budget,
        server: &ServerId,
        volume: &VolumeId,
    ) -> Result<BlockDevice, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            volume_attachment: BlockDevice,
        }
        let path = ["v1", PROJECT, "cloudservers", server.as_str(), "block_device", volume.as_str()];
        let call = Call::new("ShowServerBlockDevice", Service::Ecs, Method::GET, path).about(Subject::Pair);
        Ok(self.send(budget, call).await?.decode::<Body>()?.volume_attachment)
    }

    /// Sets whether the volume goes when the server goes; safe to repeat.
    ///
    /// `PUT /v1/{project_id}/cloudservers/{server_id}/block_device/{volume_id}`, `UpdateServerBlockDevice`,
    /// "Modifying the Attribute of a Disk Attached to an ECS".
    ///
    /// # Errors
    /// Of kind `Invalid` for system disks, shared disks and prepaid disks.
    pub async fn update_server_block_device(
        &self,
        budget: &Budget,
        server: &ServerId,
        volume: &VolumeId,
        delete_on_termination: bool,
    ) -> Result<(), Error> {
        let path = ["v1", PROJECT, "cloudservers", server.as_str(), "block_device", volume.as_str()];
        let call =
            Call::new("UpdateServerBlockDevice", Service::Ecs, Method::PUT, path).about(Subject::Pair).idempotent();
        let body = json!({ "block_device": { "delete_on_termination": delete_on_termination } });
        self.send(budget, call.body(&body)).await.map(drop)
    }

    /// A server.
    ///
    /// `GET /v1/{project_id}/cloudservers/{server_id}`, `ShowServer`, "Querying Details About an ECS".
    ///
    /// # Errors
    /// Of kind `NotFound` where the server does not exist.
    pub async fn show_server(&self, budget: &Budget, server: &ServerId) -> Result<Server, Error> {
        #[derive(Deserialize)]
        struct Body {
            server: Server,
        }
        let path = ["v1", PROJECT, "cloudservers", server.as_str()];
        let call = Call::new("ShowServer", Service::Ecs, Method::GET, path);
        Ok(self.send(budget, call).await?.decode::<Body>()?.server)
    }

    /// Stops servers, each as its own power button would.
    ///
    /// `POST /v1/{project_id}/cloudservers/action`, `BatchStopServers`, "Stopping ECSs in a Batch".
    ///
    /// # Errors
    /// Of kind `NotFound` where one does not exist.
    pub async fn batch_stop_servers(&self, budget: &Budget, servers: &[ServerId]) -> Result<Option<JobId>, Error> {
        let body = json!({ "os-stop": { "type": "SOFT", "servers": ids(servers) } });
        self.server_action(budget, "BatchStopServers", &body).await
    }

    /// Starts servers.
    ///
    /// `POST /v1/{project_id}/cloudservers/action`, `BatchStartServers`, "Starting ECSs in a Batch".
    ///
    /// # Errors
    /// Of kind `NotFound` where one does not exist.
    pub async fn batch_start_servers(&self, budget: &Budget, servers: &[ServerId]) -> Result<Option<JobId>, Error> {
        self.server_action(budget, "BatchStartServers", &json!({ "os-start": { "servers": ids(servers) } })).await
    }

    async fn server_action(
        &self,
        budget: &Budget,
        operation: &'static str,
        body: &Value,
    ) -> Result<Option<JobId>, Error> {
        let path = ["v1", PROJECT, "cloudservers", "action"];
        let call = Call::new(operation, Service::Ecs, Method::POST, path).body(body);
        job_id(&self.send(budget, call).await?)
    }
}

fn ids(servers: &[ServerId]) -> Vec<Value> {
    servers.iter().map(|server| json!({ "id": server })).collect()
}
