//! ECS jobs: what an accepted attach or detach becomes, and how it ended.

use http::Method;
use serde::Deserialize;

use super::{
    client::{Call, Client, PROJECT, Reply, decode},
    endpoint::Service,
    error::{Error, ErrorCode},
};
use crate::{
    budget::Budget,
    ids::{JobId, ServerId, VolumeId},
};

/// A job or a part of one.
///
/// A batch has a part for each server. That the whole says `SUCCESS` does not mean that every part does.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The job's id, where the answer tells it.
    pub id: Option<JobId>,
    /// How far it is.
    pub status: JobStatus,
    /// What it does. Not documented for volumes: nothing should depend on it.
    pub job_type: Option<String>,
    /// When it began, e.g. `2026-01-02T03:04:05.678Z`.
    pub begin_time: Option<String>,
    /// When it ended.
    pub end_time: Option<String>,
    /// Why it failed, as a code.
    pub error_code: Option<ErrorCode>,
    /// Why it failed, in words.
    pub fail_reason: Option<String>,
    /// The server it is about.
    pub server_id: Option<ServerId>,
    /// The volume it is about, where that is told.
    pub volume_id: Option<VolumeId>,
    /// Its parts.
    pub sub_jobs: Vec<Self>,
}

/// How far a job is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JobStatus {
    /// It is being prepared.
    Init,
    /// It runs.
    Running,
    /// It succeeded.
    Success,
    /// It failed.
    Fail,
    /// Something that is not documented for volumes, e.g. `PENDING_PAYMENT`.
    Other(String),
}

impl JobStatus {
    /// The vendor's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Init => "INIT",
            Self::Running => "RUNNING",
            Self::Success => "SUCCESS",
            Self::Fail => "FAIL",
            Self::Other(status) => status,
        }
    }

    fn new(status: String) -> Self {
        match status.to_ascii_uppercase().as_str() {
            "INIT" => Self::Init,
            "RUNNING" => Self::Running,
            "SUCCESS" => Self::Success,
            "FAIL" => Self::Fail,
            _ => Self::Other(status),
        }
    }
}

impl Job {
    /// The part that is about `server`, or the whole if it is about that server alone.
    pub fn of_server(&self, server: &ServerId) -> Option<&Self> {
        let parts = self.sub_jobs.iter().chain([self]);
        parts.into_iter().find(|part| part.server_id.as_ref().is_some_and(|id| *id == *server.as_str()))
    }

    /// The parts that failed, and the whole after them if it failed.
    pub fn failures(&self) -> impl Iterator<Item = &Self> {
        self.sub_jobs.iter().chain([self]).filter(|part| part.status == JobStatus::Fail)
    }
}

impl Client {
    /// How far a job is. A job that failed is an answer like any other.
    ///
    /// `GET /v1/{project_id}/jobs/{job_id}`, `ShowJob`, "Querying Task Execution Status".
    ///
    /// # Errors
    /// Of kind `NotFound` for a job that is unknown: finished ones are kept for a day.
    pub async fn show_job(&self, budget: &Budget, job: &JobId) -> Result<Job, Error> {
        let call = Call::new("ShowJob", Service::Ecs, Method::GET, ["v1", PROJECT, "jobs", job.as_str()]);
        Ok(self.send(budget, call).await?.decode::<WireJob>()?.into())
    }
}

/// The id of the job that an accepted call became. None for an answer that tells none: a 204 is documented, too, for when
/// the cloud is busy.
pub(super) fn job_id(reply: &Reply) -> Result<Option<JobId>, Error> {
    #[derive(Deserialize)]
    struct Accepted {
        #[serde(default, deserialize_with = "decode::text")]
        job_id: Option<String>,
    }
    if reply.is_empty() {
        return Ok(None);
    }
    Ok(reply.decode::<Accepted>()?.job_id.map(JobId::new))
}

#[derive(Deserialize)]
struct WireJob {
    status: String,
    #[serde(default, deserialize_with = "decode::text")]
    job_id: Option<String>,
    #[serde(default, deserialize_with = "decode::text")]
    job_type: Option<String>,
    #[serde(default, deserialize_with = "decode::text")]
    begin_time: Option<String>,
    #[serde(default, deserialize_with = "decode::text")]
    end_time: Option<String>,
    #[serde(default, deserialize_with = "decode::text")]
    error_code: Option<String>,
    #[serde(default, deserialize_with = "decode::text")]
    fail_reason: Option<String>,
    #[serde(default)]
    entities: Option<Entities>,
}

#[derive(Default, Deserialize)]
struct Entities {
    #[serde(default, deserialize_with = "decode::text")]
    server_id: Option<String>,
    #[serde(default, deserialize_with = "decode::text")]
    volume_id: Option<String>,
    /// Only parts have it.
    #[serde(default, deserialize_with = "decode::text")]
    errorcode_message: Option<String>,
    #[serde(default, deserialize_with = "decode::list")]
    sub_jobs: Vec<WireJob>,
}

impl From<WireJob> for Job {
    fn from(wire: WireJob) -> Self {
        let entities = wire.entities.unwrap_or_default();
        Self {
            id: wire.job_id.map(JobId::new),
            status: JobStatus::new(wire.status),
            job_type: wire.job_type,
            begin_time: wire.begin_time,
            end_time: wire.end_time,
            error_code: wire.error_code.map(ErrorCode::new),
            fail_reason: wire.fail_reason.or(entities.errorcode_message),
            server_id: entities.server_id.map(ServerId::new),
            volume_id: entities.volume_id.map(VolumeId::new),
            sub_jobs: entities.sub_jobs.into_iter().map(Self::from).collect(),
        }
    }
}
