//! What can be done to the world behind a client's back: at once, and without a word to anybody.

use super::device;
use super::world::{Attachment, Disk, Phase, World};

impl World {
    /// Whether both sides record the pair, at rest.
    pub fn is_attached(&self, server_id: &str, volume_id: &str) -> bool {
        let at_rest = |phase: Phase| phase == Phase::Attached;
        self.server(server_id).and_then(|s| s.disk(volume_id)).is_some_and(|disk| at_rest(disk.phase))
            && self.volume(volume_id).and_then(|v| v.attachment(server_id)).is_some_and(|a| at_rest(a.phase))
    }

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
            id: own_id(server_id, volume_id),
            device: device.clone(),
            delete_on_termination: boots,
            ..Disk::default()
        });
        let Some(volume) = self.volume_mut(volume_id) else { return };
        let server_id = server_id.to_owned();
        volume.attachments.push(Attachment { server_id, device, attached_at, phase: Phase::Attached });
        volume.refresh_state();
    }

    /// Detaches on both sides at once.
    pub fn detach(&mut self, server_id: &str, volume_id: &str) {
        self.forget_disk(server_id, volume_id);
        self.forget_attachment(server_id, volume_id);
    }

    /// Removes only the server's record of a pair.
    pub fn forget_disk(&mut self, server_id: &str, volume_id: &str) {
        if let Some(server) = self.server_mut(server_id) {
            server.disks.retain(|disk| disk.volume_id != volume_id);
        }
    }

    /// Removes only the volume's record of a pair.
    pub fn forget_attachment(&mut self, server_id: &str, volume_id: &str) {
        let volume = self.volume_mut(volume_id);
        if let Some(volume) = volume.filter(|volume| volume.attachment(server_id).is_some()) {
            volume.attachments.retain(|attachment| attachment.server_id != server_id);
            volume.refresh_state();
        }
    }

    /// Deletes a volume and every server's record of it.
    pub fn delete_volume(&mut self, id: &str) {
        self.volumes.retain(|volume| volume.id != id);
        for server in &mut self.servers {
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

    /// Deletes a server and leaves the volumes' records of it behind.
    pub fn delete_server_leaving_records(&mut self, id: &str) {
        self.servers.retain(|server| server.id != id);
    }
}

/// An attachment id that is the same in every run: worlds made by hand need no dice.
pub(crate) fn own_id(server_id: &str, volume_id: &str) -> String {
    let bits = |id: &str| uuid::Uuid::try_parse(id).map_or(0, |id| id.as_u128());
    let mixed = bits(server_id).rotate_left(64) ^ bits(volume_id);
    uuid::Builder::from_random_bytes(mixed.to_be_bytes()).into_uuid().to_string()
}
