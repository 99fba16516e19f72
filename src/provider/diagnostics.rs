//! Most text for people: what happened, as summaries and details.
//!
//! A detail says what was attempted on which ids, what the cloud answered, how long it took, and what to do next.

use std::{borrow::Cow, time::Duration};

use tf_provider::{AttributePath, Diagnostic, Diagnostics};

use super::{
    attachment::{
        api::{Cloud, Failure, JobFailure},
        drive::Problem,
        sight::Pair,
        step::Refusal,
    },
    config,
    duration::human,
};
use crate::{
    budget::Ended,
    ids::JobId,
    samsungcloud::{VersionNotice, VersionStatus},
    transport::ErrorKind,
};

/// An error at an attribute.
pub(crate) fn attribute_error(
    diags: &mut Diagnostics,
    attribute: AttributePath,
    summary: impl Into<Cow<'static, str>>,
    detail: String,
) {
    diags.errors.push(diagnostic(summary, detail, attribute));
}

/// An error at no attribute.
pub(crate) fn error(diags: &mut Diagnostics, summary: impl Into<Cow<'static, str>>, detail: String) {
    attribute_error(diags, AttributePath::root(), summary, detail);
}

/// A warning at an attribute.
pub(crate) fn attribute_warning(
    diags: &mut Diagnostics,
    attribute: AttributePath,
    summary: impl Into<Cow<'static, str>>,
    detail: String,
) {
    diags.warnings.push(diagnostic(summary, detail, attribute));
}

/// The warning that an API version is on its way out, or is not offered.
pub(crate) fn version_notice(diags: &mut Diagnostics, notice: &VersionNotice) {
    let (summary, what, wanted) = match &notice.listed {
        None => (
            "The API version is not offered by Samsung Cloud Platform",
            format!("The service does not list version {}.", notice.configured),
            "one of them",
        ),
        Some(listed) => {
            let until = match (listed.not_before, notice.remaining_days) {
                (Some(day), Some(days)) if days < 0 => format!("Its support ended on {day}."),
                (Some(day), _) => format!("It is supported until {day}."),
                (None, _) => "No day is set until which it is supported.".to_owned(),
            };
            let status = if listed.status == VersionStatus::Deprecated { "deprecated" } else { "offered" };
            (
                "The API version of Samsung Cloud Platform is on its way out",
                format!("Version {} is {status}. {until}", notice.configured),
                "a newer one",
            )
        }
    };
    let offered: Vec<_> = notice.offered.iter().map(|offered| offered.version.to_string()).collect();
    let detail = format!("{what}\n\nThe service offers {}: set api_version to {wanted}.", offered.join(", "));
    let path = AttributePath::new("samsungcloud");
    diags.warnings.push(diagnostic(summary, detail, path));
}

/// Written as a literal: `Diagnostic::new` would add a backtrace to what practitioners read.
fn diagnostic(summary: impl Into<Cow<'static, str>>, detail: String, attribute: AttributePath) -> Diagnostic {
    Diagnostic { summary: summary.into(), detail: detail.into(), attribute }
}

/// What was attempted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// Attaching.
    Attach,
    /// Detaching.
    Detach,
    /// Reading for a refresh.
    Read,
    /// Reading for an import.
    Import,
    /// Setting `delete_on_termination`.
    Update,
    /// Starting the server again after a detach.
    Start,
}

impl Action {
    fn noun(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Detach => "detach",
            Self::Read => "read",
            Self::Import => "import",
            Self::Update => "update",
            Self::Start => "start of the server",
        }
    }
}

/// One attempt, as far as texts need it.
#[derive(Clone, Debug)]
pub(crate) struct Report<'a> {
    /// The cloud's words.
    pub(crate) cloud: &'static Cloud,
    /// The region.
    pub(crate) region: &'a str,
    /// The pair.
    pub(crate) pair: &'a Pair,
    /// What was attempted.
    pub(crate) action: Action,
    /// How long it took.
    pub(crate) elapsed: Duration,
    /// How long it could have taken.
    pub(crate) timeout: Duration,
    /// The job that was followed, if there was one.
    pub(crate) job: Option<JobId>,
    /// Whether Terraform's state keeps the attachment.
    pub(crate) kept: bool,
}

impl Report<'_> {
    /// The error that says why the attempt failed.
    pub(crate) fn problem(&self, problem: &Problem) -> Diagnostic {
        match problem {
            Problem::Refused(refusal) => self.refusal(refusal),
            Problem::Call(failure) => self.failure(failure),
            Problem::Job(failure) => self.job(failure),
            Problem::NotThere => self.diagnostic(
                "The volume is not attached",
                "The cloud does not list it on both sides.",
                "Compare the ids and the region with the cloud's console. What is not attached needs no import: apply attaches it.",
                AttributePath::root(),
            ),
            Problem::Ended { ended: Ended::DeadlineExceeded, waiting_for } => self.timeout_passed(waiting_for),
            Problem::Ended { ended: Ended::Stopped, waiting_for } => self.diagnostic(
                format!("The {} was interrupted", self.action.noun()),
                &format!("Last seen: {}.", trim(waiting_for)),
                match self.action {
                    _ if self.job.is_some() || self.kept => {
                        "Nothing is lost: the next plan or apply goes on from what is there."
                    }
                    Action::Import => "Nothing was changed: import again.",
                    _ => "Nothing is under way: what was sent, if anything, the cloud refused or failed. Apply again.",
                },
                AttributePath::root(),
            ),
        }
    }

    /// The warning of a create that was interrupted after its call was sent.
    pub(crate) fn interrupted_create(&self, waiting_for: &str) -> Diagnostic {
        self.diagnostic(
            "Interrupted while the volume is being attached",
            &format!("Last seen: {}.", trim(waiting_for)),
            "The attachment is in the state. The next plan or apply looks at it again: it stays when the cloud \
             finished, and is removed with the reason when the cloud failed. Nothing is sent twice.",
            AttributePath::root(),
        )
    }

    /// The warning that an attachment was there before it was created.
    pub(crate) fn adopted(&self) -> Diagnostic {
        self.diagnostic(
            "The volume was attached already",
            "The pair was attached before this run, by an earlier run that was cut off or by somebody else.",
            "It is now managed here; nothing was sent to the cloud. Make sure that no other configuration manages it too.",
            AttributePath::root(),
        )
    }

    /// The warning that a refresh removes the attachment from the state, with the reason.
    pub(crate) fn removed(&self, reason: &str) -> Diagnostic {
        self.diagnostic(
            "The attachment is removed from the state",
            reason,
            "The next plan proposes to attach the volume again.",
            AttributePath::root(),
        )
    }

    /// A warning of this attempt.
    pub(crate) fn warning(&self, summary: &'static str, what: &str, next: &str) -> Diagnostic {
        self.diagnostic(summary, what, next, AttributePath::root())
    }

    fn refusal(&self, refusal: &Refusal) -> Diagnostic {
        let (server, volume) = (AttributePath::new("server_id"), AttributePath::new("volume_id"));
        let root = AttributePath::root();
        match refusal {
            Refusal::NoServer => self.diagnostic(
                "The server does not exist",
                &format!("{} knows no {} {}.", self.cloud.name, self.cloud.server, self.pair.server),
                "Check server_id, the region and the project or account of the credentials.",
                server,
            ),
            Refusal::NoVolume => self.diagnostic(
                "The volume does not exist",
                &format!("{} knows no {} {}.", self.cloud.name, self.cloud.volume, self.pair.volume),
                "Check volume_id, the region and the project or account of the credentials.",
                volume,
            ),
            Refusal::SystemVolume => self.diagnostic(
                "This is the server's system volume",
                "The server boots from it. This provider neither attaches nor detaches system volumes.",
                "Use a data volume here; a state that holds this attachment by mistake is freed with `terraform state rm`.",
                volume,
            ),
            Refusal::HeldBy(servers) => self.diagnostic(
                "The volume is attached to another server",
                &format!(
                    "It is attached to {} and is not shared (multiattach), so it can be on one server only.",
                    servers.iter().map(|server| format!("server {server}")).collect::<Vec<_>>().join(", ")
                ),
                "Detach it there first. It is never detached from a server that this resource does not own.",
                volume,
            ),
            Refusal::Zones { server: here, volume: there } => self.diagnostic(
                "Server and volume are in different availability zones",
                &format!("The server is in {here}, the volume in {there}; a volume is attached within its own zone only."),
                "Use a server in the volume's zone, or copy the volume by a snapshot.",
                volume,
            ),
            Refusal::ServerState(status) => self.diagnostic(
                format!("The server's state does not allow the {}", self.action.noun()),
                &format!("Its status is {status}."),
                "Bring it into a running or stopped state and apply again.",
                server,
            ),
            Refusal::ServerLocked => self.diagnostic(
                "The server is locked",
                "on_destroy is \"stop_then_detach\", and a locked server cannot be stopped and started. Nothing was stopped.",
                "Unlock the server; or unmount the file system, set on_destroy to \"detach\", apply that change alone, and \
                 destroy again.",
                server,
            ),
            Refusal::VolumeState(status) => self.diagnostic(
                format!("The volume's state does not allow the {}", self.action.noun()),
                &format!("Its status is {status}."),
                "Only the cloud's console or support can bring it back to a usable state.",
                volume,
            ),
            Refusal::StaleRecord => self.diagnostic(
                "The volume keeps a stale record of this attachment",
                "The volume still lists the server, while the server does not list the volume or does not exist, and \
                 nothing is under way.",
                // A destroy goes by what is in the state, so that the option has to get there first.
                &match (self.action, self.cloud.stale_record_option) {
                    (Action::Detach, Some(option)) => format!(
                        "Set {option} = true, apply that change alone, and destroy again: the destroy releases the record. \
                         Put the resource back into the configuration if it was taken out. Or drop the attachment from the \
                         state with `terraform state rm`."
                    ),
                    (_, Some(option)) => {
                        format!("Set {option} = true and apply again: the record is released first.")
                    }
                    (Action::Detach, None) => "Ask the cloud's support to clear the record, or drop the attachment from \
                                               the state with `terraform state rm`."
                        .to_owned(),
                    (_, None) => "Ask the cloud's support to clear the record.".to_owned(),
                },
                volume,
            ),
            Refusal::Disagreement => self.diagnostic(
                "The cloud's lists contradict each other",
                "The server lists the volume, while the volume does not list the server, and nothing is under way.",
                "Apply again after a while; if it stays so, only the cloud's support can clear it.",
                root,
            ),
            Refusal::FellBack => self.diagnostic(
                format!("The {} was accepted and then taken back by the cloud", self.action.noun()),
                "It began, and the volume then went back to where it was, without a reason.",
                self.unmount_hint("Apply again; look into the server's own log for the cause."),
                root,
            ),
            Refusal::NoEffect => self.diagnostic(
                format!("The {} was sent and had no effect", self.action.noun()),
                "No error was answered, and nothing changed on either side.",
                self.unmount_hint("Apply again."),
                root,
            ),
        }
    }

    fn failure(&self, failure: &Failure) -> Diagnostic {
        let block = self.cloud.block;
        let skew = failure
            .clock_skew
            .map(|skew| format!("This machine's clock is {} off the cloud's: set it right.", human(skew)));
        let next: Cow<'_, str> = match failure.kind {
            ErrorKind::Unauthenticated => match skew {
                Some(skew) => skew.into(),
                None => format!("Check the credentials of {block}: the keys, their region, and that they are active.")
                    .into(),
            },
            ErrorKind::PermissionDenied => {
                // A frozen account answers the same way.
                format!(
                    "Grant the permission for {} to the credentials of {block}; the provider's index page names the \
                     permissions. If the cloud's answer speaks of the account, settle that with the cloud first.",
                    failure.operation
                )
                .into()
            }
            ErrorKind::NoSuchRoute => {
                format!("Check the region and the endpoints of {block}: this address does not lead to the cloud's API.")
                    .into()
            }
            ErrorKind::Unreachable => {
                format!("Check the network, the proxy, and the region and endpoints of {block}.").into()
            }
            ErrorKind::Throttled => "Lower requests_per_second or -parallelism, or apply again later.".into(),
            ErrorKind::Quota => "Detach something, or use another server or volume.".into(),
            ErrorKind::Configuration => {
                format!("Correct the configuration of {block}. Settings are looked for in {}.", config::places(block))
                    .into()
            }
            ErrorKind::Invalid if self.action == Action::Update && block == "huaweicloud" => {
                "The cloud changes this for no system, shared or prepaid volume: remove delete_on_termination from the \
                 configuration."
                    .into()
            }
            ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::NotAttached | ErrorKind::AlreadyAttached => {
                self.cloud.refusal_hint.unwrap_or("Compare the ids with the cloud's console.").into()
            }
            ErrorKind::Conflict => {
                "Something is in the way: another operation, a lock on the server or the volume, or a shared volume that is \
                 on as many servers as it may be. Clear what the cloud names, or apply again later."
                    .into()
            }
            ErrorKind::Server | ErrorKind::AnswerLost | ErrorKind::Malformed => {
                "Apply again: what is there is looked at before anything is sent.".into()
            }
            ErrorKind::Stopped | ErrorKind::DeadlineExceeded => "Apply again.".into(),
        };
        self.diagnostic(
            format!("The {} failed: {}", self.action.noun(), kind_text(failure.kind)),
            &format!("{}.", trim(&failure.text)),
            &next,
            AttributePath::root(),
        )
    }

    fn job(&self, failure: &JobFailure) -> Diagnostic {
        let mut detail = format!("Job {} failed with {}: {}.", failure.job, failure.code, trim(&failure.reason));
        if self.kept {
            detail.push_str(" The attachment stays in the state as it was.");
        }
        self.diagnostic(
            format!("The cloud failed to {} the volume", self.action.noun()),
            &detail,
            self.unmount_hint("Correct the cause that the cloud names and apply again."),
            AttributePath::root(),
        )
    }

    fn timeout_passed(&self, waiting_for: &str) -> Diagnostic {
        let next = match (self.action, self.kept) {
            (Action::Attach, true) => {
                "The attachment is in the state, marked as tainted. If the cloud completes it, `terraform untaint` keeps \
                 it; otherwise the next apply detaches what is there and attaches again. To allow more time, set timeouts.create."
            }
            (Action::Attach, false) => "Nothing is under way. To allow more time, set timeouts.create.",
            (Action::Detach, _) if self.job.is_some() => {
                "The attachment stays in the state, and the next destroy asks the same job before it sends anything. Is \
                 the file system unmounted in the guest? To allow more time, set timeouts.delete."
            }
            (Action::Detach, _) => {
                "The attachment stays in the state, and the next destroy looks at what is there before it sends anything. \
                 Is the file system unmounted in the guest? To allow more time, set timeouts.delete."
            }
            (Action::Start, _) => {
                "This provider stopped the server and has not seen it run again. The attachment stays in the state: the next \
                 destroy starts the server. To allow more time, set timeouts.delete."
            }
            (Action::Update, _) => {
                "Whether the cloud took the change shows in the next plan. To allow more time, set timeouts.update."
            }
            (Action::Read, _) => "Nothing was changed. To allow more time, set timeouts.read.",
            (Action::Import, _) => "Nothing was changed: import again.",
        };
        self.diagnostic(
            format!("The {} did not finish in time", self.action.noun()),
            &format!("Last seen: {}.", trim(waiting_for)),
            next,
            AttributePath::new("timeouts"),
        )
    }

    fn unmount_hint<'t>(&self, otherwise: &'t str) -> &'t str {
        if self.action == Action::Detach {
            "Is the file system unmounted and the disk unused in the guest? Unmount it and run the same command again. A \
             change of on_destroy counts once it has been applied by itself."
        } else {
            otherwise
        }
    }

    /// What, on which ids, how long, what next.
    fn diagnostic(
        &self,
        summary: impl Into<Cow<'static, str>>,
        what: &str,
        next: &str,
        attribute: AttributePath,
    ) -> Diagnostic {
        let mut detail =
            format!("{what}\n\nVolume {}, server {}, {}", self.pair.volume, self.pair.server, self.cloud.name);
        // It may be the catalog's only one, and the catalog may not have been read.
        if !self.region.is_empty() {
            detail.push_str(&format!(" in region {}", self.region));
        }
        detail.push('.');
        if let Some(job) = &self.job {
            detail.push_str(&format!(" Job {job}."));
        }
        // What is refused before anything was asked takes no time worth a word.
        if self.elapsed >= Duration::from_millis(100) {
            detail.push_str(&format!(" After {} of {}.", human(self.elapsed), human(self.timeout)));
        }
        if !next.is_empty() {
            detail.push_str("\n\n");
            detail.push_str(next);
        }
        diagnostic(summary, detail, attribute)
    }
}

/// What a kind of error is called in a summary.
fn kind_text(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "not found",
        ErrorKind::AlreadyAttached => "already attached",
        ErrorKind::NotAttached => "not attached",
        ErrorKind::Conflict => "the server or the volume does not allow it now",
        ErrorKind::Quota => "a limit is reached",
        ErrorKind::Invalid => "the cloud refused the request",
        ErrorKind::Unauthenticated => "the cloud does not accept the credentials",
        ErrorKind::PermissionDenied => "the cloud does not permit it",
        ErrorKind::NoSuchRoute => "no such API at this address",
        ErrorKind::Throttled => "throttled",
        ErrorKind::Server => "the cloud has an error of its own",
        ErrorKind::AnswerLost => "the answer was lost",
        ErrorKind::Unreachable => "the cloud cannot be reached",
        ErrorKind::Malformed => "the answer cannot be read",
        ErrorKind::Configuration => "the configuration does not fit",
        ErrorKind::Stopped => "interrupted",
        ErrorKind::DeadlineExceeded => "out of time",
    }
}

/// Without a full stop of its own, since ours follows.
fn trim(text: &str) -> &str {
    text.trim().trim_end_matches('.')
}

#[cfg(test)]
#[path = "diagnostics_tests.rs"]
mod tests;
