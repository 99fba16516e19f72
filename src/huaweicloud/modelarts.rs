//! ModelArts Lite Server (DevServer): attaching and detaching volumes, and the operations these become.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{
    client::{Call, Client, PROJECT, Reply, decode},
    endpoint::Service,
    error::{Error, ErrorCode},
};
use crate::{
    budget::Budget,
    ids::{JobId, ServerId, VolumeId},
};

/// A Lite Server.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct DevServer {
    /// The Lite Server's id; not that of the machine behind it.
    pub id: ServerId,
    /// Its name.
    #[serde(default, deserialize_with = "decode::text")]
    pub name: Option<String>,
    /// `RUNNING`, `STOPPED` and so on.
    pub status: String,
    /// The machine behind it; not told while it is being created.
    #[serde(default)]
    pub cloud_server: Option<CloudServer>,
    /// Its volumes; older servers do not tell.
    #[serde(default)]
    pub volumes: Option<Vec<DevServerVolume>>,
}

/// The machine behind a Lite Server. Which of its ids EVS names in a volume's attachments is not documented.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct CloudServer {
    /// The machine's id.
    #[serde(default)]
    pub id: Option<ServerId>,
    /// `BMS`, `ECS` or `HPS`.
    #[serde(default, rename = "type", deserialize_with = "decode::text")]
    pub server_type: Option<String>,
    /// The HPS.
    #[serde(default)]
    pub hps_id: Option<ServerId>,
    /// The ECS within an HPS.
    #[serde(default)]
    pub hps_ecs_id: Option<ServerId>,
}

/// A volume in a Lite Server's own list, which has neither device nor state.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct DevServerVolume {
    /// The volume.
    #[serde(default)]
    pub evs_id: Option<VolumeId>,
    /// `ROOT` or `DATA`.
    #[serde(default, rename = "type", deserialize_with = "decode::text")]
    pub volume_type: Option<String>,
    /// The size in GiB.
    #[serde(default, deserialize_with = "decode::integer")]
    pub size: Option<i64>,
}

/// What an accepted attach or detach becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct DevServerOperation {
    /// The operation's id.
    pub id: JobId,
    /// How far it is.
    pub status: OperationStatus,
    /// `node_attach_volume` or `node_detach_volume`.
    pub operation_type: Option<String>,
    /// Why it failed, as a code.
    pub error_code: Option<ErrorCode>,
    /// Why it failed, in words.
    pub error_message: Option<String>,
}

/// How far an operation is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OperationStatus {
    /// It waits.
    Pending,
    /// It runs.
    Running,
    /// It succeeded.
    Success,
    /// It failed.
    Failed,
    /// Something that is not documented.
    Other(String),
}

impl OperationStatus {
    /// The vendor's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Other(status) => status,
        }
    }

    /// The vendor's pages differ in the case.
    fn new(status: String) -> Self {
        match status.to_ascii_lowercase().as_str() {
            "pending" => Self::Pending,
            "running" => Self::Running,
            "success" => Self::Success,
            "failed" => Self::Failed,
            _ => Self::Other(status),
        }
    }
}

impl Client {
    /// A Lite Server.
    ///
    /// `GET /v1/{project_id}/dev-servers/{id}`, `ShowDevServer`, "Querying Details About a Lite Server Instance".
    ///
    /// # Errors
    /// Of kind `NotFound` where the server does not exist.
    pub async fn show_dev_server(&self, budget: &Budget, server: &ServerId) -> Result<DevServer, Error> {
        let path = ["v1", PROJECT, "dev-servers", server.as_str()];
        let call = Call::new("ShowDevServer", Service::ModelArts, Method::GET, path);
        self.send(budget, call).await?.decode()
    }

    /// The Lite Servers of the caller, at most the 1,024 that one page holds.
    ///
    /// `GET /v1/{project_id}/dev-servers`, `ListDevServers`, "Querying the Lite Server List of a Tenant".
    ///
    /// # Errors
    /// Every failure; an empty list is not one.
    pub async fn list_dev_servers(&self, budget: &Budget) -> Result<Vec<DevServer>, Error> {
        #[derive(Deserialize)]
        struct Body {
            data: Vec<DevServer>,
        }
        let call = Call::new("ListDevServers", Service::ModelArts, Method::GET, ["v1", PROJECT, "dev-servers"]);
        Ok(self.send(budget, call.query("limit", "1024")).await?.decode::<Body>()?.data)
    }

    /// Attaches a volume to a Lite Server; the device cannot be chosen.
    ///
    /// `POST /v1/{project_id}/dev-servers/{id}/attachvolume`, `AttachDevServerVolume`, "Mounting a Disk to a Lite Server".
    ///
    /// # Errors
    /// Of kind `NotFound` where the server does not exist, `Invalid` where it is of a type that has no volumes.
    pub async fn attach_dev_server_volume(
        &self,
        budget: &Budget,
        server: &ServerId,
        volume: &VolumeId,
    ) -> Result<DevServerOperation, Error> {
        let path = ["v1", PROJECT, "dev-servers", server.as_str(), "attachvolume"];
        let call = Call::new("AttachDevServerVolume", Service::ModelArts, Method::POST, path);
        operation(&self.send(budget, call.body(&json!({ "volume_id": volume }))).await?, Some(OperationStatus::Pending))
    }

    /// Detaches a volume from a Lite Server.
    ///
    /// `DELETE /v1/{project_id}/dev-servers/{id}/detachvolume/{volume_id}`, `DetachDevServerVolume`,
    /// "Unmounting a Disk from a Lite Server".
    ///
    /// # Errors
    /// Of kind `NotFound` where the server does not exist, `Invalid` where it is of a type that has no volumes.
    pub async fn detach_dev_server_volume(
        &self,
        budget: &Budget,
        server: &ServerId,
        volume: &VolumeId,
    ) -> Result<DevServerOperation, Error> {
        let path = ["v1", PROJECT, "dev-servers", server.as_str(), "detachvolume", volume.as_str()];
        operation(
            &self.send(budget, Call::new("DetachDevServerVolume", Service::ModelArts, Method::DELETE, path)).await?,
            Some(OperationStatus::Pending),
        )
    }

    /// How far an operation is. One that failed is an answer like any other.
    ///
    /// `GET /v1/{project_id}/dev-servers/{id}/operation/{operation_id}`, `GetDevServerOperation`, "Obtaining Operation Details".
    ///
    /// # Errors
    /// Of kind `NotFound` where the server does not exist; the operation may be what is meant, the vendor does not say.
    pub async fn show_dev_server_operation(
        &self,
        budget: &Budget,
        server: &ServerId,
        operation_id: &JobId,
    ) -> Result<DevServerOperation, Error> {
        let path = ["v1", PROJECT, "dev-servers", server.as_str(), "operation", operation_id.as_str()];
        operation(
            &self.send(budget, Call::new("GetDevServerOperation", Service::ModelArts, Method::GET, path)).await?,
            None,
        )
    }
}

/// `otherwise` is the status of an operation whose answer has none.
fn operation(reply: &Reply, otherwise: Option<OperationStatus>) -> Result<DevServerOperation, Error> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default, deserialize_with = "decode::text")]
        operation_id: Option<String>,
        #[serde(default, deserialize_with = "decode::text")]
        operation_status: Option<String>,
        #[serde(default, deserialize_with = "decode::text")]
        operation_type: Option<String>,
        #[serde(default)]
        operation_error: Option<OperationError>,
    }
    #[derive(Deserialize)]
    struct OperationError {
        #[serde(default, deserialize_with = "decode::text")]
        code: Option<String>,
        #[serde(default, deserialize_with = "decode::text")]
        message: Option<String>,
    }
    let body = reply.decode::<Body>()?;
    let id = body.operation_id.ok_or_else(|| reply.malformed("the answer has no operation_id"))?;
    let status = body.operation_status.map(OperationStatus::new).or(otherwise);
    let status = status.ok_or_else(|| reply.malformed("the answer has no operation_status"))?;
    let (error_code, error_message) = body.operation_error.map_or((None, None), |error| (error.code, error.message));
    Ok(DevServerOperation {
        id: JobId::new(id),
        status,
        operation_type: body.operation_type,
        error_code: error_code.map(ErrorCode::new),
        error_message,
    })
}
