//! The life of an attachment, the same on every cloud: create, read, update, delete, import.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tf_provider::{AttributePath, Diagnostic, Diagnostics, value::Value};

use super::{
    api::AttachmentApi,
    drive::{Drive, Problem, Reached, job_of},
    ledger::{Ledger, Operation, Private},
    model::{Model, OnDestroy, known_bool},
    power::StoppedServers,
    sight::{Pair, Readiness, Sight},
    step::{Goal, Refusal},
};
use crate::{
    budget::{Budget, Ended},
    plugin::{CallContext, Outcome, Stored},
    provider::diagnostics::{Action, Report},
};

/// What a server that was stopped may take to start after the deadline of a detach that took all the time there was; a stop
/// ends it all the same.
const START_GRACE: Duration = Duration::from_secs(120);

/// What goes with a create that failed and may have an effect yet.
const TAINTED: &str = "The attachment is in the state, marked as tainted, because what was sent may still complete. If it \
    does, `terraform untaint` keeps it; otherwise the next apply detaches what is there and attaches again.";

/// One call of Terraform about one attachment.
pub(crate) struct Life<M> {
    api: Arc<dyn AttachmentApi>,
    region: String,
    model: M,
    pair: Pair,
    ledger: Ledger,
    budget: Budget,
    stopped_servers: StoppedServers,
}

impl<M: Model> Life<M> {
    /// Begins: the budget runs from here.
    pub(crate) fn new(
        api: Arc<dyn AttachmentApi>,
        stored: Stored<M, Private>,
        timeout: Duration,
        context: &CallContext,
        now: fn() -> SystemTime,
        stopped_servers: StoppedServers,
    ) -> Self {
        Self {
            region: api.region(),
            pair: stored.state.common().pair(),
            ledger: Ledger::new(stored.private, now),
            budget: Budget::new(timeout, context.stop.clone()),
            model: stored.state,
            api,
            stopped_servers,
        }
    }

    /// Attaches, or adopts what is attached already.
    pub(crate) async fn create(self, diags: &mut Diagnostics) -> Outcome<M, Private> {
        // In a replacement Terraform hands over what belongs to the attachment that was destroyed just now.
        self.ledger.clear();
        match self.drive(Goal::Attached, true).run().await {
            Ok(Reached { sight, ours }) => {
                if !ours {
                    diags.warnings.push(self.report(Action::Attach, true).adopted());
                }
                let sight = self.apply_delete_on_termination(sight, diags).await;
                self.present(&sight)
            }
            Err(problem) => {
                let hint = self.explain(&problem).await;
                self.not_created(&problem, hint, diags)
            }
        }
    }

    /// What may be wrong with an id that leads nowhere.
    async fn explain(&self, problem: &Problem) -> Option<String> {
        match problem {
            Problem::Refused(Refusal::NoServer) => self.api.explain_missing_server(&self.pair, &self.budget).await,
            _ => None,
        }
    }

    /// What the state becomes when the create did not reach its goal: what was sent and has not ended stays in it.
    fn not_created(mut self, problem: &Problem, hint: Option<String>, diags: &mut Diagnostics) -> Outcome<M, Private> {
        let kept = self.ledger.pending().is_some();
        let report = self.report(Action::Attach, kept);
        match problem {
            // Not an error: Terraform would taint the attachment, and the next apply would detach a good one.
            Problem::Ended { ended: Ended::Stopped, waiting_for } if kept => {
                diags.warnings.push(report.interrupted_create(waiting_for));
            }
            _ => {
                let error = with_hint(report.problem(problem), hint);
                // That of an end of the time says so itself.
                let tainted = kept && !matches!(problem, Problem::Ended { .. });
                diags.errors.push(with_hint(error, tainted.then(|| TAINTED.to_owned())));
            }
        }
        if !kept {
            return Outcome { state: None, private: Private::default() };
        }
        let region = self.region.clone();
        self.model.common_mut().absorb(&region, &Sight::default());
        self.model.absorb(&super::sight::Facts::default());
        Outcome { state: Some(self.model), private: self.ledger.private() }
    }

    /// Refreshes; settles what an earlier run left under way.
    pub(crate) async fn read(self, diags: &mut Diagnostics) -> Option<Outcome<M, Private>> {
        if let Some(pending) = self.ledger.pending() {
            return self.settle(pending.operation, diags).await;
        }
        match self.api.look_shared(&self.pair, &self.budget).await {
            Ok(sight) => Some(self.seen(&sight, diags)),
            Err(failure) => {
                diags.errors.push(self.report(Action::Read, true).problem(&super::drive::problem(failure)));
                None
            }
        }
    }

    async fn settle(self, operation: Operation, diags: &mut Diagnostics) -> Option<Outcome<M, Private>> {
        let goal = match operation {
            Operation::Attach => Goal::Attached,
            Operation::Detach => Goal::Detached,
        };
        match (self.drive(goal, false).run().await, goal) {
            (Ok(Reached { sight, .. }), Goal::Attached) => Some(self.present(&sight)),
            (Ok(Reached { sight, .. }), Goal::Detached) => Some(self.removed(&sight, diags)),
            // The detach of an earlier run had no effect, or left one side behind: what is to be done is for the next
            // destroy, and a refresh that failed would keep Terraform from ever coming to it.
            (Err(Problem::NotThere | Problem::Job(_) | Problem::Refused(_)), Goal::Detached) => {
                self.look_again(diags).await
            }
            (Err(Problem::Ended { waiting_for, .. }), _) => {
                let what = format!(
                    "An earlier run began to {} the volume, and that is still under way: {waiting_for}.",
                    operation.verb()
                );
                let next = "The state keeps what it had; the next refresh looks again.";
                diags.warnings.push(self.report(Action::Read, true).warning(
                    "The attachment is not settled yet",
                    &what,
                    next,
                ));
                let private = self.ledger.private();
                Some(Outcome { state: Some(self.model), private })
            }
            (Err(problem @ (Problem::Job(_) | Problem::Refused(_) | Problem::NotThere)), Goal::Attached) => {
                let reason = match &problem {
                    Problem::Job(failure) => format!(
                        "The attach that an earlier run began failed: job {}, {}: {}.",
                        failure.job, failure.code, failure.reason
                    ),
                    _ => "The attach that an earlier run began had no lasting effect.".to_owned(),
                };
                // The pair decides, not the job.
                self.removed_unless_listed(&reason, diags).await
            }
            (Err(problem), _) => {
                diags.errors.push(self.report(Action::Read, true).problem(&problem));
                None
            }
        }
    }

    async fn look_again(self, diags: &mut Diagnostics) -> Option<Outcome<M, Private>> {
        self.ledger.settled();
        match self.api.look(&self.pair, &self.budget).await {
            Ok(sight) => Some(self.seen(&sight, diags)),
            Err(failure) => {
                diags.errors.push(self.report(Action::Read, true).problem(&super::drive::problem(failure)));
                None
            }
        }
    }

    async fn removed_unless_listed(self, reason: &str, diags: &mut Diagnostics) -> Option<Outcome<M, Private>> {
        self.ledger.settled();
        match self.api.look(&self.pair, &self.budget).await {
            Ok(sight) if sight.listed() => Some(self.present(&sight)),
            Ok(_) => {
                diags.warnings.push(self.report(Action::Read, false).removed(reason));
                Some(gone())
            }
            Err(failure) => {
                diags.errors.push(self.report(Action::Read, true).problem(&super::drive::problem(failure)));
                None
            }
        }
    }

    /// What a look means for the state: a side that lists the pair keeps it.
    fn seen(self, sight: &Sight, diags: &mut Diagnostics) -> Outcome<M, Private> {
        if !sight.listed() {
            return self.removed(sight, diags);
        }
        if sight.on_volume() && !sight.on_server() && sight.moving().is_none() {
            diags.warnings.push(self.report(Action::Read, true).warning(
                "The volume lists the server, the server does not list the volume",
                "Either the cloud's lists have not settled, or this is a stale record.",
                "The state keeps the attachment until both sides agree that it is gone.",
            ));
        }
        self.present(sight)
    }

    /// What is gone leaves the state, unless an earlier run stopped the server and did not come to start it: the state is
    /// all that remembers it.
    fn removed(self, sight: &Sight, diags: &mut Diagnostics) -> Outcome<M, Private> {
        let down = sight.server.as_ref().is_some_and(|server| server.readiness != Readiness::Running);
        if !(down && self.ledger.must_start()) {
            return gone();
        }
        diags.warnings.push(self.report(Action::Read, true).warning(
            "The volume is detached, and the server is not started again yet",
            "An earlier run stopped the server to detach the volume and was cut off before it started it again.",
            "The state keeps the attachment: destroying it starts the server. Once the server runs, however it was started, \
             the next refresh removes the attachment from the state.",
        ));
        self.still_there()
    }

    /// Sets what can be set without detaching.
    pub(crate) async fn update(self, prior: M, diags: &mut Diagnostics) -> Outcome<M, Private> {
        let wanted = self.model.wish().delete_on_termination;
        let private = self.ledger.private();
        match wanted {
            Some(value) if prior.wish().delete_on_termination != Some(value) => {
                match self.api.set_delete_on_termination(&self.pair, value, &self.budget).await {
                    Ok(()) => Outcome { state: Some(self.model), private },
                    Err(failure) => {
                        let mut report = self.report(Action::Update, true).problem(&super::drive::problem(failure));
                        report.attribute = AttributePath::new("delete_on_termination");
                        diags.errors.push(report);
                        Outcome { state: Some(prior), private }
                    }
                }
            }
            _ => Outcome { state: Some(self.model), private },
        }
    }

    /// Detaches, if the pair is there.
    pub(crate) async fn delete(self, diags: &mut Diagnostics) -> Outcome<M, Private> {
        match self.model.common().on_destroy() {
            OnDestroy::Refuse => {
                let mut refused = self.report(Action::Detach, true).warning(
                    "Destroying this attachment is refused",
                    "on_destroy is \"refuse\": the volume stays attached and the attachment stays in the state.",
                    "To detach it, set on_destroy to \"detach\" and apply, then destroy; to forget it, use \"abandon\".",
                );
                refused.attribute = AttributePath::new("on_destroy");
                diags.errors.push(refused);
                return self.still_there();
            }
            OnDestroy::Abandon | OnDestroy::Detach | OnDestroy::StopThenDetach => {}
        }
        let on_destroy = self.model.common().on_destroy();
        let stops = on_destroy == OnDestroy::StopThenDetach;
        let joined =
            (stops || self.ledger.must_start()).then(|| self.stopped_servers.join(&*self.api, &self.pair.server));
        let detached = if on_destroy == OnDestroy::Abandon {
            tracing::info!(server = %self.pair.server, volume = %self.pair.volume, "abandoned: left attached");
            true
        } else {
            let stopped = joined.as_ref().filter(|_| stops);
            match (Drive { stopped, ..self.drive(Goal::Detached, true) }).run().await {
                Ok(_) => true,
                Err(problem) => {
                    diags.errors.push(self.report(Action::Detach, true).problem(&problem));
                    false
                }
            }
        };
        // Also after a detach that failed: a server that is down for nothing is an outage of its own.
        let started = match joined {
            Some(joined) => {
                let budget = self.budget.with_grace(START_GRACE);
                joined.leave(&*self.api, &self.pair, &self.ledger, &budget).await
            }
            None => Ok(()),
        };
        match started {
            // A server that does not exist any more needs no start.
            Ok(()) | Err(Problem::Refused(Refusal::NoServer)) if detached => return gone(),
            Ok(()) => {}
            Err(problem) => diags.errors.push(self.report(Action::Start, true).problem(&problem)),
        }
        self.still_there()
    }

    /// Reads a pair that is to be imported.
    pub(crate) async fn import(self, diags: &mut Diagnostics) -> Option<Stored<M, Private>> {
        let report = |problem: &Problem| self.report(Action::Import, false).problem(problem);
        match self.api.look(&self.pair, &self.budget).await {
            Ok(sight) if sight.server.as_ref().is_some_and(|server| server.boots_from_volume) => {
                diags.errors.push(report(&Problem::Refused(Refusal::SystemVolume)));
                None
            }
            Ok(sight) if sight.attached() => {
                let outcome = self.present(&sight);
                outcome.state.map(|state| Stored { state, private: outcome.private })
            }
            Ok(sight) => {
                let refusal = match (&sight.server, &sight.volume) {
                    (None, _) => Problem::Refused(Refusal::NoServer),
                    (_, None) => Problem::Refused(Refusal::NoVolume),
                    _ => Problem::NotThere,
                };
                diags.errors.push(with_hint(report(&refusal), self.explain(&refusal).await));
                None
            }
            Err(failure) => {
                diags.errors.push(report(&super::drive::problem(failure)));
                None
            }
        }
    }

    /// Sets `delete_on_termination` after an attach. A failure is a warning: an error would taint the attachment, and the
    /// next apply would detach a volume for the sake of a flag that it can set in place.
    async fn apply_delete_on_termination(&self, mut sight: Sight, diags: &mut Diagnostics) -> Sight {
        let Some(wanted) = self.model.wish().delete_on_termination else { return sight };
        if sight.facts.delete_on_termination == Some(wanted) {
            return sight;
        }
        if let Err(failure) = self.api.set_delete_on_termination(&self.pair, wanted, &self.budget).await {
            let mut warning = self.report(Action::Update, true).problem(&super::drive::problem(failure));
            warning.summary = format!("delete_on_termination could not be set to {wanted}").into();
            warning.attribute = AttributePath::new("delete_on_termination");
            warning.detail = format!(
                "{}\n\nThe volume is attached. The next plan shows the difference and the next apply tries again.",
                warning.detail
            )
            .into();
            diags.warnings.push(warning);
        }
        // Terraform holds a create to its plan; the next refresh reads what is really set.
        sight.facts.delete_on_termination = Some(wanted);
        sight
    }

    fn drive(&self, goal: Goal, may_send: bool) -> Drive<'_> {
        Drive {
            api: &*self.api,
            pair: &self.pair,
            goal,
            wish: self.model.wish(),
            may_send,
            stopped: None,
            ledger: &self.ledger,
            budget: &self.budget,
        }
    }

    fn present(mut self, sight: &Sight) -> Outcome<M, Private> {
        let region = std::mem::take(&mut self.region);
        self.model.common_mut().absorb(&region, sight);
        self.model.absorb(&sight.facts);
        Outcome { state: Some(self.model), private: self.ledger.private() }
    }

    fn still_there(self) -> Outcome<M, Private> {
        Outcome { private: self.ledger.private(), state: Some(self.model) }
    }

    fn report(&self, action: Action, kept: bool) -> Report<'_> {
        Report {
            cloud: self.api.cloud(),
            region: &self.region,
            pair: &self.pair,
            action,
            elapsed: self.budget.elapsed(),
            timeout: self.budget.timeout(),
            job: job_of(&self.ledger),
            kept,
        }
    }
}

fn gone<M>() -> Outcome<M, Private> {
    Outcome { state: None, private: Private::default() }
}

fn with_hint(mut diagnostic: Diagnostic, hint: Option<String>) -> Diagnostic {
    if let Some(hint) = hint {
        diagnostic.detail = format!("{}\n\n{hint}", diagnostic.detail).into();
    }
    diagnostic
}

/// What a resource's own boolean becomes: what the cloud says, else what was there.
pub(crate) fn bool_or(cloud: Option<bool>, otherwise: &Value<bool>) -> Value<bool> {
    cloud.or_else(|| known_bool(otherwise)).map_or(Value::Null, Value::Value)
}
