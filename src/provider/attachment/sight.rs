//! What one look at a (server, volume) pair shows, on both of the cloud's sides.

use crate::ids::{ServerId, VolumeId};

/// The pair that one resource is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Pair {
    /// The server.
    pub(crate) server: ServerId,
    /// The volume.
    pub(crate) volume: VolumeId,
}

/// One look at a pair. A cloud keeps two lists, the server's disks and the volume's attachments, and either may lag;
/// the pair is judged by both, never by the volume's overall status alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sight {
    /// The server; none when the cloud itself says that it does not exist.
    pub(crate) server: Option<ServerSight>,
    /// The volume; none when the cloud itself says that it does not exist.
    pub(crate) volume: Option<VolumeSight>,
    /// What the cloud knows of the attachment; only meaningful while a side lists the pair.
    pub(crate) facts: Facts,
}

/// The server's side.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerSight {
    /// Whether the server lists the volume among its disks.
    pub(crate) lists_volume: bool,
    /// Whether the volume's side contradicts that and is to be believed: the server's list may be old, for good.
    pub(crate) list_may_be_old: bool,
    /// The status as the cloud writes it.
    pub(crate) status: String,
    /// What the status means for an attach or a detach.
    pub(crate) readiness: Readiness,
    /// Whether the server is locked against power operations.
    pub(crate) locked: bool,
    /// The availability zone, where the cloud has them.
    pub(crate) zone: Option<String>,
    /// Whether this volume is the one the server boots from.
    pub(crate) boots_from_volume: bool,
}

/// The volume's side.
#[derive(Clone, Debug, Default)]
pub(crate) struct VolumeSight {
    /// Whether the volume lists the server among its attachments.
    pub(crate) lists_server: bool,
    /// The other servers that it lists.
    pub(crate) others: Vec<ServerId>,
    /// The status as the cloud writes it.
    pub(crate) status: String,
    /// What the status means for an attach or a detach.
    pub(crate) state: VolumeState,
    /// Whether several servers may hold it at a time.
    pub(crate) multiattach: bool,
    /// The availability zone, where the cloud has them.
    pub(crate) zone: Option<String>,
}

/// What a server's status means for us.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Readiness {
    /// Running: a disk can be attached and detached.
    #[default]
    Running,
    /// Shut down: likewise.
    Stopped,
    /// On its way to another state.
    Transient,
    /// In a state that only a person can end.
    Unfit,
}

/// What a volume's status means for us.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum VolumeState {
    /// Attached to no server.
    #[default]
    Available,
    /// Attached to one server or more.
    InUse,
    /// An attach is under way, of whichever server.
    Attaching,
    /// A detach is under way, of whichever server.
    Detaching,
    /// Busy with something else that will end: creating, extending, backing up.
    Busy,
    /// Broken; only a person or support can end it.
    Error,
}

/// What the cloud knows of an attachment; a resource shows those that its cloud has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Facts {
    /// The region that it was found in, where only the cloud can tell.
    pub(crate) region: Option<String>,
    /// The device name that the cloud reports.
    pub(crate) device: Option<String>,
    /// The cloud's own id of the attachment record.
    pub(crate) attachment_id: Option<String>,
    /// When it was attached (RFC 3339).
    pub(crate) attached_at: Option<String>,
    /// `virtio` or `scsi`.
    pub(crate) bus: Option<String>,
    /// The PCI address inside the guest.
    pub(crate) pci_address: Option<String>,
    /// Whether the volume goes when the server goes.
    pub(crate) delete_on_termination: Option<bool>,
    /// The volume's size in GiB.
    pub(crate) size: Option<i64>,
    /// The volume's type.
    pub(crate) volume_type: Option<String>,
}

impl Sight {
    /// Whether the server's side lists the pair.
    pub(crate) fn on_server(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.lists_volume)
    }

    /// Whether the volume's side lists the pair.
    pub(crate) fn on_volume(&self) -> bool {
        self.volume.as_ref().is_some_and(|volume| volume.lists_server)
    }

    /// Whether any side lists the pair that is to be believed.
    pub(crate) fn listed(&self) -> bool {
        self.on_volume() || (self.on_server() && !self.list_may_be_old())
    }

    /// Whether only a list that may be old has the pair.
    pub(crate) fn list_may_be_old(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.list_may_be_old)
    }

    /// The attach or detach that the volume's status says is under way and that may be this pair's. The status of a
    /// shared volume is about whichever of its servers: there it counts while the two lists disagree, and an attach also
    /// while both list the pair and the disk has no address yet, since lists may show what is still being attached.
    pub(crate) fn moving(&self) -> Option<VolumeState> {
        let volume = self.volume.as_ref()?;
        let may_be_ours = !volume.multiattach || self.on_server() != self.on_volume();
        match volume.state {
            VolumeState::Attaching => {
                let unfinished = self.on_server() && self.on_volume() && self.facts.pci_address.is_none();
                (may_be_ours || unfinished).then_some(VolumeState::Attaching)
            }
            VolumeState::Detaching => may_be_ours.then_some(VolumeState::Detaching),
            _ => None,
        }
    }

    /// Attached: both sides list the pair and nothing is under way.
    pub(crate) fn attached(&self) -> bool {
        self.on_server() && self.on_volume() && self.moving().is_none()
    }

    /// Whether other servers hold the volume, which is not shared.
    pub(crate) fn held_elsewhere(&self) -> bool {
        self.volume.as_ref().is_some_and(|volume| !volume.multiattach && !volume.others.is_empty())
    }

    /// Detached: no side lists the pair and nothing is under way that may be this pair's. A cloud may reserve a volume
    /// before either side lists what it is being attached to.
    pub(crate) fn detached(&self) -> bool {
        !self.listed() && (self.server.is_none() || self.held_elsewhere() || self.moving().is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pair that both sides list, of a shared volume with this status.
    fn shared(state: VolumeState, pci_address: Option<&str>) -> Sight {
        Sight {
            server: Some(ServerSight { lists_volume: true, ..ServerSight::default() }),
            volume: Some(VolumeSight { lists_server: true, multiattach: true, state, ..VolumeSight::default() }),
            facts: Facts { pci_address: pci_address.map(str::to_owned), ..Facts::default() },
        }
    }

    #[test]
    fn a_shared_volume_that_is_being_attached_elsewhere_is_attached_where_its_disk_has_an_address() {
        assert!(shared(VolumeState::Attaching, Some("0000:02:02.0")).attached());
        assert!(shared(VolumeState::Detaching, Some("0000:02:02.0")).attached());
        assert!(shared(VolumeState::InUse, None).attached(), "SCSI disks never have one");
    }

    #[test]
    fn a_shared_volume_that_both_sides_list_while_it_is_being_attached_is_not_attached_yet() {
        let sight = shared(VolumeState::Attaching, None);
        assert_eq!((sight.attached(), sight.moving()), (false, Some(VolumeState::Attaching)));
    }
}
