//! The resources under test, each with what the simulated cloud has for it.

use cloudvolume::simulator::{World, huaweicloud::Phase};

use super::account::{self, Account};

/// A resource type and its part of the built-in world.
#[derive(Debug)]
pub(crate) struct Subject {
    /// The resource type.
    pub(crate) kind: &'static str,
    /// Whose servers and volumes these are.
    pub(crate) account: &'static Account,
    /// Whether an attach and a detach become jobs that say how they ended.
    pub(crate) has_jobs: bool,
    /// The vendor's names of its calls.
    pub(crate) calls: Calls,
    /// What can be done behind our back.
    pub(crate) hands: Hands,
    /// Two running servers of one availability zone.
    pub(crate) servers: [&'static str; 2],
    /// The ids under which a volume's records name these servers.
    pub(crate) holders: [&'static str; 2],
    /// Free data volumes of the same availability zone.
    pub(crate) volumes: [&'static str; 4],
}

/// Operations as the journal names them.
#[derive(Debug)]
pub(crate) struct Calls {
    /// Sent once for each attach.
    pub(crate) attach: &'static str,
    /// Sent once for each detach.
    pub(crate) detach: &'static str,
    /// Asked while the cloud works: how far the job or the volume is.
    pub(crate) progress: &'static str,
    /// Changes `delete_on_termination`.
    pub(crate) update: &'static str,
}

/// Somebody else's hands: they look at, and change, both sides of the simulated cloud at once.
#[derive(Debug)]
pub(crate) struct Hands {
    pub(crate) is_attached: fn(&World, server: &str, volume: &str) -> bool,
    pub(crate) attach: fn(&mut World, server: &str, volume: &str),
    pub(crate) detach: fn(&mut World, server: &str, volume: &str),
    pub(crate) delete_server: fn(&mut World, server: &str),
    pub(crate) delete_volume: fn(&mut World, volume: &str),
    pub(crate) rename_device: fn(&mut World, server: &str, volume: &str, device: &str),
}

impl Subject {
    /// The address of the resource that [`super::stage::Stage::attachment`] writes.
    pub(crate) fn address(&self) -> String {
        format!("{}.test", self.kind)
    }

    /// The id of a pair.
    pub(crate) fn id(&self, server: usize, volume: usize) -> String {
        format!("{}/{}", self.servers[server], self.volumes[volume])
    }
}

const DATA_VOLUMES: [&str; 4] = [
    "d1000000-0000-4000-8000-000000000001",
    "d1000000-0000-4000-8000-000000000002",
    "d1000000-0000-4000-8000-000000000003",
    "d1000000-0000-4000-8000-000000000004",
];

/// ECS servers and EVS volumes.
pub(crate) static HUAWEICLOUD_ECS: Subject = Subject {
    kind: "cloudvolume_huaweicloud_ecs_attachment",
    account: &account::HUAWEICLOUD,
    has_jobs: true,
    calls: Calls {
        attach: "AttachServerVolume",
        detach: "DetachServerVolume",
        progress: "ShowJob",
        update: "UpdateServerBlockDevice",
    },
    hands: Hands {
        is_attached: |world, server, volume| world.huaweicloud.is_attached(server, volume),
        attach: |world, server, volume| world.huaweicloud.attach(server, volume),
        detach: |world, server, volume| world.huaweicloud.detach(server, volume),
        delete_server: |world, server| world.huaweicloud.delete_server(server),
        delete_volume: |world, volume| world.huaweicloud.delete_volume(volume),
        rename_device: |world, server, volume, device| {
            let disk = world.huaweicloud.server_mut(server).and_then(|server| server.disk_mut(volume));
            disk.expect("an attached volume").device = device.to_owned();
            let attachments = &mut world.huaweicloud.volume_mut(volume).expect("a volume").attachments;
            attachments.iter_mut().for_each(|attachment| attachment.device = device.to_owned());
        },
    },
    servers: ["5e000000-0000-4000-8000-000000000001", "5e000000-0000-4000-8000-000000000002"],
    holders: ["5e000000-0000-4000-8000-000000000001", "5e000000-0000-4000-8000-000000000002"],
    volumes: DATA_VOLUMES,
};

/// ModelArts Lite Servers and EVS volumes.
pub(crate) static HUAWEICLOUD_LITE_SERVER: Subject = Subject {
    kind: "cloudvolume_huaweicloud_lite_server_attachment",
    account: &account::HUAWEICLOUD,
    has_jobs: true,
    calls: Calls {
        attach: "AttachDevServerVolume",
        detach: "DetachDevServerVolume",
        progress: "GetDevServerOperation",
        update: "",
    },
    hands: Hands {
        is_attached: |world, server, volume| {
            let world = &world.huaweicloud;
            let Some(server) = world.lite_server(server) else { return false };
            let record = world.volume(volume).and_then(|volume| volume.attachment(server.evs_server_id()));
            server.disk(volume).is_some_and(|disk| disk.phase == Phase::Attached)
                && record.is_some_and(|record| record.phase == Phase::Attached)
        },
        attach: |world, server, volume| world.huaweicloud.attach_lite(server, volume),
        detach: |world, server, volume| world.huaweicloud.detach_lite(server, volume),
        delete_server: |world, server| {
            let disks = world.huaweicloud.lite_server(server).expect("a server").disks.clone();
            disks.iter().for_each(|disk| world.huaweicloud.detach_lite(server, &disk.volume_id));
            world.huaweicloud.lite_servers.retain(|other| other.id != server);
        },
        delete_volume: |world, volume| world.huaweicloud.delete_volume(volume),
        rename_device: |world, _, volume, device| {
            let attachments = &mut world.huaweicloud.volume_mut(volume).expect("a volume").attachments;
            attachments.iter_mut().for_each(|attachment| attachment.device = device.to_owned());
        },
    },
    servers: ["1e000000-0000-4000-8000-000000000001", "1e000000-0000-4000-8000-000000000002"],
    // What they are made of.
    holders: ["c1000000-0000-4000-8000-000000000001", "c1000000-0000-4000-8000-000000000002"],
    volumes: DATA_VOLUMES,
};

/// Virtual Servers and volumes of Samsung Cloud Platform.
pub(crate) static SAMSUNGCLOUD_VIRTUAL_SERVER: Subject = Subject {
    kind: "cloudvolume_samsungcloud_virtual_server_attachment",
    account: &account::SAMSUNGCLOUD,
    has_jobs: false,
    calls: Calls {
        attach: "AttachVolumeVirtualServer",
        detach: "DetachVolumeVirtualServer",
        progress: "ShowVolume",
        update: "SetVirtualServerVolume",
    },
    hands: Hands {
        is_attached: |world, server, volume| world.samsungcloud.is_attached(server, volume),
        attach: |world, server, volume| world.samsungcloud.attach(server, volume),
        detach: |world, server, volume| world.samsungcloud.detach(server, volume),
        delete_server: |world, server| world.samsungcloud.delete_server(server),
        delete_volume: |world, volume| world.samsungcloud.delete_volume(volume),
        rename_device: |world, server, volume, device| {
            let disk = world.samsungcloud.server_mut(server).and_then(|server| server.disk_mut(volume));
            disk.expect("an attached volume").device = device.to_owned();
            let attachments = &mut world.samsungcloud.volume_mut(volume).expect("a volume").attachments;
            attachments.iter_mut().for_each(|attachment| attachment.device = device.to_owned());
        },
    },
    servers: ["5c000000-0000-4000-8000-000000000001", "5c000000-0000-4000-8000-000000000002"],
    holders: ["5c000000-0000-4000-8000-000000000001", "5c000000-0000-4000-8000-000000000002"],
    volumes: [
        "d5000000-0000-4000-8000-000000000001",
        "d5000000-0000-4000-8000-000000000002",
        "d5000000-0000-4000-8000-000000000003",
        "d5000000-0000-4000-8000-000000000004",
    ],
};
