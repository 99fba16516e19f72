//! A command of Terraform's while it runs and when it has ended, and what it told the practitioner.

use std::{
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::process::Provider;

/// Longer than any command of any test takes; a hang becomes a failure that shows what was printed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A command that runs.
#[derive(Debug)]
pub(crate) struct Running {
    command: String,
    child: Child,
    printed: JoinHandle<String>,
    complained: JoinHandle<String>,
    started: Instant,
}

impl Running {
    pub(super) fn start(mut command: Command, name: String) -> Self {
        let started = Instant::now();
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("Terraform starts");
        let printed = collect(child.stdout.take().expect("a pipe"));
        let complained = collect(child.stderr.take().expect("a pipe"));
        Self { command: name, child, printed, complained, started }
    }

    /// Terraform's process, which is also its group.
    pub(crate) fn pid(&self) -> Pid {
        let id = self.child.id().expect("a process that was not waited for");
        Pid::from_raw(id.cast_signed()).expect("a process id")
    }

    /// Ctrl-C at a terminal: SIGINT to Terraform and to its providers.
    pub(crate) fn interrupt_group(&self) {
        kill_process_group(self.pid(), Signal::INT).expect("a signal sent");
    }

    /// What a CI runner sends: SIGINT to Terraform alone.
    pub(crate) fn interrupt_terraform(&self) {
        kill_process(self.pid(), Signal::INT).expect("a signal sent");
    }

    /// The provider's processes that Terraform has started and that live.
    pub(crate) fn providers(&self) -> Vec<Provider> {
        Provider::children_of(self.pid())
    }

    /// `kill -9` to the provider.
    pub(crate) fn kill_provider(&self) {
        let providers = self.providers();
        assert!(!providers.is_empty(), "Terraform runs no provider");
        for provider in providers {
            provider.kill();
        }
    }

    /// `kill -9` to Terraform, and to the provider with it: a machine that went down.
    pub(crate) fn kill_group(&self) {
        kill_process_group(self.pid(), Signal::KILL).expect("a signal sent");
    }

    /// Waits for the end without taking it.
    pub(crate) async fn ended(&mut self) {
        let _ = self.child.wait().await;
    }

    /// Waits for the end.
    pub(crate) async fn finish(mut self) -> Run {
        let Ok(status) = timeout(PATIENCE, self.child.wait()).await else {
            let _ = kill_process_group(self.pid(), Signal::KILL);
            let (printed, complained) = (self.printed.await, self.complained.await);
            panic!("`terraform {}` did not end:\n{printed:?}\n{complained:?}", self.command);
        };
        Run {
            took: self.started.elapsed(),
            command: self.command,
            status: status.expect("an exit status"),
            stdout: self.printed.await.expect("what was printed"),
            stderr: self.complained.await.expect("what was complained"),
        }
    }
}

fn collect(mut pipe: impl AsyncRead + Unpin + Send + 'static) -> JoinHandle<String> {
    tokio::spawn(async move {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).await.expect("a readable pipe");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Run {
    command: String,
    status: ExitStatus,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Run {
    /// Asserts success.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        assert!(self.status.success(), "it failed: {self}");
        self
    }

    /// Asserts an error of Terraform's, or a kill; a plan with changes is neither.
    #[track_caller]
    pub(crate) fn fails(self) -> Self {
        assert!(matches!(self.status.code(), Some(1) | None), "it did not fail: {self}");
        self
    }

    /// Asserts that a plan found nothing to do.
    #[track_caller]
    pub(crate) fn changes_nothing(self) -> Self {
        assert_eq!(self.status.code(), Some(0), "it is not an empty plan: {self}");
        self
    }

    /// Asserts that a plan found something to do.
    #[track_caller]
    pub(crate) fn changes_something(self) -> Self {
        assert_eq!(self.status.code(), Some(2), "it is not a plan with changes: {self}");
        self
    }

    /// Asserts that the practitioner was told each of `phrases`, wherever Terraform broke the lines.
    #[track_caller]
    pub(crate) fn says(self, phrases: &[&str]) -> Self {
        let text = self.text();
        for phrase in phrases {
            assert!(text.contains(phrase), "it does not say {phrase:?}: {self}");
        }
        self
    }

    /// Asserts that there were so many errors, each about one resource.
    #[track_caller]
    pub(crate) fn with_errors(self, count: usize) -> Self {
        let errors = self.stderr.matches("Error: ").count();
        assert_eq!(errors, count, "another number of errors: {self}");
        self
    }

    /// Asserts that a text, a secret say, is nowhere in what was printed.
    #[track_caller]
    pub(crate) fn never_says(self, text: &str) -> Self {
        assert!(!self.stdout.contains(text) && !self.stderr.contains(text), "it says {text:?}: {self}");
        self
    }

    /// Everything printed as one line: without the frame that Terraform draws and without its line breaks.
    pub(crate) fn text(&self) -> String {
        let words = |text: &str| text.replace(['│', '╷', '╵'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
        format!("{} {}", words(&self.stdout), words(&self.stderr))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`terraform {}` ended with {}\n{}\n{}", self.command, self.status, self.stdout, self.stderr)
    }
}
