//! Driving one pair to a goal: look, decide, act, until it is reached, refused, or the budget ends.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    api::{AttachmentApi, Failure, HeldTurn, JobEnd, JobFailure, Submitted, Wish},
    ledger::{Ledger, Operation, Pending},
    power::Joined,
    sight::{Pair, Sight},
    step::{self, Fate, Goal, LOST_WINDOW, MAX_SENDS, Refusal, SETTLE_WINDOW, Sent, Step},
};
use crate::{
    backoff::{Backoff, BackoffConfig},
    budget::{Budget, Ended},
    ids::JobId,
    transport::ErrorKind,
};

/// How often a refusal that the look before it cannot explain is taken for another actor's doing.
const MAX_UNEXPLAINED: u32 = 5;
/// Between looks while something settles, at most: the cloud's own lists take from nothing to a few seconds.
const LONGEST_LOOK: Duration = Duration::from_secs(4);
/// How fast the time between looks grows.
const LOOK_GROWTH: f64 = 1.5;
/// Between a refusal for a conflict and the next look.
const CONFLICTS: BackoffConfig =
    BackoffConfig { initial: Duration::from_millis(500), max: Duration::from_secs(8), multiplier: 2.0 };

/// One pair on its way to one goal.
pub(crate) struct Drive<'a> {
    /// The cloud.
    pub(crate) api: &'a dyn AttachmentApi,
    /// The pair.
    pub(crate) pair: &'a Pair,
    /// What is wanted.
    pub(crate) goal: Goal,
    /// What else the practitioner asked for.
    pub(crate) wish: Wish,
    /// Whether a mutating call may be sent; a refresh only looks on.
    pub(crate) may_send: bool,
    /// The wish that the server be stopped before anything is detached.
    pub(crate) stopped: Option<&'a Joined>,
    /// What was sent; it outlives this drive.
    pub(crate) ledger: &'a Ledger,
    /// The time there is.
    pub(crate) budget: &'a Budget,
}

/// The goal is reached.
#[derive(Debug)]
pub(crate) struct Reached {
    /// The last look.
    pub(crate) sight: Sight,
    /// Whether a call of ours did it, in this run or an earlier one; otherwise the pair was found that way.
    pub(crate) ours: bool,
}

/// The goal is not reached.
#[derive(Debug)]
pub(crate) enum Problem {
    /// Neither waiting nor sending can help.
    Refused(Refusal),
    /// A call failed for good.
    Call(Failure),
    /// The job failed.
    Job(JobFailure),
    /// The pair is not there and this drive may not send.
    NotThere,
    /// Time ran out, or Terraform asked to stop.
    Ended {
        /// Which of the two.
        ended: Ended,
        /// What was being waited for.
        waiting_for: String,
    },
}

/// What has happened so far.
struct Progress {
    sent: Option<(Sent, Instant)>,
    /// The answer that was lost, to be shown if nothing better comes.
    lost: Option<Failure>,
    job_failure: Option<(JobFailure, Instant)>,
    disagreeing_since: Option<Instant>,
    quiet_since: Option<Instant>,
    unexplained: u32,
    releases: u32,
    looks: Backoff,
    conflicts: Backoff,
    /// Held while an accepted call is watched.
    turn: Option<HeldTurn>,
}

impl Progress {
    /// Whether a call of ours was accepted or may have been.
    const fn acted(&self) -> bool {
        self.sent.is_some() || self.job_failure.is_some()
    }
}

impl Drive<'_> {
    /// Runs until the goal is reached or cannot be.
    ///
    /// # Errors
    /// A [`Problem`]; what was sent and is not known to have ended is in the ledger.
    pub(crate) async fn run(&self) -> Result<Reached, Problem> {
        let mut progress = Progress {
            sent: None,
            releases: 0,
            lost: None,
            job_failure: None,
            disagreeing_since: None,
            quiet_since: None,
            unexplained: 0,
            looks: self.looks(),
            conflicts: Backoff::new(&CONFLICTS),
            turn: None,
        };
        match (self.advance(&mut progress).await, progress.job_failure) {
            // Why the job failed says more than that the time was over while its remains were watched.
            (Err(Problem::Ended { .. }), Some((failure, _))) => Err(Problem::Job(failure)),
            (result, _) => result,
        }
    }

    async fn advance(&self, progress: &mut Progress) -> Result<Reached, Problem> {
        let mut expected = self.may_send.then(|| self.api.expect(self.pair, self.operation()));
        if let Some(pending) = self.ledger.pending() {
            self.resume(pending, progress).await?;
        }
        loop {
            let sight = match self.api.look(self.pair, self.budget).await {
                Ok(sight) => sight,
                // Once something was sent, a cloud that cannot be asked for a while is no reason to give up, and it must
                // not hide why a job failed.
                Err(failure) if progress.acted() && passing(failure.kind) => {
                    self.pause(&mut progress.looks, failure.text).await?;
                    continue;
                }
                Err(failure) => return Err(problem(failure)),
            };
            let step = self.decide(&sight, progress);
            // From here on the pair either comes at once or not soon.
            drop(expected.take());
            match step {
                Step::Done => {
                    self.ledger.settled();
                    return Ok(Reached { sight, ours: progress.acted() });
                }
                Step::Wait(text) => {
                    // What is seen explains the refusals so far.
                    progress.unexplained = 0;
                    self.pause(&mut progress.looks, text).await?;
                }
                Step::Refuse(Refusal::StaleRecord) if self.may_release(progress) => {
                    self.release(&sight, progress).await?;
                }
                Step::Refuse(refusal) => return Err(self.give_up(refusal, &sight, progress)),
                Step::Send if !self.may_send => {
                    self.ledger.settled();
                    return Err(match progress.job_failure.take() {
                        Some((failure, _)) => Problem::Job(failure),
                        None => Problem::NotThere,
                    });
                }
                Step::Send => {
                    if let Some(stopped) = self.stopped {
                        stopped.stop(self.api, self.pair, self.ledger, self.budget).await?;
                    }
                    self.send(&sight, progress).await?;
                }
            }
        }
    }

    /// Looks from the cloud's first interval on, and no more often than the practitioner wants.
    fn looks(&self) -> Backoff {
        let least = self.api.poll_interval().map_or(Duration::ZERO, |interval| interval.min);
        let initial = self.api.cloud().first_look.max(least);
        Backoff::new(&BackoffConfig { initial, max: LONGEST_LOOK.max(initial), multiplier: LOOK_GROWTH })
    }

    const fn operation(&self) -> Operation {
        match self.goal {
            Goal::Attached => Operation::Attach,
            Goal::Detached => Operation::Detach,
        }
    }

    fn may_release(&self, progress: &Progress) -> bool {
        self.may_send && self.wish.release_stale_record && progress.releases < MAX_SENDS
    }

    /// Releases the record that the volume keeps of this pair. The look before has just shown that the server does not list
    /// the volume, and has for as long as lists take to settle.
    async fn release(&self, sight: &Sight, progress: &mut Progress) -> Result<(), Problem> {
        // Without the record's id the cloud would choose a record itself.
        let Some(attachment_id) = &sight.facts.attachment_id else {
            return Err(Problem::Refused(Refusal::StaleRecord));
        };
        progress.releases += 1;
        tracing::warn!(server = %self.pair.server, volume = %self.pair.volume, attachment_id, "releasing a stale record");
        match self.api.release(self.pair, attachment_id, self.budget).await {
            Ok(()) => {
                // The lists have their time again to show it.
                progress.disagreeing_since = None;
                Ok(())
            }
            Err(failure)
                if matches!(failure.kind, ErrorKind::AnswerLost | ErrorKind::NotAttached | ErrorKind::NotFound) =>
            {
                self.pause(&mut progress.conflicts, failure.text).await
            }
            Err(failure) => Err(problem(failure)),
        }
    }

    /// Goes on from what an earlier run sent: asks its job first, and lets an answer that was lost a moment ago show.
    async fn resume(&self, pending: Pending, progress: &mut Progress) -> Result<(), Problem> {
        let ours = pending.operation == self.operation();
        let fate = match &pending.job {
            Some(job) => match self.api.follow(self.pair, job, self.budget).await {
                Ok(JobEnd::Done) => Some(Fate::JobDoneEarlier),
                Ok(JobEnd::Unknown) => Some(Fate::Lost),
                Ok(JobEnd::Failed(failure)) => {
                    self.ledger.settled();
                    if ours && self.goal == Goal::Attached {
                        progress.job_failure = Some((failure, Instant::now()));
                    }
                    None
                }
                // The job cannot be asked: the pair itself will tell.
                Err(failure) if !matches!(failure.kind, ErrorKind::Stopped | ErrorKind::DeadlineExceeded) => {
                    Some(Fate::Lost)
                }
                Err(failure) => return Err(problem(failure)),
            },
            None => {
                if !ours {
                    self.budget.sleep(LOST_WINDOW).await.map_err(|ended| Problem::Ended {
                        ended,
                        waiting_for: "a call of an earlier run to show its effect".into(),
                    })?;
                }
                Some(Fate::Lost)
            }
        };
        if let (true, Some(fate)) = (ours, fate) {
            progress.sent = Some((
                Sent { count: 1, since: Duration::ZERO, fate, seen_moving: false, quiet: Duration::ZERO },
                Instant::now(),
            ));
        } else if !ours {
            self.ledger.settled();
        }
        Ok(())
    }

    /// The next step, with what the pure decision does not know: that our job failed, and how long things have lasted.
    fn decide(&self, sight: &Sight, progress: &mut Progress) -> Step {
        // Lists disagree by nature while something is being done; with a server that is gone nothing is.
        let at_work = sight.server.is_some() && sight.moving().is_some();
        let disagreeing = if at_work || sight.on_server() == sight.on_volume() {
            progress.disagreeing_since = None;
            Duration::ZERO
        } else {
            progress.disagreeing_since.get_or_insert_with(Instant::now).elapsed()
        };
        if let Some((sent, at)) = &mut progress.sent {
            sent.since = at.elapsed();
            // Not by a shared volume's status: another of its servers may be the one that moves.
            let moving = sight.on_server() != sight.on_volume() || sight.moving().is_some();
            sent.seen_moving |= moving;
            sent.quiet = if moving {
                progress.quiet_since = None;
                Duration::ZERO
            } else {
                progress.quiet_since.get_or_insert_with(Instant::now).elapsed()
            };
        }
        let sent = progress.sent.as_ref().map(|(sent, _)| *sent);
        match (step::next(self.goal, sight, sent, disagreeing), &progress.job_failure) {
            (Step::Wait(text), Some((_, at))) if at.elapsed() < SETTLE_WINDOW => Step::Wait(text),
            (Step::Send, Some((failure, at))) if failure.of_batch && at.elapsed() < SETTLE_WINDOW => {
                Step::Wait(format!("job {} of a batch failed and does not say for which server", failure.job))
            }
            (Step::Done, _) => Step::Done,
            // A failed job is not tried again; what is left of it has had its time to be cleared away.
            (_, Some(_)) => Step::Refuse(Refusal::NoEffect),
            (step, None) => step,
        }
    }

    /// Sends the call once and files what came of it.
    async fn send(&self, sight: &Sight, progress: &mut Progress) -> Result<(), Problem> {
        progress.turn = None;
        let multiattach = sight.volume.as_ref().is_some_and(|volume| volume.multiattach);
        let wish = Wish { multiattach, ..self.wish.clone() };
        let submitted = match self.goal {
            Goal::Attached => self.api.attach(self.pair, &wish, self.ledger, self.budget).await,
            Goal::Detached => self.api.detach(self.pair, &wish, self.ledger, self.budget).await,
        };
        // What it has come to shows soon, however long the way here was.
        progress.looks = self.looks();
        let count = progress.sent.as_ref().map_or(0, |(sent, _)| sent.count) + 1;
        let sent = |fate| {
            Some((
                Sent { count, since: Duration::ZERO, fate, seen_moving: false, quiet: Duration::ZERO },
                Instant::now(),
            ))
        };
        match submitted {
            Ok(Submitted::Accepted { seen_moving, turn }) => {
                progress.turn = turn;
                progress.sent = sent(Fate::Accepted).map(|(sent, at)| (Sent { seen_moving, ..sent }, at));
            }
            Ok(Submitted::Ended(JobEnd::Done)) => progress.sent = sent(Fate::JobDone),
            Ok(Submitted::Ended(JobEnd::Unknown)) => progress.sent = sent(Fate::JobUnknown),
            Ok(Submitted::Ended(JobEnd::Failed(failure)))
                if failure.conflict && (failure.busy || progress.unexplained < MAX_UNEXPLAINED) =>
            {
                self.ledger.undone();
                progress.unexplained += u32::from(!failure.busy);
                self.pause(&mut progress.conflicts, format!("job {} met a conflict: {}", failure.job, failure.reason))
                    .await?;
            }
            Ok(Submitted::Ended(JobEnd::Failed(failure))) => {
                progress.job_failure = Some((failure, Instant::now()));
            }
            Err(failure) => return self.sending_failed(failure, sent, progress).await,
        }
        Ok(())
    }

    async fn sending_failed(
        &self,
        failure: Failure,
        sent: impl Fn(Fate) -> Option<(Sent, Instant)>,
        progress: &mut Progress,
    ) -> Result<(), Problem> {
        match failure.kind {
            ErrorKind::Stopped | ErrorKind::DeadlineExceeded => return Err(problem(failure)),
            ErrorKind::AnswerLost | ErrorKind::Malformed => {
                // A stop or a deadline that cut the call off looks like a lost answer: the ledger keeps it for the next run.
                if let Some(ended) = self.budget.ended() {
                    return Err(Problem::Ended { ended, waiting_for: failure.text });
                }
                // An answer that nobody can read will not read better the second time, and may well be a yes.
                let unreadable = failure.kind == ErrorKind::Malformed;
                progress.sent = sent(if unreadable { Fate::Accepted } else { Fate::Lost });
                progress.lost = Some(failure);
            }
            // The cloud contradicts the look before: look again, and give up when it keeps doing so.
            ErrorKind::Conflict | ErrorKind::AlreadyAttached | ErrorKind::NotAttached | ErrorKind::NotFound => {
                progress.unexplained += u32::from(!failure.busy);
                if progress.unexplained > MAX_UNEXPLAINED {
                    return Err(Problem::Call(failure));
                }
                self.pause(&mut progress.conflicts, failure.text).await?;
            }
            ErrorKind::Quota
            | ErrorKind::Invalid
            | ErrorKind::Unauthenticated
            | ErrorKind::PermissionDenied
            | ErrorKind::NoSuchRoute
            | ErrorKind::Throttled
            | ErrorKind::Server
            | ErrorKind::Unreachable
            | ErrorKind::Configuration => return Err(Problem::Call(failure)),
        }
        Ok(())
    }

    /// The most telling problem: a job's reason or an unreadable answer says more than what followed from it.
    fn give_up(&self, refusal: Refusal, sight: &Sight, progress: &mut Progress) -> Problem {
        // What of a pair is left on one side is for the next run to clear away.
        let gone = self.goal == Goal::Detached || !sight.listed();
        if let Some((failure, _)) = progress.job_failure.take() {
            if gone {
                self.ledger.undone();
            }
            return Problem::Job(failure);
        }
        let fate = progress.sent.as_ref().map(|(sent, _)| sent.fate);
        let over = match refusal {
            // A call of which nobody knows the end may show yet.
            Refusal::NoEffect => self.goal == Goal::Detached || !matches!(fate, Some(Fate::Lost | Fate::JobUnknown)),
            Refusal::FellBack => true,
            Refusal::VolumeState(_) => gone,
            // A job of ours that succeeded outweighs an id that we may only not know for ours.
            Refusal::HeldBy(_) => gone && !matches!(fate, Some(Fate::JobDone | Fate::JobDoneEarlier)),
            _ => false,
        };
        if over {
            self.ledger.settled();
        }
        match (&refusal, progress.lost.take()) {
            (Refusal::NoEffect | Refusal::FellBack, Some(lost)) => Problem::Call(lost),
            _ => Problem::Refused(refusal),
        }
    }

    async fn pause(&self, backoff: &mut Backoff, waiting_for: String) -> Result<(), Problem> {
        tracing::debug!(server = %self.pair.server, volume = %self.pair.volume, waiting_for, "waiting");
        self.budget.sleep(backoff.next_delay()).await.map_err(|ended| Problem::Ended { ended, waiting_for })
    }
}

/// Whether an error of a look may pass by itself.
pub(crate) fn passing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::AnswerLost
            | ErrorKind::Unreachable
            | ErrorKind::Throttled
            | ErrorKind::Server
            | ErrorKind::Malformed
    )
}

/// A failure as a problem: a budget that ended inside a call is no failure of the call.
pub(crate) fn problem(failure: Failure) -> Problem {
    match failure.kind {
        ErrorKind::Stopped => Problem::Ended { ended: Ended::Stopped, waiting_for: failure.text },
        ErrorKind::DeadlineExceeded => Problem::Ended { ended: Ended::DeadlineExceeded, waiting_for: failure.text },
        _ => Problem::Call(failure),
    }
}

/// The job that a ledger holds, for texts.
pub(crate) fn job_of(ledger: &Ledger) -> Option<JobId> {
    ledger.pending().and_then(|pending| pending.job)
}
