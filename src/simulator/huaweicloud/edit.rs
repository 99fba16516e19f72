//! What can be done to the world behind a client's back: at once, without a job, and without a word to anybody.

use super::device;
use super::world::{Attachment, Disk, LiteDisk, Phase, World};
use crate::simulator::sides::fixed_id;

impl World {
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
        let device = device::next_free_in_evs(self, &evs_server_id);
        self.record_attachment(&evs_server_id, volume_id, &device);
    }

    fn record_attachment(&mut self, server_id: &str, volume_id: &str, device: &str) {
        let Some(volume) = self.volume_mut(volume_id) else { return };
        volume.attachments.push(Attachment {
            attachment_id: fixed_id(server_id, volume_id),
            server_id: server_id.to_owned(),
            device: device.to_owned(),
            attached_at: volume.created_at.clone(),
            phase: Phase::Attached,
        });
        volume.refresh_status();
    }

    /// Detaches a volume from a Lite Server on both sides at once, without an operation.
    pub fn detach_lite(&mut self, lite_server_id: &str, volume_id: &str) {
        let Some(server) = self.lite_server_mut(lite_server_id) else { return };
        server.disks.retain(|disk| disk.volume_id != volume_id);
        let evs_server_id = server.evs_server_id().to_owned();
        self.forget_attachment(&evs_server_id, volume_id);
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

    /// Deletes a Lite Server with its root volume; the others become available.
    pub fn delete_lite_server(&mut self, id: &str) {
        let Some(position) = self.lite_servers.iter().position(|server| server.id == id) else { return };
        let server = self.lite_servers.remove(position);
        for disk in &server.disks {
            if disk.root {
                self.delete_volume(&disk.volume_id);
            } else {
                self.forget_attachment(server.evs_server_id(), &disk.volume_id);
            }
        }
    }

    /// Deletes a Lite Server and leaves the volumes' records of it behind.
    pub fn delete_lite_server_leaving_records(&mut self, id: &str) {
        self.lite_servers.retain(|server| server.id != id);
    }
}
