//! Device names: `/dev/vda` for the boot volume, and on from `/dev/vdb` for the others.

use super::world::Server;

/// The boot volume's.
pub(crate) const BOOT: &str = "/dev/vda";

/// The first free name: one letter, and then two, as Linux counts on.
pub(crate) fn next_free(server: &Server) -> String {
    let letter = |letter: u8| char::from(letter).to_string();
    let one = (b'b'..=b'z').map(letter);
    let two = (b'a'..=b'z').map(|second| format!("a{}", char::from(second)));
    let mut names = one.chain(two).map(|letters| format!("/dev/vd{letters}"));
    names.find(|name| !is_taken(server, name)).unwrap_or_else(|| "/dev/vdzz".to_owned())
}

/// Whether a volume of the server has that name.
pub(crate) fn is_taken(server: &Server, name: &str) -> bool {
    server.disks.iter().any(|disk| disk.device == name)
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
            assert!(!is_taken(&server, &device) && device != BOOT);
            server.disks.push(Disk { device, ..Disk::default() });
        }
        assert_eq!(server.disks[0].device, "/dev/vdb");
        assert_eq!(server.disks[25].device, "/dev/vdaa");
    }
}
