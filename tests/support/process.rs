//! The provider's processes under a Terraform, found in `/proc`.

use std::{fs, path::Path};

use rustix::process::{Pid, Signal, kill_process};

/// A process of the provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Provider(Pid);

impl Provider {
    /// The children of `terraform` that run our binary. Children that run something else are not ours to touch.
    pub(super) fn children_of(terraform: Pid) -> Vec<Self> {
        let ours =
            fs::canonicalize(env!("CARGO_BIN_EXE_terraform-provider-cloudvolume")).expect("the provider's binary");
        let processes = fs::read_dir("/proc").expect("these tests look for the provider in /proc, which is Linux's");
        processes
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
            .filter(|pid| parent_of(*pid) == Some(terraform.as_raw_nonzero().get()))
            .filter(|pid| fs::read_link(folder(*pid).join("exe")).is_ok_and(|binary| binary == ours))
            .map(Self)
            .collect()
    }

    /// `kill -9`.
    pub(super) fn kill(self) {
        kill_process(self.0, Signal::KILL).expect("a signal sent");
    }

    /// The most memory that it has had resident, in KiB; none when it has ended.
    pub(crate) fn peak_memory(self) -> Option<u64> {
        let status = fs::read_to_string(folder(self.0).join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }
}

fn folder(pid: Pid) -> std::path::PathBuf {
    Path::new("/proc").join(pid.as_raw_nonzero().to_string())
}

fn parent_of(pid: Pid) -> Option<i32> {
    let stat = fs::read_to_string(folder(pid).join("stat")).ok()?;
    // The second field is the command in parentheses and may hold anything, blanks and parentheses included.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
