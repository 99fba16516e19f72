//! The built-in world, and worlds of any size for load tests. Every id is fixed: the guide and the demo print them.

use super::world::{CloudServer, Hypervisor, LiteDisk, LiteServer, Server, Volume, World};

/// `5e…`: the n-th server.
pub fn server_id(n: usize) -> String {
    format!("5e000000-0000-4000-8000-{n:012}")
}

/// `d1…`: the n-th data volume.
pub fn volume_id(n: usize) -> String {
    format!("d1000000-0000-4000-8000-{n:012}")
}

/// `da…`: the n-th shared volume.
pub fn shared_volume_id(n: usize) -> String {
    format!("da000000-0000-4000-8000-{n:012}")
}

/// `b0…`: the system volume of the n-th server; from 101 on, the root volume of the n-th Lite Server.
pub fn system_volume_id(n: usize) -> String {
    format!("b0000000-0000-4000-8000-{n:012}")
}

/// `1e…`: the n-th Lite Server.
pub fn lite_server_id(n: usize) -> String {
    format!("1e000000-0000-4000-8000-{n:012}")
}

/// `c1…`: what the n-th Lite Server is made of.
pub fn cloud_server_id(n: usize) -> String {
    format!("c1000000-0000-4000-8000-{n:012}")
}

impl World {
    /// Six servers, eight data volumes, two shared ones and three Lite Servers; nothing but system volumes is attached.
    pub fn built_in() -> Self {
        let mut world = Self::fleet(6, 8, 2);
        let names = ["web-1", "web-2", "db-1", "elsewhere-1", "xen-1", "locked-1"];
        for (server, name) in world.servers.iter_mut().zip(names) {
            name.clone_into(&mut server.name);
            match name {
                "db-1" => "SHUTOFF".clone_into(&mut server.status),
                "elsewhere-1" => "cn-north-4b".clone_into(&mut server.availability_zone),
                "xen-1" => server.hypervisor = Hypervisor::Xen,
                "locked-1" => server.locked = true,
                _ => {}
            }
        }
        for (volume, n) in world.volumes.iter_mut().zip(1..) {
            match n {
                5 => "cn-north-4b".clone_into(&mut volume.availability_zone),
                6 => volume.scsi = true,
                7 => volume.locked = true,
                8 => volume.prepaid = true,
                _ => {}
            }
        }
        for n in 1..=3 {
            let mut server = LiteServer::new(&lite_server_id(n), &cloud_server_id(n));
            server.name = format!("lite-{n}");
            let root = system_volume_id(100 + n);
            world.volumes.push(Volume { name: format!("{}-root", server.name), size: 100, ..system_volume(&root) });
            server.disks.push(LiteDisk { volume_id: root, root: true, original: true, ..LiteDisk::default() });
            match n {
                2 => {
                    "STOPPED".clone_into(&mut server.status);
                    "HPS".clone_into(&mut server.category);
                    server.cloud_server = CloudServer {
                        id: None,
                        kind: "HPS".to_owned(),
                        hps_id: Some("c2000000-0000-4000-8000-000000000002".to_owned()),
                        hps_ecs_id: Some(cloud_server_id(n)),
                    };
                }
                3 => "BMS".clone_into(&mut server.cloud_server.kind),
                _ => {}
            }
            world.lite_servers.push(server);
        }
        world
    }

    /// Running servers with a system volume each, and available volumes, plain and shared, all in one zone.
    pub fn fleet(servers: usize, volumes: usize, shared: usize) -> Self {
        let mut world = Self::default();
        for n in 1..=volumes {
            world.volumes.push(Volume { name: format!("data-{n}"), ..Volume::new(&volume_id(n)) });
        }
        for n in 1..=shared {
            world.volumes.push(Volume { name: format!("shared-{n}"), ..Volume::shared(&shared_volume_id(n)) });
        }
        for n in 1..=servers {
            let name = format!("server-{n}");
            let system = system_volume_id(n);
            world.volumes.push(Volume { name: format!("{name}-system"), ..system_volume(&system) });
            world.servers.push(Server { name, ..Server::new(&server_id(n)) });
            world.attach(&server_id(n), &system);
        }
        world
    }
}

fn system_volume(id: &str) -> Volume {
    Volume { bootable: true, size: 40, ..Volume::new(id) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::sides::test_built_in;

    test_built_in!(system_volume_id);
}
