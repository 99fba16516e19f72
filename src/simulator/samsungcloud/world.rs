//! Virtual Servers and block volumes, as data.

use serde::{Deserialize, Serialize};

use super::device;
pub use crate::simulator::sides::Phase;
use crate::simulator::sides::{check_disks, check_ids, sides};

/// What exists in Samsung Cloud Platform. The server's record of an attachment (a [`Disk`]), the volume's (an
/// [`Attachment`]) and the volume's `state` are three things, and may disagree.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct World {
    /// Virtual Servers.
    pub servers: Vec<Server>,
    /// Block volumes.
    pub volumes: Vec<Volume>,
}

/// A Virtual Server.
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
    pub zone: String,
    /// `ACTIVE`, `SHUTOFF`, …, as the vendor spells it.
    pub state: String,
    /// Locked: cannot be stopped, started or deleted.
    pub locked: bool,
    /// The auto-scaling group it belongs to.
    pub auto_scaling_group_id: Option<String>,
    /// `open_source`, `windows` or `rhel`.
    pub planned_compute_os_type: Option<String>,
    /// `virtual_server`, `gpu_server`, `k8s_vm` or `k8s_gpu_vm`.
    pub product_offering: Option<String>,
    /// `2026-01-01T00:00:00Z`.
    pub created_at: String,
    /// Its volumes, the boot volume first.
    pub disks: Vec<Disk>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: "server".to_owned(),
            region: String::new(),
            zone: "kr-west1-a".to_owned(),
            state: "ACTIVE".to_owned(),
            locked: false,
            auto_scaling_group_id: None,
            planned_compute_os_type: Some("open_source".to_owned()),
            product_offering: Some("virtual_server".to_owned()),
            created_at: "2026-01-01T00:00:00Z".to_owned(),
            disks: Vec::new(),
        }
    }
}

impl Server {
    /// A running server without any volume.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }
}

/// A server's record of a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disk {
    /// The volume.
    pub volume_id: String,
    /// An id of its own, shown when the `attachment_id` switch says so.
    pub id: String,
    /// `/dev/vda` or `/dev/sda` is the boot volume's.
    pub device: String,
    /// Whether the volume goes with the server.
    pub delete_on_termination: bool,
    /// Mounted in the guest.
    pub mounted: bool,
    /// How far it is.
    pub phase: Phase,
}

impl Disk {
    /// Whether the server boots from it.
    pub fn is_boot(&self) -> bool {
        [device::BOOT, device::BOOT_SD].contains(&self.device.as_str())
    }
}

/// A block volume.
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
    pub zone: String,
    /// `available`, `in-use`, …, as the vendor spells it.
    pub state: String,
    /// In GB.
    pub size: u32,
    /// `SSD`, `HDD`, `SSD_MultiAttach`, ….
    pub volume_type: String,
    /// Can be attached to several servers.
    pub multiattach: bool,
    /// Made from an image.
    pub bootable: bool,
    /// Encrypted.
    pub encrypted: bool,
    /// `2026-01-01T00:00:00Z`.
    pub created_at: String,
    /// Its servers.
    pub attachments: Vec<Attachment>,
}

impl Default for Volume {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: "volume".to_owned(),
            region: String::new(),
            zone: "kr-west1-a".to_owned(),
            state: "available".to_owned(),
            size: 16,
            volume_type: "SSD".to_owned(),
            multiattach: false,
            bootable: false,
            encrypted: false,
            created_at: "2026-01-01T00:00:00Z".to_owned(),
            attachments: Vec::new(),
        }
    }
}

impl Volume {
    /// An available volume.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }

    /// An available volume for several servers.
    pub fn shared(id: &str) -> Self {
        Self { multiattach: true, volume_type: "SSD_MultiAttach".to_owned(), ..Self::new(id) }
    }

    /// The state that follows from the records; of `server_id` it is taken for granted whether it is attached.
    pub(crate) fn state_with(&self, server_id: &str, attached: bool) -> &'static str {
        let has = |phase| self.attachments.iter().any(|a| a.server_id != server_id && a.phase == phase);
        match () {
            () if has(Phase::Attaching) => "attaching",
            () if has(Phase::Detaching) => "detaching",
            () if attached || has(Phase::Attached) => "in-use",
            () => "available",
        }
    }

    /// Brings the state in line with the records.
    pub(crate) fn refresh_state(&mut self) {
        self.state_with("", false).clone_into(&mut self.state);
    }
}

/// A volume's record of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attachment {
    /// The server.
    pub server_id: String,
    /// The device name on it.
    pub device: String,
    /// `2026-01-01T00:00:00Z`.
    pub attached_at: String,
    /// How far it is.
    pub phase: Phase,
}

sides!(refresh_state);

impl World {
    /// Looks for what cannot be.
    pub(crate) fn validate(&self) -> Result<(), String> {
        check_ids(self.ids())?;
        check_disks(self.disks(), |id| self.volume(id).is_some())
    }
}
