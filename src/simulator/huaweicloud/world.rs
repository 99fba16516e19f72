//! Servers, volumes and Lite Servers, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::simulator::sides::Phase;
use crate::simulator::sides::{check_disks, check_ids, sides};

/// What exists in Huawei Cloud. The server's record of an attachment (a [`Disk`]) and the volume's (an [`Attachment`])
/// are two records, and may disagree.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct World {
    /// ECS servers.
    pub servers: Vec<Server>,
    /// EVS volumes.
    pub volumes: Vec<Volume>,
    /// ModelArts Lite Servers.
    pub lite_servers: Vec<LiteServer>,
}

/// What runs a server; it decides the device names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hypervisor {
    /// Names are `/dev/vd*`.
    #[default]
    Kvm,
    /// Names are `/dev/sd*`.
    Xen,
}

/// An ECS server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// A UUID.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region; the configuration's first when empty.
    pub region: String,
    /// A volume must be in the same one.
    pub availability_zone: String,
    /// `ACTIVE`, `SHUTOFF`, …, as the vendor spells it.
    pub status: String,
    /// `powering-off` and so on while something is under way.
    pub task_state: Option<String>,
    /// Locked by an administrator.
    pub locked: bool,
    /// What runs it.
    pub hypervisor: Hypervisor,
    /// The flavor's name.
    pub flavor: String,
    /// Most disks, the system disk included.
    pub max_disks: u32,
    /// Most VBD disks among them.
    pub max_vbd: u32,
    /// Most SCSI disks among them.
    pub max_scsi: u32,
    /// Its block devices, the system disk first.
    pub disks: Vec<Disk>,
    /// Device names that a forced detach left occupied until the next stop.
    pub occupied: Vec<String>,
    /// Key and value pairs.
    pub metadata: BTreeMap<String, String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: "server".to_owned(),
            region: String::new(),
            availability_zone: "cn-north-4a".to_owned(),
            status: "ACTIVE".to_owned(),
            task_state: None,
            locked: false,
            hypervisor: Hypervisor::Kvm,
            flavor: "s6.large.2".to_owned(),
            max_disks: 60,
            max_vbd: 24,
            max_scsi: 59,
            disks: Vec::new(),
            occupied: Vec::new(),
            metadata: BTreeMap::from([("charging_mode".to_owned(), "0".to_owned())]),
        }
    }
}

impl Server {
    /// A running server without any disk.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }
}

/// A server's record of an attached volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disk {
    /// The volume.
    pub volume_id: String,
    /// `/dev/vdb`.
    pub device: String,
    /// `scsi` instead of `virtio`.
    pub scsi: bool,
    /// Empty for SCSI and while attaching.
    pub pci_address: String,
    /// 0 for the system disk.
    pub boot_index: u32,
    /// Whether the volume goes with the server.
    pub delete_on_termination: bool,
    /// Whether the guest uses it: then an online detach fails in the job unless it is forced.
    pub mounted: bool,
    /// How far it is.
    pub phase: Phase,
}

/// An EVS volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Volume {
    /// A UUID.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region; the configuration's first when empty.
    pub region: String,
    /// A server must be in the same one.
    pub availability_zone: String,
    /// In GB.
    pub size: u32,
    /// `GPSSD`, `SSD`, …
    pub volume_type: String,
    /// `available`, `in-use`, …, as the vendor spells it.
    pub status: String,
    /// Whether several servers may share it.
    pub multiattach: bool,
    /// Whether it is or was a system disk.
    pub bootable: bool,
    /// SCSI instead of VBD.
    pub scsi: bool,
    /// Encrypted.
    pub encrypted: bool,
    /// Locked: a detach fails in the job.
    pub locked: bool,
    /// Prepaid: `delete_on_termination` cannot be set.
    pub prepaid: bool,
    /// Who has it.
    pub attachments: Vec<Attachment>,
    /// Key and value pairs.
    pub metadata: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: String,
}

impl Default for Volume {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: "volume".to_owned(),
            region: String::new(),
            availability_zone: "cn-north-4a".to_owned(),
            size: 10,
            volume_type: "GPSSD".to_owned(),
            status: "available".to_owned(),
            multiattach: false,
            bootable: false,
            scsi: false,
            encrypted: false,
            locked: false,
            prepaid: false,
            attachments: Vec::new(),
            metadata: BTreeMap::new(),
            created_at: "2026-01-02T03:04:05.678901".to_owned(),
        }
    }
}

impl Volume {
    /// An available VBD data volume of 10 GB.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }

    /// The same, but shared.
    pub fn shared(id: &str) -> Self {
        Self { multiattach: true, ..Self::new(id) }
    }

    /// Sets the status that its attachments call for.
    pub(crate) fn refresh_status(&mut self) {
        let any = |phase| self.attachments.iter().any(|attachment| attachment.phase == phase);
        let status = if any(Phase::Attaching) {
            "attaching"
        } else if any(Phase::Detaching) {
            "detaching"
        } else if self.attachments.iter().all(|attachment| attachment.phase == Phase::Accepted) {
            "available"
        } else {
            "in-use"
        };
        status.clone_into(&mut self.status);
    }
}

/// A volume's record of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attachment {
    /// EVS's own id, a UUID; only `os-detach` takes it.
    pub attachment_id: String,
    /// The server.
    pub server_id: String,
    /// `/dev/vdb`.
    pub device: String,
    /// UTC without a zone.
    pub attached_at: String,
    /// How far it is.
    pub phase: Phase,
}

/// A ModelArts Lite Server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiteServer {
    /// A UUID in lower case, of RFC 4122's versions and variant.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region; the configuration's first when empty.
    pub region: String,
    /// A volume must be in the same one.
    pub availability_zone: String,
    /// `RUNNING`, `STOPPED`, …, as the vendor spells it.
    pub status: String,
    /// `SERVER`, `HPS` or `SPOD`.
    pub category: String,
    /// `A3`, or hardware on which disks cannot be changed.
    pub hardware: String,
    /// The flavor's name.
    pub flavor: String,
    /// What it is made of.
    pub cloud_server: CloudServer,
    /// Its volumes, the root volume first.
    pub disks: Vec<LiteDisk>,
}

impl Default for LiteServer {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: "lite-server".to_owned(),
            region: String::new(),
            availability_zone: "cn-north-4a".to_owned(),
            status: "RUNNING".to_owned(),
            category: "SERVER".to_owned(),
            hardware: "A3".to_owned(),
            flavor: "physical.a3.8xlarge".to_owned(),
            cloud_server: CloudServer::default(),
            disks: Vec::new(),
        }
    }
}

impl LiteServer {
    /// A running Lite Server of type ECS on A3 hardware.
    pub fn new(id: &str, cloud_server_id: &str) -> Self {
        let cloud_server =
            CloudServer { id: Some(cloud_server_id.to_owned()), kind: "ECS".to_owned(), ..CloudServer::default() };
        Self { id: id.to_owned(), cloud_server, ..Self::default() }
    }

    /// Its record of a volume.
    pub fn disk(&self, volume_id: &str) -> Option<&LiteDisk> {
        self.disks.iter().find(|disk| disk.volume_id == volume_id)
    }

    /// The id under which EVS knows it.
    pub fn evs_server_id(&self) -> &str {
        let of_hps = self.cloud_server.hps_ecs_id.as_ref();
        of_hps.or(self.cloud_server.id.as_ref()).unwrap_or(&self.id)
    }
}

/// What a Lite Server is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CloudServer {
    /// The underlying server's id.
    pub id: Option<String>,
    /// `ECS`, `BMS` or `HPS`.
    pub kind: String,
    /// For an HPS.
    pub hps_id: Option<String>,
    /// For an HPS: the ECS in it.
    pub hps_ecs_id: Option<String>,
}

/// A Lite Server's record of a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiteDisk {
    /// The volume.
    pub volume_id: String,
    /// `ROOT` instead of `DATA`.
    pub root: bool,
    /// Came with the server: what a stale list still shows.
    pub original: bool,
    /// How far it is.
    pub phase: Phase,
}

sides!(refresh_status);

impl World {
    /// A Lite Server.
    pub fn lite_server(&self, id: &str) -> Option<&LiteServer> {
        self.lite_servers.iter().find(|server| server.id == id)
    }

    /// A Lite Server, to change it.
    pub fn lite_server_mut(&mut self, id: &str) -> Option<&mut LiteServer> {
        self.lite_servers.iter_mut().find(|server| server.id == id)
    }

    /// Looks for what cannot be.
    pub(crate) fn validate(&self) -> Result<(), String> {
        check_ids(self.ids().chain(self.lite_servers.iter().map(|server| server.id.as_str())))?;
        let lite = self.lite_servers.iter().flat_map(|server| server.disks.iter().map(move |disk| (server, disk)));
        let lite = lite.map(|(server, disk)| (server.id.as_str(), disk.volume_id.as_str()));
        check_disks(self.disks().chain(lite), |id| self.volume(id).is_some())
    }
}
