//! Device names and PCI addresses, by the rules of the vendor's page "Attaching a Disk to an ECS".

use super::switches::DeviceNames;
use super::world::{Hypervisor, Server, Volume, World};
use crate::simulator::device;

/// `/dev/vd` or `/dev/sd`: Xen and SCSI disks have the latter.
fn prefix(server: &Server, scsi: bool) -> &'static str {
    if scsi || server.hypervisor == Hypervisor::Xen { "/dev/sd" } else { "/dev/vd" }
}

/// The place of a new disk: 0 for a system volume when the server has none, else after the others.
pub(crate) fn next_boot_index(server: &Server, bootable: bool) -> u32 {
    let has_system_disk = server.disks.iter().any(|disk| disk.boot_index == 0);
    match server.disks.iter().map(|disk| disk.boot_index).max() {
        _ if bootable && !has_system_disk => 0,
        last => last.unwrap_or(0) + 1,
    }
}

/// The next free name.
pub(crate) fn next_free(server: &Server, scsi: bool) -> String {
    device::next_free(prefix(server, scsi), |name| is_taken(server, name))
}

/// The next name that EVS has not recorded for that server: a Lite Server keeps no names of its own.
pub(crate) fn next_free_in_evs(world: &World, server_id: &str) -> String {
    let recorded = |volume: &Volume| volume.attachment(server_id).map(|attachment| attachment.device.clone());
    let taken: Vec<_> = world.volumes.iter().filter_map(recorded).collect();
    device::next_free("/dev/sd", |name| taken.iter().any(|taken| taken == name))
}

/// Whether a disk, or the ghost of one detached by force, has that name.
pub(crate) fn is_taken(server: &Server, name: &str) -> bool {
    server.has_device(name) || server.occupied.iter().any(|device| device == name)
}

/// The name a server gives when `wanted` was asked for.
pub(crate) fn assigned(server: &Server, scsi: bool, wanted: Option<&str>, names: DeviceNames) -> String {
    let wanted = wanted.filter(|name| !name.is_empty());
    match (names, wanted) {
        (DeviceNames::Honoured, Some(name)) => name.to_owned(),
        (DeviceNames::Rules, Some(name)) => {
            let letters = name.strip_prefix("/dev/vd").or_else(|| name.strip_prefix("/dev/sd"));
            letters.map_or_else(|| name.to_owned(), |letters| format!("{}{letters}", prefix(server, scsi)))
        }
        (DeviceNames::Ignored, _) | (_, None) => next_free(server, scsi),
    }
}

/// A PCI address that follows from the name; SCSI disks have none.
pub(crate) fn pci_address(device: &str, scsi: bool) -> String {
    let letters = device.strip_prefix("/dev/vd").or_else(|| device.strip_prefix("/dev/sd")).unwrap_or(device);
    // Wrapping, because a name may be any text when the switch says so.
    let place = |letter: u8| u32::from(letter.wrapping_sub(b'a')) + 1;
    let slot = letters.bytes().fold(0_u32, |slot, letter| slot.wrapping_mul(26).wrapping_add(place(letter)));
    if scsi { String::new() } else { format!("0000:02:{:02x}.0", slot & 0xff) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::huaweicloud::world::Disk;

    fn kvm() -> Server {
        let disk = |device: &str| Disk { device: device.to_owned(), ..Disk::default() };
        Server {
            disks: vec![disk("/dev/vda"), disk("/dev/vdb")],
            occupied: vec!["/dev/vdc".to_owned()],
            ..Server::new("s")
        }
    }

    #[test]
    fn kvm_turns_sd_into_vd_except_for_scsi_and_xen_the_other_way_round() {
        let xen = Server { hypervisor: Hypervisor::Xen, ..Server::new("x") };
        let name = |server: &Server, scsi, wanted| assigned(server, scsi, Some(wanted), DeviceNames::Rules);
        assert_eq!(name(&kvm(), false, "/dev/sdf"), "/dev/vdf");
        assert_eq!(name(&kvm(), false, "/dev/vdf"), "/dev/vdf");
        assert_eq!(name(&kvm(), true, "/dev/sdf"), "/dev/sdf");
        assert_eq!(name(&xen, false, "/dev/vdf"), "/dev/sdf");
    }

    #[test]
    fn without_a_wish_or_with_the_switch_the_next_free_name_is_given() {
        assert_eq!(assigned(&kvm(), false, None, DeviceNames::Rules), "/dev/vdd", "c is occupied by a ghost");
        assert_eq!(assigned(&kvm(), false, Some("/dev/vdx"), DeviceNames::Ignored), "/dev/vdd");
        assert_eq!(assigned(&kvm(), false, Some("/dev/sdx"), DeviceNames::Honoured), "/dev/sdx");
    }

    #[test]
    fn sixty_disks_have_sixty_names() {
        let mut server = kvm();
        for _ in 0..60 {
            let device = next_free(&server, true);
            assert!(!is_taken(&server, &device));
            server.disks.push(Disk { device, ..Disk::default() });
        }
        assert_eq!(server.disks.last().map(|disk| disk.device.as_str()), Some("/dev/sdbi"));
    }

    #[test]
    fn pci_addresses_differ_and_scsi_has_none() {
        assert_eq!(pci_address("/dev/vda", false), "0000:02:01.0");
        assert_eq!(pci_address("/dev/vdb", false), "0000:02:02.0");
        assert_eq!(pci_address("/dev/vdaa", false), "0000:02:1b.0");
        assert_eq!(pci_address("/dev/sdb", true), "");
    }
}
