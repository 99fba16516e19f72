//! What a job changes: at its start, and on the server's and the volume's side when it ends.

use super::device;
use super::job::{Failure, JobKind, Part};
use super::world::{Attachment, Disk, Hypervisor, LiteDisk, Phase, World};

/// Gives both sides of a pair to be attached a record that nobody sees yet.
pub(crate) fn accept(world: &mut World, kind: JobKind, part: &Part, attachment_id: String, at: &str) {
    let Some(volume_id) = part.volume_id.as_ref().filter(|_| kind.attaches()) else { return };
    let scsi = world.volume(volume_id).is_some_and(|volume| volume.scsi);
    let bootable = world.volume(volume_id).is_some_and(|volume| volume.bootable);
    let evs_server_id = evs_server_id(world, kind, &part.server_id);
    if let Some(server) = world.lite_server_mut(&part.server_id) {
        let disk = LiteDisk { volume_id: volume_id.clone(), phase: Phase::Accepted, ..LiteDisk::default() };
        server.disks.push(disk);
    } else if let Some(server) = world.server_mut(&part.server_id) {
        server.disks.push(Disk {
            volume_id: volume_id.clone(),
            device: part.device.clone(),
            scsi,
            boot_index: device::next_boot_index(server, bootable),
            phase: Phase::Accepted,
            ..Disk::default()
        });
    }
    if let Some(volume) = world.volume_mut(volume_id) {
        volume.attachments.push(Attachment {
            attachment_id,
            server_id: evs_server_id,
            device: part.device.clone(),
            attached_at: at.to_owned(),
            phase: Phase::Accepted,
        });
    }
}

/// Marks both records of a pair, or the server, as being worked on.
pub(crate) fn begin(world: &mut World, kind: JobKind, part: &Part) {
    if let Some(volume_id) = &part.volume_id {
        let phase = if kind.attaches() { Phase::Attaching } else { Phase::Detaching };
        set_server_phase(world, &part.server_id, volume_id, phase);
        set_volume_phase(world, &evs_server_id(world, kind, &part.server_id), volume_id, phase);
    } else if let Some(server) = world.server_mut(&part.server_id) {
        let task = if kind == JobKind::Stop { "powering-off" } else { "powering-on" };
        server.task_state = Some(task.to_owned());
    }
}

/// The id under which EVS knows a server: itself, except for a Lite Server.
fn evs_server_id(world: &World, kind: JobKind, server_id: &str) -> String {
    let lite = world.lite_server(server_id).filter(|_| kind.is_lite());
    lite.map_or(server_id, |server| server.evs_server_id()).to_owned()
}

fn set_server_phase(world: &mut World, server_id: &str, volume_id: &str, phase: Phase) {
    if let Some(disk) = world.server_mut(server_id).and_then(|server| server.disk_mut(volume_id)) {
        disk.phase = phase;
    }
    let lite = world.lite_server_mut(server_id).into_iter().flat_map(|server| &mut server.disks);
    lite.filter(|disk| disk.volume_id == volume_id).for_each(|disk| disk.phase = phase);
}

fn set_volume_phase(world: &mut World, server_id: &str, volume_id: &str, phase: Phase) {
    if let Some(volume) = world.volume_mut(volume_id) {
        for attachment in volume.attachments.iter_mut().filter(|attachment| attachment.server_id == server_id) {
            attachment.phase = phase;
        }
        volume.refresh_status();
    }
}

/// What goes wrong at work without anybody's planning it.
pub(crate) fn trouble(world: &World, kind: JobKind, part: &Part) -> Option<Failure> {
    let volume_id = part.volume_id.as_ref()?;
    let Some(volume) = world.volume(volume_id) else {
        let text = "Failed to attach the data disk: the volume could not be found.";
        return kind.attaches().then(|| Failure::new(("Ecs.0205", text)));
    };
    if kind.attaches() {
        let exists = world.server(&part.server_id).is_some() || world.lite_server(&part.server_id).is_some();
        return (!exists).then(|| Failure::new(("Ecs.0205", "Failed to attach the data disk: the server is gone.")));
    }
    if volume.locked {
        return Some(Failure::new(("EVS.2068", "operation failed because of volume be locked")));
    }
    let server = world.server(&part.server_id)?;
    let in_use = server.status == "ACTIVE" && server.disk(volume_id).is_some_and(|disk| disk.mounted);
    (in_use && !is_forced(world, part))
        .then(|| Failure::new(("Common.0022", "Mission fails. The disk is in use in the guest operating system.")))
}

/// Force takes effect only online, on KVM and for VBD; otherwise it is an ordinary detach.
fn is_forced(world: &World, part: &Part) -> bool {
    let server = world.server(&part.server_id);
    let scsi = part.volume_id.as_ref().and_then(|id| world.volume(id)).is_some_and(|volume| volume.scsi);
    let fits = server.is_some_and(|server| server.status == "ACTIVE" && server.hypervisor == Hypervisor::Kvm);
    part.force && fits && !scsi
}

/// The server's record follows its job.
pub(crate) fn settle_server(world: &mut World, kind: JobKind, part: &Part) {
    let worked = part.works();
    let forced = is_forced(world, part);
    let Some(volume_id) = &part.volume_id else {
        if let Some(server) = world.server_mut(&part.server_id) {
            server.task_state = None;
            if worked {
                let status = if kind == JobKind::Stop { "SHUTOFF" } else { "ACTIVE" };
                status.clone_into(&mut server.status);
                server.occupied.clear();
            }
        }
        return;
    };
    if kind.attaches() != worked {
        if let Some(server) = world.server_mut(&part.server_id) {
            let gone = server.disks.iter().position(|disk| disk.volume_id == *volume_id);
            let device = gone.map(|position| server.disks.remove(position).device);
            server.occupied.extend(device.filter(|_| forced));
        }
        if let Some(server) = world.lite_server_mut(&part.server_id) {
            server.disks.retain(|disk| disk.volume_id != *volume_id);
        }
    } else {
        set_server_phase(world, &part.server_id, volume_id, Phase::Attached);
        if let Some(disk) = world.server_mut(&part.server_id).and_then(|server| server.disk_mut(volume_id)) {
            disk.pci_address = device::pci_address(&disk.device, disk.scsi);
        }
    }
}

/// The volume's record follows its job.
pub(crate) fn settle_volume(world: &mut World, kind: JobKind, part: &Part, at: &str, leaves_error: bool) {
    let Some(volume_id) = &part.volume_id else { return };
    let server_id = evs_server_id(world, kind, &part.server_id);
    let Some(volume) = world.volume_mut(volume_id) else { return };
    if kind.attaches() != part.works() {
        volume.attachments.retain(|attachment| attachment.server_id != server_id);
    }
    for attachment in volume.attachments.iter_mut().filter(|attachment| attachment.server_id == server_id) {
        if attachment.phase == Phase::Attaching {
            at.clone_into(&mut attachment.attached_at);
        }
        attachment.phase = Phase::Attached;
    }
    volume.refresh_status();
    if leaves_error {
        let status = if kind.attaches() { "error" } else { "error_detaching" };
        status.clone_into(&mut volume.status);
    }
}
