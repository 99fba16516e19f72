//! Device names: `/dev/vda` for the boot volume, and on from `/dev/vdb` for the others.

use super::world::Server;
use crate::simulator::device;

/// The boot volume's.
pub(crate) const BOOT: &str = "/dev/vda";

/// The first free name.
pub(crate) fn next_free(server: &Server) -> String {
    device::next_free("/dev/vd", |name| server.has_device(name))
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
}
