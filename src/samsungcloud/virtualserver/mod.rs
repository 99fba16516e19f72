//! The Virtual Server service's calls around attachments, each with its method, its path and the vendor's page.
//!
//! The fields used are the same in API versions 1.0 to 1.3; unknown ones are ignored, so newer versions pass too.
//! Vendor's pages: <https://docs.e.samsungsdscloud.com/en/apireference/compute/virtualserver/>.

mod model;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

pub use self::model::{
    AttachedVolume, Server, ServerState, ServerVolume, ServerVolumeFlag, Volume, VolumeServer, VolumeState,
    is_boot_device,
};
use super::{
    client::{Call, Client},
    error::Error,
};
use crate::{
    budget::Budget,
    ids::{ServerId, VolumeId},
};

impl Client {
    /// `GET /v1/volumes/{volume_id}` (Show Volume): the truth about attachments. It does not know
    /// `delete_on_termination`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::transport::ErrorKind::NotFound) when the volume does not exist.
    pub async fn show_volume(&self, budget: &Budget, volume: &VolumeId) -> Result<Volume, Error> {
        let path = ["v1", "volumes", volume.as_str()];
        let answer = self.send(budget, get("ShowVolume", &path)).await?;
        let shown: Volume = answer.decode()?;
        if shown.id != *volume.as_str() {
            return Err(answer.malformed("it is about another volume"));
        }
        Ok(shown)
    }

    /// `GET /v1/servers/{server_id}` (Show Virtual Server).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::transport::ErrorKind::NotFound) when the server does not exist.
    pub async fn show_server(&self, budget: &Budget, server: &ServerId) -> Result<Server, Error> {
        let path = ["v1", "servers", server.as_str()];
        let answer = self.send(budget, get("ShowVirtualServer", &path)).await?;
        let mut body: Value = answer.decode()?;
        // The vendor's SDK reads a flat object; a test suite of others' looks inside `server`.
        if let Some(inner) = body.get_mut("server").filter(|inner| inner.is_object()) {
            body = inner.take();
        }
        let shown = Server::deserialize(body).map_err(|error| answer.malformed(&error.to_string()))?;
        if shown.id != *server.as_str() {
            return Err(answer.malformed("it is about another server"));
        }
        Ok(shown)
    }

    /// `GET /v1/servers/{server_id}/volumes` (List Server Volumes): all of them, the boot volume included, in no known
    /// order.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::transport::ErrorKind::NotFound) when the server does not exist.
    pub async fn list_server_volumes(&self, budget: &Budget, server: &ServerId) -> Result<Vec<ServerVolume>, Error> {
        #[derive(Deserialize)]
        struct List {
            volumes: Vec<ServerVolume>,
        }
        let path = ["v1", "servers", server.as_str(), "volumes"];
        let answer = self.send(budget, get("ListVirtualServerVolumes", &path)).await?;
        Ok(answer.decode::<List>()?.volumes)
    }

    /// `GET /v1/servers/{server_id}/volumes/{volume_id}` (Show Server Volume).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::transport::ErrorKind::NotFound) when the server does not exist or, presumably,
    /// when the volume is not attached to it.
    pub async fn show_server_volume(
        &self,
        budget: &Budget,
        server: &ServerId,
        volume: &VolumeId,
    ) -> Result<ServerVolume, Error> {
        let path = ["v1", "servers", server.as_str(), "volumes", volume.as_str()];
        let answer = self.send(budget, get("ShowVirtualServerVolume", &path)).await?;
        let shown: ServerVolume = answer.decode()?;
        if shown.volume_id != *volume.as_str() {
            return Err(answer.malformed("it is about another volume"));
        }
        Ok(shown)
    }

    /// `POST /v1/volumes/{volume_id}/servers` (Attach Volume to Virtual Server): begins to attach, 202. Done once
    /// [`Self::show_volume`] lists the server and says `in-use`; a fall back to `available` means that it failed.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::transport::ErrorKind::Conflict) for whatever is in the way, for now or for good.
    pub async fn attach_volume(
        &self,
        budget: &Budget,
        volume: &VolumeId,
        server: &ServerId,
        delete_on_termination: Option<bool>,
    ) -> Result<AttachedVolume, Error> {
        let path = ["v1", "volumes", volume.as_str(), "servers"];
        let body = with_flag(json!({ "server_id": server }), delete_on_termination);
        let call = Call { body: Some(body), ..change("AttachVolumeVirtualServer", Method::POST, &path) };
        // Accepted is accepted: a body that cannot be read must not turn it into a failure.
        Ok(self.send(budget, call).await?.decode().unwrap_or_default())
    }

    /// `DELETE /v1/volumes/{volume_id}/servers/{server_id}` (Detach Volume from Virtual Server): begins to detach, 202
    /// without a body. Done once [`Self::show_volume`] no longer lists the server and is not `detaching`; a fall back
    /// to `in-use` with the server still listed means that it failed. The volume itself stays.
    ///
    /// # Errors
    /// As [`Self::attach_volume`]; the boot volume is refused.
    pub async fn detach_volume(&self, budget: &Budget, volume: &VolumeId, server: &ServerId) -> Result<(), Error> {
        let path = ["v1", "volumes", volume.as_str(), "servers", server.as_str()];
        self.send(budget, change("DetachVolumeVirtualServer", Method::DELETE, &path)).await.map(drop)
    }

    /// `PUT /v1/servers/{server_id}/volumes/{volume_id}` (Set Server Volume): sets `delete_on_termination` at once.
    /// Idempotent. The body repeats the volume id, the answer is empty.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::transport::ErrorKind::NotFound) when there is no such attachment, presumably.
    pub async fn set_server_volume(
        &self,
        budget: &Budget,
        server: &ServerId,
        volume: &VolumeId,
        delete_on_termination: bool,
    ) -> Result<(), Error> {
        let path = ["v1", "servers", server.as_str(), "volumes", volume.as_str()];
        let body = with_flag(json!({ "volume_id": volume }), Some(delete_on_termination));
        let call = change("SetVirtualServerVolume", Method::PUT, &path);
        self.send(budget, Call { body: Some(body), idempotent: true, ..call }).await.map(drop)
    }

    /// `POST /v1/servers/{server_id}/start` (Start Virtual Server): begins to start, 202. Done at
    /// [`ServerState::Active`].
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::transport::ErrorKind::Conflict) when its state or its lock does not allow it.
    pub async fn start_server(&self, budget: &Budget, server: &ServerId) -> Result<(), Error> {
        let path = ["v1", "servers", server.as_str(), "start"];
        self.send(budget, change("StartVirtualServer", Method::POST, &path)).await.map(drop)
    }

    /// `POST /v1/servers/{server_id}/stop` (Stop Virtual Server): begins to stop, 202. Done at
    /// [`ServerState::Shutoff`].
    ///
    /// # Errors
    /// As [`Self::start_server`].
    pub async fn stop_server(&self, budget: &Budget, server: &ServerId) -> Result<(), Error> {
        let path = ["v1", "servers", server.as_str(), "stop"];
        self.send(budget, change("StopVirtualServer", Method::POST, &path)).await.map(drop)
    }
}

fn get<'a>(operation: &'static str, path: &'a [&'a str]) -> Call<'a> {
    Call { operation, method: Method::GET, path, body: None, idempotent: true }
}

fn change<'a>(operation: &'static str, method: Method, path: &'a [&'a str]) -> Call<'a> {
    Call { operation, method, path, body: None, idempotent: false }
}

fn with_flag(mut body: Value, delete_on_termination: Option<bool>) -> Value {
    if let (Some(keys), Some(flag)) = (body.as_object_mut(), delete_on_termination) {
        keys.insert("delete_on_termination".to_owned(), flag.into());
    }
    body
}

#[cfg(test)]
mod tests;
