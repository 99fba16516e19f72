//! ECS attach and detach, one pair or a batch: the checks before a job is accepted.
//!
//! Pages "Attaching a Disk to an ECS", "Detaching a Disk from an ECS", "Detaching Volumes in a Batch".

use std::collections::HashSet;

use serde_json::{Value, json};

use super::error;
use super::job::{self, Failure, JobKind, Part};
use super::switches::{
    AcceptedStatus, BadBatchMember, DryRunReply, FullServer, ServerConflict, UnsharedBatchDetach, VolumeConflict,
    VolumeRefusal,
};
use super::world::{Hypervisor, Phase, Server, Volume};
use super::{Answer, Call, device};
use crate::simulator::message::Reply;

/// Servers that may share one volume, and entries that one batch may have.
const MOST_SHARERS: usize = 16;

/// Why a pair is not taken on.
pub(crate) enum Refusal {
    /// Answered at once.
    Now(Reply),
    /// Accepted; the job fails.
    InJob(Failure),
}

impl Refusal {
    fn now(pair: (&str, &str)) -> Self {
        Self::Now(error::bad_request(pair))
    }

    /// The code and text, wherever they stand.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Self::InJob(failure) => failure.clone(),
            Self::Now(reply) => {
                let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
                let text = |key: &str| body["error"][key].as_str().unwrap_or_default();
                Failure::new((text("code"), text("message")))
            }
        }
    }
}

/// `AttachServerVolume`.
pub(crate) fn attach(call: &mut Call<'_>) -> Answer {
    let attachment = object(call, "volumeAttachment")?;
    let wanted = optional_text(&attachment, "device")?;
    let dry_run = match &call.body["dry_run"] {
        Value::Null => false,
        Value::Bool(dry_run) => *dry_run,
        _ => return Err(error::bad_request(error::INVALID)),
    };
    let server_id = call.param("server_id").to_owned();
    let Some(volume_id) = optional_text(&attachment, "volumeId")? else {
        return dry_run_of_new_disk(call, &attachment, dry_run, &server_id);
    };
    let part = Part::new(&server_id, Some(&volume_id));
    let part = match check_attach(call, &server_id, &volume_id, wanted.as_deref()) {
        Ok(device) => Part { device, ..part },
        Err(Refusal::InJob(failure)) if !dry_run => part.refused(failure),
        Err(Refusal::InJob(failure)) => return Err(error::ecs(400, &failure.code, &failure.reason)),
        Err(Refusal::Now(reply)) => return Err(reply),
    };
    if dry_run { Ok(dry_run_passed(call)) } else { Ok(accept(call, JobKind::Attach, vec![part])) }
}

/// A dry run without a volume asks whether a new disk would fit; the type and the bus are then required.
fn dry_run_of_new_disk(call: &Call<'_>, attachment: &Value, dry_run: bool, server_id: &str) -> Answer {
    let is_complete = dry_run && attachment["volume_type"].is_string() && attachment["hw:passthrough"].is_string();
    if !is_complete {
        return Err(error::bad_request(error::INVALID));
    }
    let count = attachment["count"].as_u64().unwrap_or(1);
    let scsi = attachment["hw:passthrough"] == "true";
    let server = call.server(server_id).ok_or_else(|| error::server_missing(call.switches(), server_id))?;
    let fits = free_slots(server, scsi) >= usize::try_from(count).unwrap_or(usize::MAX);
    if fits { Ok(dry_run_passed(call)) } else { Err(no_slot(call)) }
}

fn dry_run_passed(call: &Call<'_>) -> Reply {
    match call.switches().dry_run_reply {
        DryRunReply::EmptyObject => Reply::json(200, &json!({})),
        DryRunReply::EmptyBody => Reply::empty(200),
    }
}

/// `DetachServerVolume`.
pub(crate) fn detach(call: &mut Call<'_>) -> Answer {
    let force = match call.request.query_value("delete_flag").as_deref() {
        None | Some("0") => false,
        Some("1") => true,
        Some(_) => return Err(error::bad_request(error::INVALID)),
    };
    let (server_id, volume_id) = (call.param("server_id").to_owned(), call.param("volume_id").to_owned());
    let part = Part { force, ..Part::new(&server_id, Some(&volume_id)) };
    let checks = check_detach(call, &server_id, &volume_id);
    let part = match checks.and_then(|()| check_volume_is_at_rest(call, &volume_id)) {
        Ok(()) => part,
        Err(Refusal::InJob(failure)) => part.refused(failure),
        Err(Refusal::Now(reply)) => return Err(reply),
    };
    Ok(accept(call, JobKind::Detach, vec![part]))
}

/// `BatchAttachSharableVolumes`: `serverinfo` is a list of objects.
pub(crate) fn batch_attach(call: &mut Call<'_>) -> Answer {
    let volume_id = call.param("volume_id").to_owned();
    let mut members: Vec<(String, Option<String>)> = Vec::new();
    for member in server_info(call)? {
        let server_id = optional_text(&member, "server_id")?.ok_or_else(|| error::bad_request(error::INVALID))?;
        let device = optional_text(&member, "device")?;
        if !members.iter().any(|(known, _)| *known == server_id) {
            members.push((server_id, device));
        }
    }
    if call.volume(&volume_id).is_some_and(|volume| !volume.multiattach) {
        return Err(error::bad_request(error::INVALID));
    }
    if members.len() > MOST_SHARERS {
        return Err(too_many());
    }
    let fits = check_volume_is_at_rest(call, &volume_id);
    let for_all = for_all(fits.and_then(|()| match call.volume(&volume_id) {
        Some(volume) if has_fit_status(volume) => Ok(()),
        _ => Err(volume_state(call)),
    }))?;
    let mut room = call.volume(&volume_id).map_or(0, room);
    let mut parts = Vec::new();
    for (server_id, wanted) in members {
        let part = Part::new(&server_id, Some(&volume_id));
        let checked = match for_all.clone() {
            Some(failure) => Err(Refusal::InJob(failure)),
            None => check_attach(call, &server_id, &volume_id, wanted.as_deref()),
        };
        parts.push(match checked.and_then(|device| if room > 0 { Ok(device) } else { Err(volume_state(call)) }) {
            Ok(device) => {
                room -= 1;
                Part { device, ..part }
            }
            Err(refusal) => bad_member(call, part, &refusal)?,
        });
    }
    Ok(accept(call, JobKind::BatchAttach, parts))
}

/// `BatchDetachVolumes`: `serverinfo` is a list of server ids.
pub(crate) fn batch_detach(call: &mut Call<'_>) -> Answer {
    let volume_id = call.param("volume_id").to_owned();
    let mut members: Vec<String> = Vec::new();
    for member in server_info(call)? {
        let Value::String(server_id) = member else { return Err(error::bad_request(error::INVALID)) };
        if !members.contains(&server_id) {
            members.push(server_id);
        }
    }
    if members.len() > MOST_SHARERS {
        return Err(too_many());
    }
    let is_shared = call.volume(&volume_id).is_none_or(|volume| volume.multiattach);
    if !is_shared && call.switches().unshared_batch_detach == UnsharedBatchDetach::Refused {
        return Err(error::bad_request(error::INVALID));
    }
    let for_all = for_all(check_volume_is_at_rest(call, &volume_id))?;
    let mut parts = Vec::new();
    for server_id in members {
        let part = Part::new(&server_id, Some(&volume_id));
        let checked = match for_all.clone() {
            Some(failure) => Err(Refusal::InJob(failure)),
            None => check_detach(call, &server_id, &volume_id),
        };
        parts.push(match checked {
            Ok(()) => part,
            Err(refusal) => bad_member(call, part, &refusal)?,
        });
    }
    Ok(accept(call, JobKind::BatchDetach, parts))
}

/// What fails every member of a batch, if anything does; a refusal refuses the batch.
fn for_all(checked: Result<(), Refusal>) -> Result<Option<Failure>, Reply> {
    match checked {
        Ok(()) => Ok(None),
        Err(Refusal::InJob(failure)) => Ok(Some(failure)),
        Err(Refusal::Now(reply)) => Err(reply),
    }
}

fn bad_member(call: &Call<'_>, part: Part, refusal: &Refusal) -> Result<Part, Reply> {
    match (call.switches().bad_batch_member, refusal) {
        (BadBatchMember::WholeRefused, Refusal::Now(reply)) => Err(reply.clone()),
        _ => Ok(part.refused(refusal.failure())),
    }
}

/// Everything a pair must fulfil to be attached; gives the device name.
fn check_attach(call: &Call<'_>, server_id: &str, volume_id: &str, wanted: Option<&str>) -> Result<String, Refusal> {
    let switches = call.switches();
    let server = usable_server(call, server_id)?;
    let Some(volume) = call.volume(volume_id) else { return Err(volume_state(call)) };
    check_volume_is_at_rest(call, volume_id)?;
    if server.disk(volume_id).is_some() {
        let text = "The disk has already been attached to the ECS and you cannot repeatedly attach it.";
        return Err(Refusal::now(("Ecs.0057", text)));
    }
    if !has_fit_status(volume) || room(volume) == 0 {
        return Err(volume_state(call));
    }
    if volume.availability_zone != server.availability_zone {
        return Err(Refusal::now(("Ecs.0121", "The disk and the ECS are in different failure domains.")));
    }
    let home = volume.metadata.get("__system__server_id");
    if volume.bootable && home.is_some_and(|home| home != server_id) {
        return Err(Refusal::now(("Ecs.0017", "The disk does not meet the attachment requirements of the ECS.")));
    }
    if free_slots(server, volume.scsi) == 0 {
        return Err(Refusal::Now(no_slot(call)));
    }
    // The page wants a name on Xen and for what is or was a system disk; elsewhere the system picks one.
    if wanted.is_none() && (server.hypervisor == Hypervisor::Xen || volume.bootable) {
        return Err(Refusal::now(error::INVALID));
    }
    let device = device::assigned(server, volume.scsi, wanted, switches.device_names);
    if device::is_taken(server, &device) || !device.starts_with("/dev/") {
        return Err(Refusal::now(error::INVALID));
    }
    Ok(device)
}

/// Everything a pair must fulfil to be detached.
fn check_detach(call: &Call<'_>, server_id: &str, volume_id: &str) -> Result<(), Refusal> {
    let switches = call.switches();
    let server = usable_server(call, server_id)?;
    let Some(disk) = server.disk(volume_id) else {
        return Err(Refusal::Now(error::not_attached(switches, volume_id)));
    };
    if disk.boot_index == 0 && server.status != "SHUTOFF" {
        let text = "The system disk cannot be detached: its status does not allow it.";
        return Err(Refusal::now(("Ecs.0102", text)));
    }
    Ok(())
}

/// Available, or shared and in use; what jobs for other servers do to the status of a shared volume does not count.
fn has_fit_status(volume: &Volume) -> bool {
    let has = |phase| volume.attachments.iter().any(|attachment| attachment.phase == phase);
    let is_at_work = has(Phase::Accepted) || has(Phase::Attaching) || has(Phase::Detaching);
    match volume.status.as_str() {
        "available" => volume.multiattach || !is_at_work,
        "in-use" => volume.multiattach,
        // Without an attachment that is being made or undone, it is a reservation.
        "attaching" | "detaching" => volume.multiattach && is_at_work,
        _ => false,
    }
}

/// How many more servers may share a volume.
fn room(volume: &Volume) -> usize {
    let sharers: HashSet<_> = volume.attachments.iter().map(|attachment| &attachment.server_id).collect();
    MOST_SHARERS.saturating_sub(sharers.len())
}

/// Whether a job works on the volume, or has ended before its record shows it.
pub(crate) fn is_volume_at_work(call: &Call<'_>, volume_id: &str) -> bool {
    let shows = |volume: &Volume| volume.attachments.iter().any(|attachment| attachment.phase != Phase::Attached);
    job::is_volume_busy(call.state, volume_id) || call.volume(volume_id).is_some_and(shows)
}

/// A volume takes one operation at a time, whichever server it is for; a batch is one.
fn check_volume_is_at_rest(call: &Call<'_>, volume_id: &str) -> Result<(), Refusal> {
    match call.switches().volume_conflict {
        _ if !is_volume_at_work(call, volume_id) => Ok(()),
        VolumeConflict::Ecs0103 => Err(Refusal::now(error::VOLUME_STATE)),
        VolumeConflict::Ecs0603 => Err(Refusal::Now(error::ecs(501, error::BUSY.0, error::BUSY.1))),
        VolumeConflict::FailedJob => Err(Refusal::InJob(Failure::new(error::VOLUME_STATE))),
        VolumeConflict::Allowed => Ok(()),
    }
}

/// The server, if it exists, is not locked, is at rest in a fitting state, and is not busy with another operation.
pub(crate) fn usable_server<'a>(call: &'a Call<'_>, server_id: &str) -> Result<&'a Server, Refusal> {
    let switches = call.switches();
    let server = call.server(server_id).ok_or_else(|| Refusal::Now(error::server_missing(switches, server_id)))?;
    if server.locked {
        return Err(Refusal::now(error::SERVER_LOCKED));
    }
    if job::is_busy(call.state, server_id) {
        match switches.server_conflict {
            ServerConflict::Ecs0100 => return Err(Refusal::now(error::SERVER_STATE)),
            ServerConflict::Ecs0603 => return Err(Refusal::Now(error::ecs(501, error::BUSY.0, error::BUSY.1))),
            ServerConflict::FailedJob => return Err(Refusal::InJob(Failure::new(error::SERVER_STATE))),
            ServerConflict::Allowed => return Ok(server),
        }
    }
    if !matches!(server.status.as_str(), "ACTIVE" | "SHUTOFF") || server.task_state.is_some() {
        return Err(Refusal::now(error::SERVER_STATE));
    }
    Ok(server)
}

fn volume_state(call: &Call<'_>) -> Refusal {
    match call.switches().volume_refusal {
        VolumeRefusal::Refused => Refusal::now(error::VOLUME_STATE),
        VolumeRefusal::FailedJob => {
            Refusal::InJob(Failure::new(("Ecs.0205", "Failed to attach the data disk: its status does not allow it.")))
        }
    }
}

/// Slots left for a disk of that bus. What a forced detach left occupied counts.
pub(crate) fn free_slots(server: &Server, scsi: bool) -> usize {
    let of_bus = server.disks.iter().filter(|disk| disk.scsi == scsi).count();
    let of_bus = if scsi { of_bus } else { of_bus + server.occupied.len() };
    let limit = if scsi { server.max_scsi } else { server.max_vbd };
    let all = server.disks.len() + server.occupied.len();
    let left = |limit: u32, used: usize| usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(used);
    left(limit, of_bus).min(left(server.max_disks, all))
}

fn no_slot(call: &Call<'_>) -> Reply {
    match call.switches().full_server {
        FullServer::Ecs0104 => error::ecs(400, "Ecs.0104", "No disk slot is available on the ECS."),
        FullServer::Ecs0042 => error::ecs(400, "Ecs.0042", "Too many data disks are attached to the ECS."),
    }
}

fn too_many() -> Reply {
    error::ecs(400, "Ecs.0118", "The number of entries in the batch exceeds the limit.")
}

/// Starts a job and gives its id.
pub(crate) fn accept(call: &mut Call<'_>, kind: JobKind, parts: Vec<Part>) -> Reply {
    let project_id = call.param("project_id").to_owned();
    let id = job::start(call.state, kind, &project_id, parts, call.faults);
    let status = match call.switches().accepted_status {
        AcceptedStatus::Ok => 200,
        AcceptedStatus::Accepted => 202,
        AcceptedStatus::NoContent => return Reply::empty(204),
    };
    Reply::json(status, &json!({"job_id": id}))
}

/// The body's object of that name.
fn object(call: &Call<'_>, key: &str) -> Result<Value, Reply> {
    if call.request.body.is_empty() {
        return Err(error::ecs(400, "Common.0002", "The request body cannot be left blank."));
    }
    if call.body[key].is_object() { Ok(call.body[key].clone()) } else { Err(error::bad_request(error::INVALID)) }
}

/// The batch's members, whatever they are.
fn server_info(call: &Call<'_>) -> Result<Vec<Value>, Reply> {
    if call.request.body.is_empty() {
        return Err(error::ecs(400, "Common.0002", "The request body cannot be left blank."));
    }
    let members = call.body["serverinfo"].as_array().filter(|members| !members.is_empty());
    members.cloned().ok_or_else(|| error::bad_request(error::INVALID))
}

/// A text that may be absent and may be nothing else.
fn optional_text(object: &Value, key: &str) -> Result<Option<String>, Reply> {
    match &object[key] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(error::bad_request(error::INVALID)),
    }
}
