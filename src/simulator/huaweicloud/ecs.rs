//! ECS besides attach and detach: jobs, servers, block devices, stop and start.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::attach::{Refusal, accept, free_slots, usable_server};
use super::job::{self, Failure, Job, JobKind, JobStatus, Part};
use super::switches::{
    AttachingInEcs, BlockDeviceSize, DataBootIndex, JobEndTime, JobVolumeId, MissingBlockDevice, PartialBatch,
    ServerActionError, SubJobIds, SubJobReason, SubJobsOfSuccess, Switches, UnknownJob,
};
use super::world::{Disk, Phase, Server};
use super::{Answer, Call, error};
use crate::simulator::clock::{MILLISECONDS_Z, stamp};
use crate::simulator::message::Reply;

/// `ShowJob`. A failed job is answered with 200.
pub(crate) fn show_job(call: &mut Call<'_>) -> Answer {
    let id = call.param("job_id");
    let job = job::find(call.state, id);
    let job = job.filter(|job| !job.kind.is_lite() && job.project_id == call.param("project_id")).ok_or_else(|| {
        let status = match call.switches().unknown_job {
            UnknownJob::Common0011 => 400,
            UnknownJob::NotFound => 404,
        };
        error::ecs(status, "Common.0011", "Failed to query system tasks.")
    })?;
    Ok(Reply::json(200, &job_json(call, job)))
}

fn job_json(call: &Call<'_>, job: &Job) -> Value {
    let switches = call.switches();
    let common_failure = Failure::new(("Common.0021", "Subjob fails."));
    let (mut status, mut failure) = (job.status, job.failure());
    if job.kind.is_batch() && failure.is_some() {
        failure = Some(&common_failure);
        let some_worked = job.parts.iter().any(|part| part.failure.is_none());
        if some_worked && switches.partial_batch == PartialBatch::ParentSucceeds && status == JobStatus::Fail {
            (status, failure) = (JobStatus::Success, None);
        }
    }
    let mut body = Map::new();
    let kind = job_type(job.kind);
    fill(call, job, &mut body, &job.id, kind.0, (status, job.ended, failure));
    let hides_sub_jobs = match (&job.ended, job.failure()) {
        (None, _) => false,
        (Some(_), Some(_)) if switches.partial_batch == PartialBatch::NoSubJobs => true,
        (Some(_), _) => status == JobStatus::Success && switches.sub_jobs_of_success == SubJobsOfSuccess::Absent,
    };
    if !job.kind.is_batch() {
        if let Some(part) = job.parts.first() {
            body.insert("entities".to_owned(), entities(switches, part));
        }
    } else if hides_sub_jobs {
        body.insert("entities".to_owned(), json!({}));
    } else {
        let sub_jobs: Vec<_> = job.parts.iter().map(|part| sub_job(call, job, part, kind.1)).collect();
        body.insert("entities".to_owned(), json!({"sub_jobs_total": sub_jobs.len(), "sub_jobs": sub_jobs}));
    }
    Value::Object(body)
}

fn sub_job(call: &Call<'_>, job: &Job, part: &Part, kind: &str) -> Value {
    let status = match (part.ended, &part.failure) {
        (None, _) if job.is_unfinished() => job.status,
        (None, _) => JobStatus::Running,
        (Some(_), None) => JobStatus::Success,
        (Some(_), Some(_)) => JobStatus::Fail,
    };
    let mut body = Map::new();
    let tells = call.switches().sub_job_reason == SubJobReason::Codes;
    let failure = part.failure.as_ref();
    fill(call, job, &mut body, &part.id, kind, (status, part.ended, failure.filter(|_| tells)));
    let mut entities = entities(call.switches(), part);
    if let (Some(failure), Some(_)) = (failure, part.ended) {
        entities["errorcode_message"] = Value::from(failure.reason.as_str());
    }
    body.insert("entities".to_owned(), entities);
    if call.switches().sub_job_ids == SubJobIds::Absent {
        body.remove("job_id");
    }
    Value::Object(body)
}

/// What jobs and sub-jobs have in common; `outcome` is the status, when it became final, and why it failed.
fn fill(
    call: &Call<'_>,
    job: &Job,
    body: &mut Map<String, Value>,
    id: &str,
    kind: &str,
    outcome: (JobStatus, Option<Duration>, Option<&Failure>),
) {
    let (status, ended, failure) = outcome;
    let time = |moment| Value::from(stamp(call.state.clock.at(moment), MILLISECONDS_Z));
    let end_time = match (ended, call.switches().job_end_time) {
        (Some(ended), _) => time(ended),
        (None, JobEndTime::Empty) => Value::from(""),
        (None, JobEndTime::Null) => Value::Null,
    };
    // The reason of a failure to come is not known to the cloud before the end.
    let failure = failure.filter(|_| ended.is_some());
    let mut set = |key: &str, value: Value| body.insert(key.to_owned(), value);
    set("status", job.status_shown.clone().filter(|_| ended.is_none()).map_or_else(|| json!(status), Value::from));
    set("job_id", Value::from(id));
    set("job_type", Value::from(kind));
    set("begin_time", time(job.began));
    set("end_time", end_time);
    set("error_code", failure.map(|failure| failure.code.as_str()).into());
    set("fail_reason", failure.map(|failure| failure.reason.as_str()).into());
}

fn entities(switches: &Switches, part: &Part) -> Value {
    let mut entities = json!({"server_id": part.server_id});
    if switches.job_volume_id == JobVolumeId::Present && part.volume_id.is_some() {
        entities["volume_id"] = part.volume_id.clone().into();
    }
    entities
}

/// The names of a job and its sub-jobs, by analogy with the ones the vendor documents for bare metal.
fn job_type(kind: JobKind) -> (&'static str, &'static str) {
    match kind {
        JobKind::Attach | JobKind::LiteAttach => ("attachVolume", "attachVolume"),
        JobKind::Detach | JobKind::LiteDetach => ("detachVolume", "detachVolume"),
        JobKind::BatchAttach => ("batchAttachVolume", "attachSingleVolume"),
        JobKind::BatchDetach => ("batchDetachVolume", "detachSingleVolume"),
        JobKind::Stop => ("batchStopServers", "stopSingleServer"),
        JobKind::Start => ("batchStartServers", "startSingleServer"),
    }
}

fn server<'a>(call: &'a Call<'_>) -> Result<&'a Server, Reply> {
    let id = call.param("server_id");
    call.server(id).ok_or_else(|| error::server_missing(call.switches(), id))
}

/// `ListServerBlockDevices`.
pub(crate) fn list_block_devices(call: &mut Call<'_>) -> Answer {
    let server = server(call)?;
    let free = (free_slots(server, true), free_slots(server, false));
    let devices: Vec<_> = listed(call, server).map(|disk| block_device(call, server, disk)).collect();
    Ok(Reply::json(
        200,
        &json!({
            "attachableQuantity": {"free_scsi": free.0, "free_blk": free.1, "free_disk": free.0.max(free.1)},
            "volumeAttachments": devices,
        }),
    ))
}

/// `ShowServerBlockDevice`.
pub(crate) fn show_block_device(call: &mut Call<'_>) -> Answer {
    let server = server(call)?;
    let volume_id = call.param("volume_id");
    let disk = listed(call, server).find(|disk| disk.volume_id == volume_id);
    let disk = disk.ok_or_else(|| match call.switches().missing_block_device {
        MissingBlockDevice::Ecs1000 => error::volume_not_found(volume_id),
        MissingBlockDevice::NotFound => error::openstack(404, "Volume attachment could not be found."),
    })?;
    Ok(Reply::json(200, &json!({"volumeAttachment": block_device(call, server, disk)})))
}

/// `UpdateServerBlockDevice`: not for system, shared or prepaid disks.
pub(crate) fn update_block_device(call: &mut Call<'_>) -> Answer {
    let Some(flag) = call.body["block_device"]["delete_on_termination"].as_bool() else {
        return Err(error::bad_request(error::INVALID));
    };
    let server = server(call)?;
    let volume_id = call.param("volume_id").to_owned();
    let disk = server.disk(&volume_id).ok_or_else(|| error::openstack(404, "Volume attachment could not be found."))?;
    let volume = call.volume(&volume_id);
    if disk.boot_index == 0 || volume.is_some_and(|volume| volume.multiattach || volume.prepaid) {
        return Err(error::ecs(400, "Ecs.0617", "Failed to modify the disk attribute."));
    }
    let server_id = server.id.clone();
    let world = &mut call.state.world.huaweicloud;
    if let Some(disk) = world.server_mut(&server_id).and_then(|server| server.disk_mut(&volume_id)) {
        disk.delete_on_termination = flag;
    }
    Ok(Reply::empty(200))
}

/// `ListServerVolumeAttachments`.
pub(crate) fn list_volume_attachments(call: &mut Call<'_>) -> Answer {
    let server = server(call)?;
    let entry = |disk: &Disk| json!({"device": disk.device, "id": disk.volume_id, "serverId": server.id, "volumeId": disk.volume_id});
    let attachments: Vec<_> = listed(call, server).map(entry).collect();
    Ok(Reply::json(200, &json!({"volumeAttachments": attachments})))
}

/// The disks ECS shows: all whose attach has begun, or not those still being attached.
fn listed<'a>(call: &Call<'_>, server: &'a Server) -> impl Iterator<Item = &'a Disk> + use<'a> {
    let hides = call.switches().attaching_in_ecs == AttachingInEcs::Hidden;
    server.disks.iter().filter(move |disk| match disk.phase {
        Phase::Accepted => false,
        Phase::Attaching => !hides,
        Phase::Attached | Phase::Detaching => true,
    })
}

fn block_device(call: &Call<'_>, server: &Server, disk: &Disk) -> Value {
    let switches = call.switches();
    let size = call.world().volume(&disk.volume_id).map_or(0, |volume| volume.size);
    let mut device = json!({
        "id": disk.volume_id,
        "volumeId": disk.volume_id,
        "serverId": server.id,
        "device": disk.device,
        "bus": if disk.scsi { "scsi" } else { "virtio" },
        "pciAddress": disk.pci_address,
        "bootIndex": disk.boot_index,
        "size": match switches.block_device_size {
            BlockDeviceSize::Number => Value::from(size),
            BlockDeviceSize::Text => Value::from(size.to_string()),
        },
    });
    if disk.boot_index != 0 {
        write_boot_index(&mut device, switches.data_boot_index, Value::from(0));
    }
    device
}

/// Writes the boot index of a data disk, whose position is there already, as the switch says.
fn write_boot_index(device: &mut Value, switch: DataBootIndex, zero: Value) {
    match switch {
        DataBootIndex::Position => {}
        DataBootIndex::Null => device["bootIndex"] = Value::Null,
        DataBootIndex::Zero => device["bootIndex"] = zero,
        DataBootIndex::Missing => {
            device.as_object_mut().and_then(|device| device.remove("bootIndex"));
        }
    }
}

/// `ShowServer`.
pub(crate) fn show_server(call: &mut Call<'_>) -> Answer {
    let server = server(call)?;
    let disks: Vec<_> = listed(call, server)
        .map(|disk| {
            let mut shown = json!({
                "id": disk.volume_id,
                "delete_on_termination": disk.delete_on_termination.to_string(),
                "bootIndex": disk.boot_index.to_string(),
                "device": disk.device,
            });
            if disk.boot_index != 0 {
                write_boot_index(&mut shown, call.switches().data_boot_index, Value::from("0"));
            }
            shown
        })
        .collect();
    let (vm_state, power_state) = match server.status.as_str() {
        "ACTIVE" | "REBOOT" | "HARD_REBOOT" => ("active", 1),
        "SHUTOFF" => ("stopped", 4),
        "BUILD" => ("building", 0),
        "ERROR" => ("error", 0),
        "DELETED" => ("deleted", 0),
        _ => ("active", 0),
    };
    let root = server.disks.first().map_or("", |disk| disk.device.as_str());
    let mut body = json!({
        "id": server.id,
        "name": server.name,
        "status": server.status,
        "locked": server.locked,
        "tenant_id": call.param("project_id"),
        "user_id": "b0000000000000000000000000000001",
        "hostId": "31397656d6b318d01431f60c481d8425dc58eb421d237a385ceb80ee",
        "host_status": "UP",
        "created": "2026-01-02T03:04:05Z",
        "updated": "2026-01-02T03:04:05Z",
        "description": "",
        "key_name": null,
        "progress": 0,
        "fault": null,
        "config_drive": "",
        "accessIPv4": "",
        "accessIPv6": "",
        "auto_terminate_time": "",
        "enterprise_project_id": "0",
        "addresses": {},
        "image": {"id": "04c6329c-ad97-4b0e-be4d-2d8e2dce8427"},
        "flavor": {
            "id": server.flavor, "name": server.flavor, "vcpus": "2", "ram": "4096", "disk": "0",
            "gpus": [], "asic_accelerators": [],
        },
        "metadata": server.metadata,
        "tags": [],
        "sys_tags": [{"key": "_sys_enterprise_project_id", "value": "0"}],
        "security_groups": [],
        "hypervisor": {"hypervisor_type": "QEMU", "csd_hypervisor": ""},
    });
    let extended = [
        ("os-extended-volumes:volumes_attached", json!(disks)),
        ("os:scheduler_hints", json!({})),
        ("OS-DCF:diskConfig", json!("AUTO")),
        ("OS-EXT-AZ:availability_zone", json!(server.availability_zone)),
        ("OS-EXT-STS:vm_state", json!(vm_state)),
        ("OS-EXT-STS:task_state", json!(server.task_state)),
        ("OS-EXT-STS:power_state", json!(power_state)),
        ("OS-EXT-SRV-ATTR:host", json!("pod01")),
        ("OS-EXT-SRV-ATTR:hostname", json!(server.name)),
        ("OS-EXT-SRV-ATTR:hypervisor_hostname", json!("nova001@1")),
        ("OS-EXT-SRV-ATTR:instance_name", json!("instance-00000001")),
        ("OS-EXT-SRV-ATTR:kernel_id", json!("")),
        ("OS-EXT-SRV-ATTR:launch_index", json!(0)),
        ("OS-EXT-SRV-ATTR:ramdisk_id", json!("")),
        ("OS-EXT-SRV-ATTR:reservation_id", json!("r-00000001")),
        ("OS-EXT-SRV-ATTR:root_device_name", json!(root)),
        ("OS-SRV-USG:launched_at", json!("2026-01-02T03:04:05.000000")),
        ("OS-SRV-USG:terminated_at", Value::Null),
    ];
    for (key, value) in extended {
        body[key] = value;
    }
    Ok(Reply::json(200, &json!({"server": body})))
}

/// `BatchStopServers` and `BatchStartServers`. What is already in the state asked for succeeds.
pub(crate) fn server_action(call: &mut Call<'_>) -> Answer {
    let (kind, action) = if call.body["os-stop"].is_object() {
        (JobKind::Stop, &call.body["os-stop"])
    } else if call.body["os-start"].is_object() {
        (JobKind::Start, &call.body["os-start"])
    } else {
        return Err(error::bad_request(error::INVALID));
    };
    if !matches!(action["type"].as_str(), None | Some("SOFT" | "HARD")) {
        return Err(error::bad_request(error::INVALID));
    }
    let servers = action["servers"].as_array().cloned().unwrap_or_default();
    let ids: Vec<_> = servers.iter().filter_map(|server| server["id"].as_str().map(str::to_owned)).collect();
    if ids.is_empty() || ids.len() != servers.len() {
        return Err(error::bad_request(error::INVALID));
    }
    let (mut parts, mut refused) = (Vec::new(), Vec::new());
    for id in &ids {
        match usable_server(call, id) {
            Ok(_) => parts.push(Part::new(id, None)),
            Err(Refusal::InJob(failure)) => parts.push(Part::new(id, None).refused(failure)),
            Err(refusal) => refused.push((id, refusal)),
        }
    }
    match (call.switches().server_action_error, refused.first()) {
        (_, None) => {}
        (ServerActionError::Plain, Some((_, Refusal::Now(reply)))) => return Err(reply.clone()),
        _ => {
            let inner = refused.iter().map(|(id, refusal)| (id.as_str(), refusal.failure())).collect();
            return Err(error::batch_action(inner));
        }
    }
    Ok(accept(call, kind, parts))
}
