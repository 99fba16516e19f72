//! What can be done to the world behind a client's back: at once, and without a word to anybody.

use super::device;
use super::world::{Attachment, Disk, Phase, World};
use crate::simulator::sides::fixed_id;

impl World {
    /// Attaches on both sides at once. The first volume of a server, if bootable, is its boot volume.
    pub fn attach(&mut self, server_id: &str, volume_id: &str) {
        self.detach(server_id, volume_id);
        let Some(volume) = self.volume(volume_id) else { return };
        let (bootable, attached_at) = (volume.bootable, volume.created_at.clone());
        let Some(server) = self.server_mut(server_id) else { return };
        let boots = bootable && server.disks.is_empty();
        let device = if boots { device::BOOT.to_owned() } else { device::next_free(server) };
        server.disks.push(Disk {
            volume_id: volume_id.to_owned(),
            id: fixed_id(server_id, volume_id),
            device: device.clone(),
            delete_on_termination: boots,
            ..Disk::default()
        });
        let Some(volume) = self.volume_mut(volume_id) else { return };
        let server_id = server_id.to_owned();
        volume.attachments.push(Attachment { server_id, device, attached_at, phase: Phase::Attached });
        volume.refresh_state();
    }

    /// Deletes a volume and every server's record of it.
    pub fn delete_volume(&mut self, id: &str) {
        self.volumes.retain(|volume| volume.id != id);
        for server in &mut self.servers {
            server.disks.retain(|disk| disk.volume_id != id);
        }
    }
}
