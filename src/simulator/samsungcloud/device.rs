//! Device names: `/dev/vda` or `/dev/sda` for the boot volume, and on from `/dev/vdb` or `/dev/sdb` for the others.

use super::world::Server;
use crate::simulator::device;

/// The boot volume's, and its other spelling.
pub(crate) const BOOT: &str = "/dev/vda";
pub(crate) const BOOT_SD: &str = "/dev/sda";

/// The first free name, spelled as the boot volume's.
pub(crate) fn next_free(server: &Server) -> String {
    let boot = if server.has_device(BOOT_SD) { BOOT_SD } else { BOOT };
    device::next_free(boot.trim_end_matches('a'), |name| server.has_device(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::samsungcloud::world::Disk;

    #[test]
    fn twenty_six_volumes_besides_the_boot_volume_have_names() {
        let mut server = Server::new("s");
        for _ in 0..26 {
            let device = next_free(&server);
            assert!(!server.has_device(&device) && device != BOOT);
            server.disks.push(Disk { device, ..Disk::default() });
        }
        assert_eq!(server.disks[0].device, "/dev/vdb");
        assert_eq!(server.disks[25].device, "/dev/vdaa");
    }

    #[test]
    fn the_others_are_spelled_as_the_boot_volume_is() {
        let disk = |device: &str| Disk { device: device.to_owned(), ..Disk::default() };
        let server = Server { disks: vec![disk(BOOT_SD), disk("/dev/sdb")], ..Server::new("s") };
        assert!(server.disks[0].is_boot() && !server.disks[1].is_boot());
        assert_eq!(next_free(&server), "/dev/sdc");
    }
}
