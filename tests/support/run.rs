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
    time::{Instant, sleep, timeout},
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

    /// Waits for something that happens while the command runs.
    ///
    /// # Errors
    /// What was printed, when the command ends first or goes on for longer than any command may. It is killed then.
    pub(super) async fn until(&mut self, event: impl Future<Output = ()>) -> Result<(), String> {
        let how = tokio::select! {
            biased;
            () = event => return Ok(()),
            status = self.child.wait() => format!("ended first: {status:?}"),
            () = sleep(PATIENCE) => {
                let _ = kill_process_group(self.pid(), Signal::KILL);
                "was waited for in vain".to_owned()
            }
        };
        let (printed, complained) = ((&mut self.printed).await, (&mut self.complained).await);
        Err(format!(
            "`terraform {}` {how}\n{}\n{}",
            self.command,
            printed.unwrap_or_default(),
            complained.unwrap_or_default()
        ))
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
    /// The exit code; that of a plan is 0 only where there is nothing to do.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Asserts success.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        assert!(self.status.success(), "it failed: {self}");
        self
    }

    /// Asserts an error of Terraform's, or a kill; a plan with changes is neither.
    #[track_caller]
    pub(crate) fn fails(self) -> Failure {
        assert!(matches!(self.status.code(), Some(1) | None), "it did not fail: {self}");
        Failure(self)
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

    /// Asserts that each of `phrases` is in the standard output: the plan, the progress, the result. Errors are not there, and
    /// what a warning says is looked for by [`Run::warns`]: the plan shows most of the words that either of them has.
    #[track_caller]
    pub(crate) fn says(self, phrases: &[&str]) -> Self {
        assert_says(&words(&self.stdout), phrases, &self);
        self
    }

    /// Asserts that the practitioner was warned with each of `phrases`.
    #[track_caller]
    pub(crate) fn warns(self, phrases: &[&str]) -> Self {
        assert_says(&warnings(&self.stdout), phrases, &self);
        self
    }

    /// Asserts that each of `phrases` is in the log.
    #[track_caller]
    pub(crate) fn logs(self, phrases: &[&str]) -> Self {
        assert_says(&self.stderr, phrases, &self);
        self
    }

    /// Asserts that a text, a secret say, is nowhere in what was printed.
    #[track_caller]
    pub(crate) fn never_says(self, text: &str) -> Self {
        assert!(!self.stdout.contains(text) && !self.stderr.contains(text), "it says {text:?}: {self}");
        assert!(!words(&self.stdout).contains(text) && !words(&self.stderr).contains(text), "it says {text:?}: {self}");
        self
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`terraform {}` ended with {}\n{}\n{}", self.command, self.status, self.stdout, self.stderr)
    }
}

/// A command that has ended with an error.
#[derive(Debug)]
pub(crate) struct Failure(Run);

impl Failure {
    /// Asserts that the errors say each of `phrases`. Neither the plan that went before is looked at nor the lines of the
    /// configuration that Terraform quotes: they have every id and argument.
    #[track_caller]
    pub(crate) fn says(self, phrases: &[&str]) -> Self {
        let said: Vec<_> = self.stderr.lines().filter(|line| !is_quote(line)).collect();
        assert_says(&words(&said.join("\n")), phrases, &self);
        self
    }

    /// Asserts that an error is about this line of the configuration.
    #[track_caller]
    pub(crate) fn points_to(self, line: &str) -> Self {
        let quoted: Vec<_> = self.stderr.lines().filter(|line| is_quote(line)).collect();
        assert_says(&words(&quoted.join("\n")), &[line], &self);
        self
    }

    /// What the only error says that names this id.
    #[track_caller]
    pub(crate) fn about(&self, id: &str) -> String {
        let text = words(&self.stderr);
        let mut errors = text.split("Error: ").filter(|error| error.contains(id));
        let error = errors.next().unwrap_or_else(|| panic!("no error is about {id}: {self}"));
        assert!(errors.next().is_none(), "several errors are about {id}: {self}");
        error.to_owned()
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
        Self(self.0.never_says(text))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::ops::Deref for Failure {
    type Target = Run;

    fn deref(&self) -> &Run {
        &self.0
    }
}

#[track_caller]
fn assert_says(text: &str, phrases: &[&str], run: &Run) {
    for phrase in phrases {
        assert!(text.contains(phrase), "it does not say {phrase:?}: {run}");
    }
}

/// A text as one line, wherever Terraform broke it.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether Terraform quotes the configuration: the line's number, a colon, and the line.
fn is_quote(line: &str) -> bool {
    let number = line.trim_start().split_once(':').map(|(number, _)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What warnings say, without the one that the provider is not installed: from its heading on to what is none of it.
fn warnings(text: &str) -> String {
    const OTHERS: [&str; 8] = [
        "Apply complete!",
        "Destroy complete!",
        "No changes.",
        "Plan: ",
        "Terraform ",
        "Warning: Provider development overrides",
        "cloudvolume_",
        "────",
    ];
    let mut is_warning = false;
    let of_warnings = text.lines().filter(|line| {
        is_warning |= line.starts_with("Warning: ");
        is_warning &= !OTHERS.iter().any(|other| line.starts_with(other));
        is_warning && !is_quote(line)
    });
    words(&of_warnings.collect::<Vec<_>>().join("\n"))
}
