//! ModelArts Lite Server: attach, detach, operations, and the servers themselves.
//!
//! Pages "Mounting a Disk to a Lite Server" and "Unmounting a Disk from a Lite Server" (both "Only for A3").

use serde_json::{Value, json};

use super::attach::is_volume_at_work;
use super::job::{self, Failure, Job, JobKind, JobStatus, Part};
use super::switches::{
    LiteServerConflict, LiteServerRefusal, LiteServerVolumes, OperationStatusCase, UnknownOperation,
};
use super::world::{LiteDisk, LiteServer, Phase};
use super::{Answer, Call, device, error};
use crate::simulator::message::Reply;

/// Servers that one page may have.
const MOST_LISTED: usize = 1024;

/// `AttachDevServerVolume`.
pub(crate) fn attach(call: &mut Call<'_>) -> Answer {
    let Some(volume_id) = call.body["volume_id"].as_str().map(str::to_owned) else {
        return Err(invalid("volume_id is required."));
    };
    if !is_strict_id(&volume_id) {
        return Err(invalid("volume_id does not match the pattern."));
    }
    let server = changeable_server(call, "attach")?;
    let volume = call.volume(&volume_id);
    let trouble = if server.disk(&volume_id).is_some() {
        Some(format!("Volume {volume_id} is already attached to server {}.", server.id))
    } else if volume.is_none_or(|volume| volume.status != "available") || is_volume_at_work(call, &volume_id) {
        Some(format!("Volume {volume_id} does not exist or is in use."))
    } else if volume.is_some_and(|volume| volume.availability_zone != server.availability_zone) {
        Some(format!("Volume {volume_id} is in another availability zone."))
    } else {
        unfit_state(server)
    };
    start(call, JobKind::LiteAttach, &volume_id, trouble)
}

/// `DetachDevServerVolume`.
pub(crate) fn detach(call: &mut Call<'_>) -> Answer {
    let volume_id = call.param("volume_id").to_owned();
    if uuid::Uuid::try_parse(&volume_id).is_err() {
        return Err(invalid("volume_id does not match the pattern."));
    }
    let server = changeable_server(call, "detach")?;
    let trouble = match server.disk(&volume_id) {
        None => Some(format!("Volume {volume_id} is not attached to server {}.", server.id)),
        Some(disk) if disk.root => Some(format!("Volume {volume_id} is the root volume.")),
        Some(disk) if disk.phase != Phase::Attached || is_volume_at_work(call, &volume_id) => {
            Some(format!("Volume {volume_id} is being attached or detached."))
        }
        Some(_) => unfit_state(server),
    };
    start(call, JobKind::LiteDetach, &volume_id, trouble)
}

fn start(call: &mut Call<'_>, kind: JobKind, volume_id: &str, trouble: Option<String>) -> Answer {
    let server_id = call.param("server_id");
    let evs_server_id = call.world().lite_server(server_id).map_or(server_id, LiteServer::evs_server_id);
    let device = device::next_free_in_evs(call.world(), evs_server_id);
    let part = Part { device, ..Part::new(server_id, Some(volume_id)) };
    let switches = call.switches();
    let conflict = (job::is_busy(call.state, server_id)
        && switches.lite_server_conflict != LiteServerConflict::Allowed)
        .then(|| format!("Server {server_id} has an operation in progress."));
    let is_in_operation = match conflict {
        Some(_) => switches.lite_server_conflict == LiteServerConflict::FailedOperation,
        None => switches.lite_server_refusal == LiteServerRefusal::FailedOperation,
    };
    let part = match conflict.or(trouble) {
        None => part,
        Some(text) if is_in_operation => part.refused(Failure::new(("ModelArts.7000", &text))),
        Some(text) => return Err(error::modelarts(400, "ModelArts.7000", &text)),
    };
    let project_id = call.param("project_id").to_owned();
    let id = job::start(call.state, kind, &project_id, vec![part], call.faults);
    let job = job::find(call.state, &id).ok_or_else(|| not_found(call, "operation", &id))?;
    Ok(Reply::json(200, &operation(call, job)))
}

/// The server, if it exists and is of a type that takes this at all.
fn changeable_server<'a>(call: &'a Call<'_>, verb: &str) -> Result<&'a LiteServer, Reply> {
    let server = server(call)?;
    let refuse = |what: String| {
        let text = format!("Server {} {what}, does not support {verb} volume device.", server.id);
        Err(error::modelarts(400, "ModelArts.7000", &text))
    };
    match (server.cloud_server.kind.as_str(), server.hardware.as_str()) {
        ("BMS", _) => refuse("type is BMS".to_owned()),
        (_, "A3") => Ok(server),
        (_, hardware) => refuse(format!("hardware is {hardware}")),
    }
}

fn unfit_state(server: &LiteServer) -> Option<String> {
    let fits = matches!(server.status.as_str(), "RUNNING" | "STOPPED");
    (!fits).then(|| format!("Server {} is {}, must be RUNNING or STOPPED.", server.id, server.status))
}

fn server<'a>(call: &'a Call<'_>) -> Result<&'a LiteServer, Reply> {
    let id = call.param("server_id");
    let server = call.world().lite_server(id).filter(|server| is_strict_id(id) && call.sees(&server.region));
    server.ok_or_else(|| error::modelarts(400, "ModelArts.6404", &format!("LiteServer instance '{id}' not found.")))
}

fn invalid(text: &str) -> Reply {
    error::modelarts(400, "ModelArts.6400", text)
}

fn not_found(call: &Call<'_>, what: &str, id: &str) -> Reply {
    let status = match call.switches().unknown_operation {
        UnknownOperation::Modelarts6404 => 400,
        UnknownOperation::NotFound => 404,
    };
    error::modelarts(status, "ModelArts.6404", &format!("LiteServer {what} '{id}' not found."))
}

/// Lower case, RFC 4122's versions 1 to 5 and its variant, as the page's pattern says.
fn is_strict_id(id: &str) -> bool {
    let bytes = id.as_bytes();
    uuid::Uuid::try_parse(id).is_ok_and(|uuid| uuid.to_string() == id)
        && matches!(bytes.get(14), Some(b'1'..=b'5'))
        && matches!(bytes.get(19), Some(b'8' | b'9' | b'a' | b'b'))
}

/// `GetDevServerOperation`.
pub(crate) fn show_operation(call: &mut Call<'_>) -> Answer {
    let server = server(call)?;
    let id = call.param("operation_id");
    let job = job::find(call.state, id);
    let is_its = |job: &&Job| job.kind.is_lite() && job.parts.iter().any(|part| part.server_id == server.id);
    let job = job.filter(is_its).ok_or_else(|| not_found(call, "operation", id))?;
    Ok(Reply::json(200, &operation(call, job)))
}

fn operation(call: &Call<'_>, job: &Job) -> Value {
    let status = match job.status {
        JobStatus::Init => "pending",
        JobStatus::Running => "running",
        JobStatus::Success => "success",
        JobStatus::Fail => "failed",
    };
    let status = match (&job.status_shown, call.switches().operation_status_case) {
        (Some(shown), _) if job.is_unfinished() => shown.clone(),
        (_, OperationStatusCase::Lower) => status.to_owned(),
        (_, OperationStatusCase::Capital) => {
            let (first, rest) = status.split_at(1);
            format!("{}{rest}", first.to_uppercase())
        }
    };
    let kind = if job.kind == JobKind::LiteAttach { "node_attach_volume" } else { "node_detach_volume" };
    let mut body = json!({"operation_id": job.id, "operation_status": status, "operation_type": kind});
    if let (Some(failure), false) = (job.failure(), job.is_unfinished()) {
        body["operation_error"] = json!({"code": failure.code, "message": failure.reason});
    }
    body
}

/// `ShowDevServer`.
pub(crate) fn show_server(call: &mut Call<'_>) -> Answer {
    let server = server(call)?;
    Ok(Reply::json(200, &server_json(call, server)))
}

/// `ListDevServers` and `ListAllDevServers`.
pub(crate) fn list_servers(call: &mut Call<'_>) -> Answer {
    let number = |name: &str, default: usize| match call.request.query_value(name).map(|value| value.parse()) {
        None => Ok(default),
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => Err(invalid(&format!("{name} is not a number."))),
    };
    let (limit, offset) = match call.request.path.trim_end_matches('/').ends_with("/all") {
        true => (usize::MAX, 0),
        false => (number("limit", 10)?, number("offset", 0)?),
    };
    if limit != usize::MAX && limit > MOST_LISTED {
        return Err(invalid("limit must be from 0 to 1024."));
    }
    let all: Vec<_> = call.world().lite_servers.iter().filter(|server| call.sees(&server.region)).collect();
    let page: Vec<_> = all.iter().skip(offset).take(limit).map(|server| server_json(call, server)).collect();
    let body = json!({
        // The example shows 0, the schema has a minimum of 1.
        "current": offset / limit.max(1) + 1,
        "pages": all.len().div_ceil(limit.max(1)),
        "size": page.len(),
        "total": all.len(),
        "data": page,
    });
    Ok(Reply::json(200, &body))
}

fn server_json(call: &Call<'_>, server: &LiteServer) -> Value {
    let volumes = call.switches().lite_server_volumes;
    let is_shown =
        |disk: &&LiteDisk| disk.original || volumes == LiteServerVolumes::Fresh && disk.phase != Phase::Accepted;
    let shown = server.disks.iter().filter(is_shown);
    let disks: Vec<_> = shown
        .map(|disk| {
            let volume = call.world().volume(&disk.volume_id);
            json!({
                "evs_id": disk.volume_id,
                "type": if disk.root { "ROOT" } else { "DATA" },
                "size": volume.map_or(0, |volume| volume.size),
                "evs_type": volume.map_or("SSD", |volume| &volume.volume_type),
            })
        })
        .collect();
    let mut cloud_server = json!({"type": server.cloud_server.kind});
    let ids = [
        ("id", &server.cloud_server.id),
        ("hps_id", &server.cloud_server.hps_id),
        ("hps_ecs_id", &server.cloud_server.hps_ecs_id),
    ];
    for (key, id) in ids {
        if let Some(id) = id {
            cloud_server[key] = Value::from(id.as_str());
        }
    }
    let mut body = json!({
        "id": server.id,
        "name": server.name,
        "status": server.status,
        "category": server.category,
        "flavor": server.flavor,
        "charging_mode": "POST_PAID",
        "cloud_server": cloud_server,
        "create_at": 1_767_323_045_678_u64,
        "update_at": 1_767_323_045_678_u64,
        "key_pair_name": "key",
        "order_id": "CS2601020304ABCDE",
        "vpc_id": "c3000000-0000-4000-8000-000000000001",
        "endpoints": [],
        "image": {
            "arch": "ARM", "image_id": "c4000000-0000-4000-8000-000000000001", "name": "EulerOS", "server_type": "ECS",
        },
    });
    match volumes {
        LiteServerVolumes::Fresh | LiteServerVolumes::Stale => body["volumes"] = Value::from(disks),
        LiteServerVolumes::Absent => {}
        LiteServerVolumes::Null => body["volumes"] = Value::Null,
    }
    body
}
