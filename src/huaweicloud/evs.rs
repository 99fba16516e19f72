//! Elastic Volume Service: volumes, whom they are attached to, and releasing a record that ECS no longer knows.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{
    client::{Call, Client, PROJECT, decode},
    endpoint::Service,
    error::{Error, Subject},
};
use crate::{
    budget::Budget,
    ids::{ServerId, VolumeId},
};

/// Most entries of a page; the vendor's own most.
const PAGE: usize = 1000;
/// Most ids in one request; the vendor's own most.
const IDS: usize = 60;

/// A volume (EVS disk).
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Volume {
    /// The volume's id.
    pub id: VolumeId,
    /// Its name.
    #[serde(default, deserialize_with = "decode::text")]
    pub name: Option<String>,
    /// `available`, `in-use`, `attaching` and so on, "EVS Disk Status". Of the whole volume: a shared one stays `in-use` until
    /// the last server lets it go.
    pub status: String,
    /// Whom it is attached to, being attached to or being detached from.
    #[serde(default, deserialize_with = "decode::list")]
    pub attachments: Vec<Attachment>,
    /// Whether several servers can have it at once.
    #[serde(default, deserialize_with = "decode::boolean")]
    pub multiattach: Option<bool>,
    /// The size in GiB.
    #[serde(default, deserialize_with = "decode::integer")]
    pub size: Option<i64>,
    /// Whether a server can be started from it.
    #[serde(default, deserialize_with = "decode::boolean")]
    pub bootable: Option<bool>,
    /// The availability zone; a server has to be in the same.
    #[serde(default, deserialize_with = "decode::text")]
    pub availability_zone: Option<String>,
    /// `SAS`, `SSD`, `GPSSD` and so on.
    #[serde(default, deserialize_with = "decode::text")]
    pub volume_type: Option<String>,
    /// Marks, e.g. `hw:passthrough` (`true` for SCSI).
    #[serde(default, deserialize_with = "decode::texts")]
    pub metadata: BTreeMap<String, String>,
    /// The world wide name by which the guest knows it.
    #[serde(default, deserialize_with = "decode::text")]
    pub wwn: Option<String>,
}

/// A server in a volume's own list.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Attachment {
    /// The server; may be missing while the volume is only reserved.
    #[serde(default)]
    pub server_id: Option<ServerId>,
    /// The record's own id, which [`Client::os_detach`] wants. (`id` in the answer is the volume's.)
    #[serde(default, deserialize_with = "decode::text")]
    pub attachment_id: Option<String>,
    /// The device name, e.g. `/dev/vdb`.
    #[serde(default, deserialize_with = "decode::text")]
    pub device: Option<String>,
    /// Since when, UTC without a zone, e.g. `2026-01-02T03:04:05.678901`.
    #[serde(default, deserialize_with = "decode::text")]
    pub attached_at: Option<String>,
}

impl Volume {
    /// The record of `server`, if it is in the list. While the volume is `attaching` or `detaching` that alone says little.
    pub fn attachment(&self, server: &ServerId) -> Option<&Attachment> {
        let is_of = |attachment: &&Attachment| attachment.server_id.as_ref().is_some_and(|id| *id == *server.as_str());
        self.attachments.iter().find(is_of)
    }
}

impl Client {
    /// A volume.
    ///
    /// `GET /v2/{project_id}/cloudvolumes/{volume_id}`, `ShowVolume`, "Querying Details About a Disk".
    ///
    /// # Errors
    /// Of kind `NotFound` where the volume does not exist.
    pub async fn show_volume(&self, budget: &Budget, volume: &VolumeId) -> Result<Volume, Error> {
        #[derive(Deserialize)]
        struct Body {
            volume: Volume,
        }
        let path = ["v2", PROJECT, "cloudvolumes", volume.as_str()];
        let call = Call::new("ShowVolume", Service::Evs, Method::GET, path);
        Ok(self.send(budget, call).await?.decode::<Body>()?.volume)
    }

    /// The volumes that EVS believes to be attached to `server`. A server that does not exist has none.
    ///
    /// `GET /v2/{project_id}/cloudvolumes/detail?server_id=…`, `ListVolumes`, "Querying Details About All Disks".
    ///
    /// # Errors
    /// Every failure; an empty list is not one.
    pub async fn list_volumes_of_server(&self, budget: &Budget, server: &ServerId) -> Result<Vec<Volume>, Error> {
        self.list_volumes(budget, "server_id", server.as_str()).await
    }

    /// Those of `volumes` that exist, in no particular order; one request for each sixty of them.
    ///
    /// `GET /v2/{project_id}/cloudvolumes/detail?ids=…`, `ListVolumes`, "Querying Details About All Disks".
    ///
    /// # Errors
    /// Every failure; a volume that is not there is not one.
    pub async fn list_volumes_by_id(&self, budget: &Budget, volumes: &[VolumeId]) -> Result<Vec<Volume>, Error> {
        let mut found = Vec::with_capacity(volumes.len());
        for some in volumes.chunks(IDS) {
            // The vendor's own example is not JSON: ids=['…','…'].
            let ids = some.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(",");
            found.append(&mut self.list_volumes(budget, "ids", &format!("[{ids}]")).await?);
        }
        Ok(found)
    }

    /// Every page of a list.
    async fn list_volumes(&self, budget: &Budget, filter: &'static str, value: &str) -> Result<Vec<Volume>, Error> {
        #[derive(Deserialize)]
        struct Body {
            volumes: Vec<Volume>,
        }
        let path = ["v2", PROJECT, "cloudvolumes", "detail"];
        let mut found: Vec<Volume> = Vec::new();
        loop {
            let call = Call::new("ListVolumes", Service::Evs, Method::GET, path);
            let mut call = call.query(filter, value).query("limit", PAGE.to_string());
            if let Some(last) = found.last() {
                call = call.query("marker", last.id.as_str());
            }
            let reply = self.send(budget, call).await?;
            let page = reply.decode::<Body>()?.volumes;
            let (full, last) = (page.len() >= PAGE, page.last().map(|volume| volume.id.clone()));
            if full && found.last().map(|volume| &volume.id) == last.as_ref() {
                return Err(reply.malformed("the list repeats its last page"));
            }
            found.extend(page);
            if !full {
                return Ok(found);
            }
        }
    }

    /// Makes EVS forget an attachment. **It unplugs nothing**: it is for a record that is left over when the server is gone or does
    /// not have the volume any more.
    ///
    /// `POST /v2/{project_id}/volumes/{volume_id}/action` with `os-detach`, `CinderDetachVolume`,
    /// "Detaching an EVS Disk (Deprecated)".
    ///
    /// # Errors
    /// Of kind `NotAttached` or `NotFound` where there is no such record any more.
    pub async fn os_detach(&self, budget: &Budget, volume: &VolumeId, attachment_id: &str) -> Result<(), Error> {
        let path = ["v2", PROJECT, "volumes", volume.as_str(), "action"];
        let call = Call::new("CinderDetachVolume", Service::Evs, Method::POST, path).about(Subject::Pair);
        self.send(budget, call.body(&json!({ "os-detach": { "attachment_id": attachment_id } }))).await.map(drop)
    }
}
