//! Attach and detach, through whichever of the two doors: the checks before an operation is accepted.

use serde_json::{Map, Value};

use super::error::Refusal;
use super::operation::{self, OperationKind};
use super::switches::{
    AttachTwice, DefaultDeleteOnTermination, DetachNotAttached, DeviceWish, KubernetesServer, LockedServer,
    ScalingGroupServer, SharedVolumeBusy, Switches, UnreadyServer, VolumeLimit,
};
use super::world::{Attachment, Disk, Phase, Server, Volume};
use super::{Call, device};
use crate::simulator::sides::fixed_id;

/// Volumes a server may have.
const MOST_VOLUMES: usize = 26;
/// What a server says that is busy with something else.
pub(crate) const SERVER_BUSY: &str = "Another operation on the server is in progress.";
const ATTACH: &str = "AttachVolume";
const DETACH: &str = "DetachVolume";

/// What an attach asks for.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) server_id: String,
    pub(crate) volume_id: String,
    pub(crate) delete_on_termination: Option<bool>,
    pub(crate) device: Option<String>,
}

/// Checks an attach and starts it; gives the server's record of it.
pub(crate) fn attach(call: &mut Call<'_>, wish: &Wish) -> Result<Disk, Refusal> {
    let switches = call.switches();
    let volume = call.volume(&wish.volume_id)?;
    let server = call.server(&wish.server_id)?;
    let here = server.disk(&volume.id).filter(|disk| disk.phase == Phase::Attached);
    if let Some(disk) = here.filter(|_| volume.attachment(&server.id).is_some()) {
        return match switches.attach_twice {
            AttachTwice::Accepted => Ok(disk.clone()),
            AttachTwice::Conflict => Err(Refusal::conflict(ATTACH, "The volume is already attached to the server.")),
        };
    }
    check_volume(call, volume, server)?;
    check_server(call, server)?;
    check_pair(switches, volume, server)?;
    let wanted = wish.device.as_ref().filter(|_| switches.device_wish == DeviceWish::Honoured);
    let device = match wanted {
        Some(device) if server.has_device(device) => {
            return Err(Refusal::conflict(ATTACH, format!("The device {device} is in use.")));
        }
        Some(device) => device.clone(),
        None => device::next_free(server),
    };
    let by_default = switches.default_delete_on_termination == DefaultDeleteOnTermination::Delete;
    let disk = Disk {
        volume_id: volume.id.clone(),
        id: fixed_id(&server.id, &volume.id),
        device: device.clone(),
        delete_on_termination: wish.delete_on_termination.unwrap_or(by_default),
        mounted: false,
        phase: Phase::Accepted,
    };
    let attachment = Attachment {
        server_id: server.id.clone(),
        device,
        // A list that has the server before the attach ends needs a time as well.
        attached_at: super::seconds(call.state.clock.at(call.state.clock.now())),
        phase: Phase::Accepted,
    };
    let world = &mut call.state.world.samsungcloud;
    if let Some(server) = world.server_mut(&wish.server_id) {
        server.disks.push(disk.clone());
    }
    if let Some(volume) = world.volume_mut(&wish.volume_id) {
        volume.attachments.push(attachment);
    }
    operation::start(call.state, OperationKind::Attach, &wish.server_id, Some(&wish.volume_id), call.faults);
    Ok(disk)
}

/// Checks a detach and starts it.
pub(crate) fn detach(
    call: &mut Call<'_>,
    server_id: &str,
    volume_id: &str,
    not_attached: DetachNotAttached,
) -> Result<(), Refusal> {
    let switches = call.switches();
    let volume = call.volume(volume_id)?;
    let server = call.server(server_id)?;
    if server.disk(volume_id).is_some_and(Disk::is_boot) {
        return Err(Refusal::lasting(switches, DETACH, "The OS volume of a server cannot be detached."));
    }
    let Some(attachment) = volume.attachment(server_id) else {
        return Err(match not_attached {
            DetachNotAttached::NotFound => Refusal::missing("Volume attachment", volume_id),
            DetachNotAttached::Conflict => Refusal::conflict(DETACH, "The volume is not attached to the server."),
        });
    };
    let is_in_the_way = operation::is_volume_busy(call.state, volume_id, sharing(switches, volume, server_id));
    let is_passing = matches!(volume.state.as_str(), "reserved" | "attaching" | "detaching");
    let is_in_use = volume.state == "in-use" || is_passing && may_share(switches, volume);
    if is_in_the_way || attachment.phase != Phase::Attached || !is_in_use {
        return Err(Refusal::conflict(DETACH, format!("The volume is {}.", volume.state)));
    }
    if operation::is_server_busy(call.state, server_id) {
        return Err(Refusal::conflict(DETACH, SERVER_BUSY));
    }
    operation::start(call.state, OperationKind::Detach, server_id, Some(volume_id), call.faults);
    Ok(())
}

/// Whether operations of several servers on this volume go on at the same time.
fn may_share(switches: &Switches, volume: &Volume) -> bool {
    volume.multiattach && switches.shared_volume_busy == SharedVolumeBusy::Allowed
}

/// The only server whose operations are in the way when the volume may be shared; otherwise every server's are.
fn sharing<'a>(switches: &Switches, volume: &Volume, server_id: &'a str) -> Option<&'a str> {
    may_share(switches, volume).then_some(server_id)
}

/// Available, or MultiAttach and in use; and nothing under way.
fn check_volume(call: &Call<'_>, volume: &Volume, server: &Server) -> Result<(), Refusal> {
    let switches = call.switches();
    let is_free = match volume.state.as_str() {
        "available" => true,
        "in-use" => volume.multiattach,
        "reserved" | "attaching" | "detaching" => may_share(switches, volume),
        _ => false,
    };
    let only = sharing(switches, volume, &server.id);
    let has_record = volume.attachment(&server.id).is_some() || server.disk(&volume.id).is_some();
    if !is_free || has_record || operation::is_volume_busy(call.state, &volume.id, only) {
        return Err(Refusal::conflict(ATTACH, format!("The volume is {}.", volume.state)));
    }
    Ok(())
}

/// At rest, running or off, and open to volumes.
fn check_server(call: &Call<'_>, server: &Server) -> Result<(), Refusal> {
    let switches = call.switches();
    let is_ready = matches!(server.state.as_str(), "ACTIVE" | "SHUTOFF" | "STOPPED" | "PAUSED");
    if operation::is_server_busy(call.state, &server.id) {
        return Err(Refusal::conflict(ATTACH, SERVER_BUSY));
    }
    if !is_ready && switches.unready_server == UnreadyServer::Refused {
        return Err(Refusal::conflict(ATTACH, format!("The server is {}.", server.state)));
    }
    if server.locked && switches.locked_server == LockedServer::Refused {
        return Err(Refusal::conflict(ATTACH, "The server is locked."));
    }
    if server.auto_scaling_group_id.is_some() && switches.scaling_group_server == ScalingGroupServer::Refused {
        let text = "Volumes cannot be attached to a server of an Auto-Scaling Group.";
        return Err(Refusal::lasting(switches, ATTACH, text));
    }
    let is_node = server.product_offering.as_ref().is_some_and(|offering| offering.starts_with("k8s"));
    if is_node && switches.kubernetes_server == KubernetesServer::Refused {
        return Err(Refusal::lasting(switches, ATTACH, "Volumes cannot be attached to a Kubernetes node."));
    }
    let (boot, data): (Vec<_>, Vec<_>) = server.disks.iter().partition(|disk| disk.is_boot());
    let counted = match switches.volume_limit {
        VolumeLimit::DataVolumes => data.len(),
        VolumeLimit::AllVolumes => boot.len() + data.len(),
    };
    if counted >= MOST_VOLUMES {
        return Err(Refusal::lasting(switches, ATTACH, "Up to 26 volumes can be attached to a server."));
    }
    Ok(())
}

/// In the same zone, and of a kind that goes together.
fn check_pair(switches: &Switches, volume: &Volume, server: &Server) -> Result<(), Refusal> {
    if volume.zone != server.zone {
        return Err(Refusal::lasting(switches, ATTACH, "The volume and the server are in different zones."));
    }
    if volume.multiattach && server.planned_compute_os_type.as_deref() == Some("windows") {
        return Err(Refusal::lasting(switches, ATTACH, "MultiAttach volumes cannot be attached to Windows servers."));
    }
    Ok(())
}

/// A text that must be there.
pub(crate) fn required_text(body: &Map<String, Value>, key: &str) -> Result<String, Refusal> {
    let text = optional_text(body, key)?;
    text.ok_or_else(|| Refusal::invalid(key, "The value is required."))
}

/// A text that may be absent or null.
pub(crate) fn optional_text(body: &Map<String, Value>, key: &str) -> Result<Option<String>, Refusal> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::invalid(key, "The value should be a string.")),
    }
}

/// A boolean that may be absent or null.
pub(crate) fn optional_flag(body: &Map<String, Value>, key: &str) -> Result<Option<bool>, Refusal> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(Refusal::invalid(key, "The value should be a boolean.")),
    }
}
