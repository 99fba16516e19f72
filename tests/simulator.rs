//! The simulator's binary as a shell runs it: in front of a reader who does not read to the end.

#![allow(clippy::expect_used, reason = "a test's way to fail")]

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// The simulator on free ports.
fn simulator(flags: &[&str], stdout: impl Into<Stdio>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloudvolume-simulator"));
    command.args(["--huaweicloud-address=127.0.0.1:0", "--samsungcloud-address=127.0.0.1:0"]).args(flags);
    command.stdout(stdout).stderr(Stdio::piped()).spawn().expect("the simulator")
}

/// Ends well, and without a word about a pipe.
fn assert_ends_well(child: Child) {
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn printing_to_nobody_is_no_failure() {
    for flag in ["--print-world", "--print-config"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        assert_ends_well(simulator(&[flag], writer));
    }
}

#[test]
#[cfg(unix)]
fn a_server_whose_first_line_was_enough_keeps_serving() {
    let mut child = simulator(&[], Stdio::piped());
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let (_, address) = line.trim_end().rsplit_once("http://").expect("an address");
    TcpStream::connect(address).expect("somebody who listens");
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("a signal");
    assert_ends_well(child);
}
