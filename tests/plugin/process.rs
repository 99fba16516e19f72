//! The server as a child process: this very test binary, told to be a plugin.
//!
//! libtest writes lines of its own to standard output; the rest is what the plugin wrote.

use std::{process::Stdio, time::Duration};

use cloudvolume::plugin::{self, Environment};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

use crate::provider::{INFO, TestProvider};

pub(crate) const MAGIC_COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");
/// How long anything in these tests may take before it counts as never.
pub(crate) const NEVER: Duration = Duration::from_secs(20);

/// Makes a process a child; holds the plugin's arguments.
const ARGUMENTS: &str = "PLUGIN_TEST_ARGUMENTS";

/// What the child runs. The parent is no plugin: nobody gave it the cookie, and as one it would say so and end.
#[test]
fn is_a_plugin() {
    let Some((_, arguments)) = std::env::vars_os().find(|(name, _)| name == ARGUMENTS) else {
        let environment = Environment::from_vars([]);
        assert!(
            plugin::serve(TestProvider::default(), INFO, &environment, []).is_err(),
            "it serves without the cookie"
        );
        return;
    };
    let arguments = arguments.to_str().unwrap().split_whitespace().map(Into::into);
    let environment = Environment::from_vars(std::env::vars_os());
    if let Err(error) = plugin::serve(TestProvider::default(), INFO, &environment, arguments) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

/// A plugin that runs, and dies with this value.
pub(crate) struct Process {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: UnboundedReceiver<String>,
    /// Of the socket; a child that is killed leaves it behind.
    _directory: TempDir,
}

impl Process {
    pub(crate) fn start(vars: &[(&str, &str)], arguments: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::is_a_plugin", "--nocapture"])
            .env_clear()
            .envs(vars.iter().copied())
            .env(ARGUMENTS, arguments)
            .env("PLUGIN_UNIX_SOCKET_DIR", directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, stderr) = unbounded_channel();
        // As Terraform does, it is read whether anybody wants it or not: a full pipe would hold the child.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = sender.send(line);
            }
        });
        Self { child, stdout, stderr, _directory: directory }
    }

    /// The next line that the plugin wrote to standard output; `None` when it ended.
    pub(crate) async fn stdout_line(&mut self) -> Option<String> {
        let of_libtest = |line: &str| line.is_empty() || line.starts_with("running ") || line.starts_with("test ");
        loop {
            let line = timeout(NEVER, self.stdout.next_line()).await.expect("no line came").unwrap()?;
            // Without a newline of its own libtest's line may run into the plugin's.
            let line = line.strip_prefix("test process::is_a_plugin ... ").map(str::to_owned).unwrap_or(line);
            if !of_libtest(&line) && line != "ok" {
                return Some(line);
            }
        }
    }

    /// Reads standard error until a line holds `text`.
    pub(crate) async fn wait_for_log(&mut self, text: &str) -> String {
        loop {
            let line = timeout(NEVER, self.stderr.recv()).await.expect("no line came");
            let line = line.unwrap_or_else(|| panic!("the process ended without saying {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap(), signal).unwrap();
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end and says whether it was a good one.
    pub(crate) async fn ends_well(&mut self) -> bool {
        timeout(NEVER, self.child.wait()).await.expect("the process does not end").unwrap().success()
    }
}
