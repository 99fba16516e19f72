//! The built-in world, and worlds of any size for load tests. Every id is fixed: the guide and the demo print them.

use super::world::{Server, Volume, World};

/// `5c…`: the n-th Virtual Server.
pub fn server_id(n: usize) -> String {
    format!("5c000000-0000-4000-8000-{n:012}")
}

/// `d5…`: the n-th data volume.
pub fn volume_id(n: usize) -> String {
    format!("d5000000-0000-4000-8000-{n:012}")
}

/// `d6…`: the n-th MultiAttach volume.
pub fn shared_volume_id(n: usize) -> String {
    format!("d6000000-0000-4000-8000-{n:012}")
}

/// `b5…`: the boot volume of the n-th server.
pub fn boot_volume_id(n: usize) -> String {
    format!("b5000000-0000-4000-8000-{n:012}")
}

impl World {
    /// Seven servers, six data volumes and two MultiAttach ones; nothing but boot volumes is attached.
    pub fn built_in() -> Self {
        let mut world = Self::fleet(7, 6, 2);
        let names = ["web-1", "web-2", "db-1", "scaled-1", "locked-1", "windows-1", "east-1"];
        for (server, name) in world.servers.iter_mut().zip(names) {
            name.clone_into(&mut server.name);
            match name {
                "db-1" => "SHUTOFF".clone_into(&mut server.state),
                "scaled-1" => {
                    server.auto_scaling_group_id = Some("a5000000-0000-4000-8000-000000000001".to_owned());
                }
                "locked-1" => server.locked = true,
                "windows-1" => server.planned_compute_os_type = Some("windows".to_owned()),
                "east-1" => {
                    "kr-east1".clone_into(&mut server.region);
                    "kr-east1-a".clone_into(&mut server.zone);
                }
                _ => {}
            }
        }
        for volume in &mut world.volumes {
            if volume.id == volume_id(5) {
                "kr-west1-b".clone_into(&mut volume.zone);
            }
            if volume.id == volume_id(6) || volume.id == boot_volume_id(7) {
                "kr-east1".clone_into(&mut volume.region);
                "kr-east1-a".clone_into(&mut volume.zone);
            }
        }
        world
    }

    /// Running servers with a boot volume each, and available volumes, plain and MultiAttach, all in one zone.
    pub fn fleet(servers: usize, volumes: usize, shared: usize) -> Self {
        let mut world = Self::default();
        for n in 1..=volumes {
            world.volumes.push(Volume { name: format!("data-{n}"), ..Volume::new(&volume_id(n)) });
        }
        for n in 1..=shared {
            world.volumes.push(Volume { name: format!("shared-{n}"), ..Volume::shared(&shared_volume_id(n)) });
        }
        for n in 1..=servers {
            let (name, boot) = (format!("server-{n}"), boot_volume_id(n));
            world.volumes.push(Volume { name: format!("{name}-boot"), bootable: true, size: 40, ..Volume::new(&boot) });
            world.servers.push(Server { name, ..Server::new(&server_id(n)) });
            world.attach(&server_id(n), &boot);
        }
        world
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::sides::test_built_in;

    test_built_in!(boot_volume_id);
}
