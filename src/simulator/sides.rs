//! What the clouds' worlds have in common: an attachment is recorded on two sides, the server's and the volume's, and the
//! two may disagree.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// How far one side's record of an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// At rest.
    #[default]
    Attached,
    /// An attach was accepted and nothing of it is to be seen yet.
    Accepted,
    /// An attach is under way.
    Attaching,
    /// A detach is under way.
    Detaching,
}

/// Every id is a UUID, and is one thing's alone.
pub(crate) fn check_ids<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = HashSet::new();
    for id in ids {
        if uuid::Uuid::try_parse(id).is_err() {
            return Err(format!("{id:?} in the world is not a UUID"));
        }
        if !seen.insert(id) {
            return Err(format!("the world has the id {id} twice"));
        }
    }
    Ok(())
}

/// Every server's disk, given as the two's ids, is a volume that exists.
pub(crate) fn check_disks<'a>(
    mut disks: impl Iterator<Item = (&'a str, &'a str)>,
    exists: impl Fn(&str) -> bool,
) -> Result<(), String> {
    match disks.find(|(_, volume)| !exists(volume)) {
        Some((server, volume)) => Err(format!("server {server} has a disk {volume} that is no volume of the world")),
        None => Ok(()),
    }
}

/// An attachment's id that is the same in every run: worlds made by hand need no dice.
pub(crate) fn fixed_id(server_id: &str, volume_id: &str) -> String {
    let bits = |id: &str| uuid::Uuid::try_parse(id).map_or(0, |id| id.as_u128());
    let mixed = bits(server_id).rotate_left(64) ^ bits(volume_id);
    uuid::Builder::from_random_bytes(mixed.to_be_bytes()).into_uuid().to_string()
}

/// Gives a cloud's `World`, `Server` and `Volume` what finds and removes the records of both sides. They have the fields
/// `servers` and `volumes`, `disks` with a `volume_id` and a `device`, and `attachments` with a `server_id`; the cloud's own are
/// `World::delete_volume` and the method named here, which brings a volume's state in line with its records.
macro_rules! sides {
    ($refresh:ident) => {
        impl Server {
            /// Its record of a volume.
            pub fn disk(&self, volume_id: &str) -> Option<&Disk> {
                self.disks.iter().find(|disk| disk.volume_id == volume_id)
            }

            /// Its record of a volume, to change it.
            pub fn disk_mut(&mut self, volume_id: &str) -> Option<&mut Disk> {
                self.disks.iter_mut().find(|disk| disk.volume_id == volume_id)
            }

            /// Whether one of its volumes has that device name.
            pub(crate) fn has_device(&self, name: &str) -> bool {
                self.disks.iter().any(|disk| disk.device == name)
            }
        }

        impl Volume {
            /// Its record of a server.
            pub fn attachment(&self, server_id: &str) -> Option<&Attachment> {
                self.attachments.iter().find(|attachment| attachment.server_id == server_id)
            }

            /// Its record of a server, to change it.
            pub fn attachment_mut(&mut self, server_id: &str) -> Option<&mut Attachment> {
                self.attachments.iter_mut().find(|attachment| attachment.server_id == server_id)
            }
        }

        impl World {
            /// A server.
            pub fn server(&self, id: &str) -> Option<&Server> {
                self.servers.iter().find(|server| server.id == id)
            }

            /// A server, to change it.
            pub fn server_mut(&mut self, id: &str) -> Option<&mut Server> {
                self.servers.iter_mut().find(|server| server.id == id)
            }

            /// A volume.
            pub fn volume(&self, id: &str) -> Option<&Volume> {
                self.volumes.iter().find(|volume| volume.id == id)
            }

            /// A volume, to change it.
            pub fn volume_mut(&mut self, id: &str) -> Option<&mut Volume> {
                self.volumes.iter_mut().find(|volume| volume.id == id)
            }

            /// Whether both sides record the pair, at rest.
            pub fn is_attached(&self, server_id: &str, volume_id: &str) -> bool {
                let disk = self.server(server_id).and_then(|server| server.disk(volume_id));
                let attachment = self.volume(volume_id).and_then(|volume| volume.attachment(server_id));
                disk.is_some_and(|disk| disk.phase == Phase::Attached)
                    && attachment.is_some_and(|attachment| attachment.phase == Phase::Attached)
            }

            /// Detaches on both sides at once, and without a word to anybody.
            pub fn detach(&mut self, server_id: &str, volume_id: &str) {
                self.forget_disk(server_id, volume_id);
                self.forget_attachment(server_id, volume_id);
            }

            /// Removes only the server's record of a pair: the volume's becomes stale.
            pub fn forget_disk(&mut self, server_id: &str, volume_id: &str) {
                if let Some(server) = self.server_mut(server_id) {
                    server.disks.retain(|disk| disk.volume_id != volume_id);
                }
            }

            /// Removes only the volume's record of a pair.
            pub fn forget_attachment(&mut self, server_id: &str, volume_id: &str) {
                let volume = self.volume_mut(volume_id);
                // Of a volume without such a record nothing changes, whatever its state says.
                if let Some(volume) = volume.filter(|volume| volume.attachment(server_id).is_some()) {
                    volume.attachments.retain(|attachment| attachment.server_id != server_id);
                    volume.$refresh();
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

            /// The ids of servers and volumes.
            fn ids(&self) -> impl Iterator<Item = &str> {
                let servers = self.servers.iter().map(|server| server.id.as_str());
                servers.chain(self.volumes.iter().map(|volume| volume.id.as_str()))
            }

            /// What the servers record, as the ids of server and volume.
            fn disks(&self) -> impl Iterator<Item = (&str, &str)> {
                let disks = self.servers.iter().flat_map(|server| server.disks.iter().map(move |disk| (server, disk)));
                disks.map(|(server, disk)| (server.id.as_str(), disk.volume_id.as_str()))
            }
        }
    };
}

pub(crate) use sides;

/// The tests of a cloud's built-in world; the function named gives the id of a server's first volume.
#[cfg(test)]
macro_rules! test_built_in {
    ($first_volume_id:ident) => {
        #[test]
        fn the_built_in_world_is_possible_and_survives_json() {
            let world = World::built_in();
            world.validate().unwrap();
            let written = serde_json::to_string(&world).unwrap();
            assert_eq!(serde_json::from_str::<World>(&written).unwrap(), world);
            assert!(world.is_attached(&server_id(1), &$first_volume_id(1)));
        }

        #[test]
        fn a_world_with_a_contradiction_is_refused() {
            let mut world = World::built_in();
            world.volumes.retain(|volume| volume.id != $first_volume_id(1));
            assert!(world.validate().unwrap_err().contains("no volume of the world"));
            let mut world = World::fleet(1, 1, 0);
            world.servers.push(Server::new(&volume_id(1)));
            assert!(world.validate().unwrap_err().contains("twice"));
            world.servers.push(Server::new("web"));
            assert!(world.validate().is_err());
        }
    };
}

#[cfg(test)]
pub(crate) use test_built_in;

#[cfg(test)]
mod tests {
    use crate::simulator::{huaweicloud, samsungcloud};

    #[test]
    fn forgetting_what_is_not_recorded_leaves_the_state_alone() {
        let mut world = huaweicloud::World::fleet(1, 1, 0);
        let (server, volume) = (world.servers[0].id.clone(), world.volumes[0].id.clone());
        world.volumes[0].status = "error".to_owned();
        world.detach(&server, &volume);
        assert_eq!(world.volumes[0].status, "error");
        world.attach(&server, &volume);
        world.detach(&server, &volume);
        assert_eq!((world.volumes[0].status.as_str(), world.is_attached(&server, &volume)), ("available", false));

        let mut world = samsungcloud::World::fleet(1, 1, 0);
        let (server, volume) = (world.servers[0].id.clone(), world.volumes[0].id.clone());
        world.volumes[0].state = "error".to_owned();
        world.detach(&server, &volume);
        assert_eq!(world.volumes[0].state, "error");
        world.attach(&server, &volume);
        world.detach(&server, &volume);
        assert_eq!((world.volumes[0].state.as_str(), world.is_attached(&server, &volume)), ("available", false));
    }
}
