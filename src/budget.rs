//! The budget of one operation: a deadline and a stop token, given to everything that can wait.

use std::{future::Future, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long one operation may take and who may end it early.
///
/// Every create, read, update and delete has one, made from the resource's `timeouts` and from the plugin's stop token
/// (Terraform's StopProvider). It is cheap to clone and is handed down to the transport, the waiter and the queues, so
/// that nothing waits past the deadline or past a Ctrl-C.
#[derive(Clone, Debug)]
pub struct Budget {
    started: Instant,
    timeout: Duration,
    stop: CancellationToken,
}

/// Why a budget ended before the work did.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Ended {
    /// Terraform asked to stop (Ctrl-C).
    #[error("interrupted")]
    Stopped,
    /// The operation's time ran out.
    #[error("the deadline passed")]
    DeadlineExceeded,
}

impl Budget {
    /// A budget that begins now.
    pub fn new(timeout: Duration, stop: CancellationToken) -> Self {
        Self { started: Instant::now(), timeout, stop }
    }

    /// The same stop token with less time: `timeout` from now, or what is left if that is sooner.
    #[must_use]
    pub fn shorter(&self, timeout: Duration) -> Self {
        Self { started: Instant::now(), timeout: timeout.min(self.remaining()), stop: self.stop.clone() }
    }

    /// The same budget with its deadline put off by `grace`, for a last look after the deadline.
    #[must_use]
    pub fn with_grace(&self, grace: Duration) -> Self {
        Self { started: self.started, timeout: self.timeout.saturating_add(grace), stop: self.stop.clone() }
    }

    /// Time spent since the budget began.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The whole time allowed.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Time left, zero once the deadline passed.
    pub fn remaining(&self) -> Duration {
        self.timeout.saturating_sub(self.elapsed())
    }

    /// Whether the budget has ended, and why; a stop outranks the deadline.
    pub fn ended(&self) -> Option<Ended> {
        if self.stop.is_cancelled() {
            Some(Ended::Stopped)
        } else if self.remaining().is_zero() {
            Some(Ended::DeadlineExceeded)
        } else {
            None
        }
    }

    /// Runs `work` until it is done or the budget ends; work that was not done is dropped.
    ///
    /// # Errors
    /// [`Ended`] when the stop token or the deadline came first.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, Ended> {
        if self.stop.is_cancelled() {
            return Err(Ended::Stopped);
        }
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Ended::Stopped),
            done = work => Ok(done),
            () = tokio::time::sleep(self.remaining()) => Err(Ended::DeadlineExceeded),
        }
    }

    /// Sleeps for `duration`, or until the budget ends.
    ///
    /// # Errors
    /// [`Ended`] when the stop token or the deadline came first.
    pub async fn sleep(&self, duration: Duration) -> Result<(), Ended> {
        self.run(tokio::time::sleep(duration)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_ends_work_that_would_never_be_done() {
        let budget = Budget::new(Duration::from_secs(5), CancellationToken::new());
        let started = Instant::now();
        assert_eq!(budget.run(std::future::pending::<()>()).await, Err(Ended::DeadlineExceeded));
        assert_eq!(started.elapsed(), Duration::from_secs(5));
        assert_eq!(budget.ended(), Some(Ended::DeadlineExceeded));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_a_sleep_at_once_and_outranks_the_deadline() {
        let stop = CancellationToken::new();
        let budget = Budget::new(Duration::from_secs(5), stop.clone());
        let (slept, ()) = tokio::join!(budget.sleep(Duration::from_secs(60)), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.cancel();
        });
        assert_eq!(slept, Err(Ended::Stopped));
        assert_eq!(budget.elapsed(), Duration::from_secs(1));
        assert_eq!(budget.ended(), Some(Ended::Stopped));
    }

    #[tokio::test(start_paused = true)]
    async fn a_shorter_budget_never_outlives_its_parent() {
        let budget = Budget::new(Duration::from_secs(5), CancellationToken::new());
        assert_eq!(budget.shorter(Duration::from_secs(60)).timeout(), Duration::from_secs(5));
        assert_eq!(budget.shorter(Duration::from_secs(1)).timeout(), Duration::from_secs(1));
    }
}
