//! What can be done to the world behind a client's back: at once, without a job, and without a word to anybody.

use super::device;
use super::world::{Attachment, Disk, LiteDisk, Phase, World};

impl World {
    /// Whether both sides record the pair, at rest.
    pub fn is_attached(&self, server_id: &str, volume_id: &str) -> bool {
        let at_rest = |phase: Phase| phase == Phase::Attached;
        self.server(server_id).and_then(|s| s.disk(volume_id)).is_some_and(|disk| at_rest(disk.phase))
            && self.volume(volume_id).and_then(|v| v.attachment(server_id)).is_some_and(|a| at_rest(a.phase))
    }

    /// Attaches on both sides at once, without a job.
    pub fn attach(&mut self, server_id: &str, volume_id: &str) {
        self.detach(server_id, volume_id);
        let Some(volume) = self.volume(volume_id) else { return };
        let (scsi, bootable) = (volume.scsi, volume.bootable);
        let Some(server) = self.server_mut(server_id) else { return };
        let boot_index = device::next_boot_index(server, bootable);
        let device = match boot_index {
            0 => "/dev/vda".to_owned(),
            _ => device::next_free(server, scsi),
        };
        server.disks.push(Disk {
            volume_id: volume_id.to_owned(),
            device: device.clone(),
            scsi,
            pci_address: device::pci_address(&device, scsi),
            boot_index,
            delete_on_termination: boot_index == 0,
            ..Disk::default()
        });
        self.record_attachment(server_id, volume_id, &device);
    }

    /// Attaches a volume to a Lite Server on both sides at once, without an operation.
    pub fn attach_lite(&mut self, lite_server_id: &str, volume_id: &str) {
        self.detach_lite(lite_server_id, volume_id);
        let Some(server) = self.lite_server_mut(lite_server_id) else { return };
        let evs_server_id = server.evs_server_id().to_owned();
        server.disks.push(LiteDisk { volume_id: volume_id.to_owned(), ..LiteDisk::default() });
        self.record_attachment(&evs_server_id, volume_id, "/dev/sdb");
    }

    fn record_attachment(&mut self, server_id: &str, volume_id: &str, device: &str) {
        let Some(volume) = self.volume_mut(volume_id) else { return };
        volume.attachments.push(Attachment {
            attachment_id: attachment_id(server_id, volume_id),
            server_id: server_id.to_owned(),
            device: device.to_owned(),
            attached_at: volume.created_at.clone(),
            phase: Phase::Attached,
        });
        volume.refresh_status();
    }

    /// Detaches on both sides at once, without a job.
    pub fn detach(&mut self, server_id: &str, volume_id: &str) {
        self.forget_disk(server_id, volume_id);
        self.forget_attachment(server_id, volume_id);
    }

    /// Detaches a volume from a Lite Server on both sides at once, without an operation.
    pub fn detach_lite(&mut self, lite_server_id: &str, volume_id: &str) {
        let Some(server) = self.lite_server_mut(lite_server_id) else { return };
        server.disks.retain(|disk| disk.volume_id != volume_id);
        let evs_server_id = server.evs_server_id().to_owned();
        self.forget_attachment(&evs_server_id, volume_id);
    }

    /// Removes only the server's record of a pair: the volume's becomes stale.
    pub fn forget_disk(&mut self, server_id: &str, volume_id: &str) {
        if let Some(server) = self.server_mut(server_id) {
            server.disks.retain(|disk| disk.volume_id != volume_id);
        }
    }

    /// Removes only the volume's record of a pair.
    pub fn forget_attachment(&mut self, server_id: &str, volume_id: &str) {
        if let Some(volume) = self.volume_mut(volume_id) {
            volume.attachments.retain(|attachment| attachment.server_id != server_id);
            volume.refresh_status();
        }
    }

    /// Deletes a volume and every server's record of it.
    pub fn delete_volume(&mut self, id: &str) {
        self.volumes.retain(|volume| volume.id != id);
        for server in &mut self.servers {
            server.disks.retain(|disk| disk.volume_id != id);
        }
        for server in &mut self.lite_servers {
            server.disks.retain(|disk| disk.volume_id != id);
        }
    }

    /// Deletes a server with the volumes marked to go with it; the others become available.
    pub fn delete_server(&mut self, id: &str) {
        let Some(position) = self.servers.iter().position(|server| server.id == id) else { return };
        for disk in self.servers.remove(position).disks {
            if disk.delete_on_termination {
                self.delete_volume(&disk.volume_id);
            } else {
                self.forget_attachment(id, &disk.volume_id);
            }
        }
    }

    /// Deletes a server and leaves the volumes' records of it behind: the stale records of the field.
    pub fn delete_server_leaving_records(&mut self, id: &str) {
        self.servers.retain(|server| server.id != id);
    }
}

/// An attachment id that is the same in every run: worlds made by hand need no dice.
fn attachment_id(server_id: &str, volume_id: &str) -> String {
    let bits = |id: &str| uuid::Uuid::try_parse(id).map_or(0, |id| id.as_u128());
    let mixed = bits(server_id).rotate_left(64) ^ bits(volume_id);
    uuid::Builder::from_random_bytes(mixed.to_be_bytes()).into_uuid().to_string()
}
