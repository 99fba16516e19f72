//! The loop that asks until there is an answer, a stop or a deadline.

use std::time::Duration;

use tokio::time::Instant;

use super::{Durations, PollConfig, PollSchedule};
use crate::budget::{Budget, Ended};

/// How long the last poll, made at the deadline, may take.
const GRACE: Duration = Duration::from_secs(5);

/// Waits for operations of one name to end.
#[derive(Clone, Debug)]
pub struct Waiter {
    operation: String,
    config: PollConfig,
    durations: Durations,
    at_once: bool,
    resumed: bool,
    rng: Option<fastrand::Rng>,
}

/// What one poll saw.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Poll<T> {
    /// Not there yet; the state as the cloud words it.
    Pending {
        /// For people, should the deadline come.
        state: String,
    },
    /// There.
    Done(T),
}

/// A wait that came to its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waited<T> {
    /// What the last poll gave.
    pub value: T,
    /// How many polls it took.
    pub polls: u32,
    /// How long it took.
    pub elapsed: Duration,
}

/// Why a wait gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum WaitError<E> {
    /// The budget ended first; the operation may still be going on.
    #[error("{ended} after {} s and {polls} polls, last state {}", .elapsed.as_secs(), .last_state.as_deref().unwrap_or("not seen"))]
    Ended {
        /// Why.
        ended: Ended,
        /// The last state seen, if any poll was answered.
        last_state: Option<String>,
        /// How many polls were begun.
        polls: u32,
        /// How long was waited.
        elapsed: Duration,
    },
    /// A poll failed, or saw that the target will never be reached.
    #[error("{0}")]
    Failed(E),
}

impl Waiter {
    /// A waiter for the operation called `operation`, the name by which `durations` knows it.
    pub fn new(operation: impl Into<String>, config: PollConfig, durations: Durations) -> Self {
        Self { operation: operation.into(), config, durations, at_once: false, resumed: false, rng: None }
    }

    /// Polls for the first time without a pause, for what is likely to be there already.
    #[must_use]
    pub fn at_once(self) -> Self {
        Self { at_once: true, ..self }
    }

    /// For an operation that began before the wait: polls at once, uses nothing learnt, and learns nothing from it.
    #[must_use]
    pub fn resumed(self) -> Self {
        Self { at_once: true, resumed: true, ..self }
    }

    /// Whether the operation began before the wait.
    pub const fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Takes the dice given instead of its own, so that a test can repeat itself.
    #[must_use]
    pub fn with_rng(self, rng: fastrand::Rng) -> Self {
        Self { rng: Some(rng), ..self }
    }

    /// Calls `poll` until it is done, fails, or the budget ends.
    ///
    /// A stop ends the wait at once. At the deadline a poll under way is dropped, and one last poll is made, with a few
    /// seconds of its own. That is why each poll is given a budget: the wait's, with those seconds added; what it calls
    /// must use that one.
    ///
    /// # Errors
    /// [`WaitError`]: the budget ended, or `poll` gave an error.
    pub async fn wait<T, E, F>(
        &self,
        budget: &Budget,
        mut poll: impl FnMut(Budget) -> F,
    ) -> Result<Waited<T>, WaitError<E>>
    where
        F: Future<Output = Result<Poll<T>, E>>,
    {
        let typical = if self.resumed { None } else { self.durations.typical(&self.operation) };
        let schedule = PollSchedule::new(self.config, typical);
        let graced = budget.with_grace(GRACE);
        let mut rng = self.rng.clone().unwrap_or_default();
        let started = Instant::now();
        let mut polls = 0;
        let mut last_state = None;
        loop {
            let ended =
                |ended, last_state, polls| WaitError::Ended { ended, last_state, polls, elapsed: started.elapsed() };
            let pause = match polls {
                0 if self.at_once => Duration::ZERO,
                _ => schedule.pause(started.elapsed(), budget.remaining(), rng.f64()),
            };
            if let Err(Ended::Stopped) = budget.sleep(pause).await {
                return Err(ended(Ended::Stopped, last_state, polls));
            }
            let last = budget.remaining().is_zero();
            polls += 1;
            let bound = if last { &graced } else { budget };
            match bound.run(poll(graced.clone())).await {
                Ok(Ok(Poll::Done(value))) => {
                    let elapsed = started.elapsed();
                    if !self.resumed {
                        self.durations.record(&self.operation, elapsed);
                    }
                    tracing::debug!(operation = %self.operation, polls, ms = elapsed.as_millis(), "done");
                    return Ok(Waited { value, polls, elapsed });
                }
                Ok(Ok(Poll::Pending { state })) => {
                    tracing::debug!(operation = %self.operation, polls, %state, "pending");
                    last_state = Some(state);
                }
                // The poll may notice the end of its budget in the same instant as we do.
                Ok(Err(error)) => match graced.ended() {
                    Some(why) => return Err(ended(why, last_state, polls)),
                    None => return Err(WaitError::Failed(error)),
                },
                Err(Ended::Stopped) => return Err(ended(Ended::Stopped, last_state, polls)),
                // Not the last one: that comes next, without a pause.
                Err(Ended::DeadlineExceeded) => {}
            }
            if last {
                return Err(ended(Ended::DeadlineExceeded, last_state, polls));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio_util::sync::CancellationToken;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn waiter(durations: &Durations) -> Waiter {
        Waiter::new("attach", PollConfig::default(), durations.clone()).with_rng(fastrand::Rng::with_seed(1))
    }

    fn budget(seconds: u64) -> (Budget, CancellationToken) {
        let stop = CancellationToken::new();
        (Budget::new(Duration::from_secs(seconds), stop.clone()), stop)
    }

    /// Polls a job that takes `duration` from now, each answer taking 20 ms.
    async fn run(waiter: &Waiter, budget: &Budget, duration: Duration) -> Result<Waited<()>, WaitError<&'static str>> {
        let began = Instant::now();
        let wait = waiter.wait(budget, async |_| {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if began.elapsed() >= duration {
                Ok(Poll::Done(()))
            } else {
                Ok(Poll::Pending { state: "RUNNING".to_owned() })
            }
        });
        wait.await
    }

    #[tokio::test(start_paused = true)]
    async fn later_jobs_of_a_kind_are_found_at_once_and_with_fewer_polls() {
        let durations = Durations::new();
        let (budget, _stop) = budget(600);
        let job = 10 * SECOND;
        let first = run(&waiter(&durations), &budget, job).await.unwrap();
        assert!(first.elapsed < job + SECOND, "{first:?}");
        let later = run(&waiter(&durations), &budget, job).await.unwrap();
        assert!(later.elapsed < job + Duration::from_millis(250), "{first:?}, {later:?}");
        assert!(later.polls * 2 < first.polls, "{first:?}, {later:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_resumed_wait_polls_at_once_and_teaches_nothing() {
        let durations = Durations::new();
        let (budget, _stop) = budget(600);
        let waited = run(&waiter(&durations).resumed(), &budget, Duration::ZERO).await.unwrap();
        assert_eq!((waited.polls, waited.elapsed), (1, Duration::from_millis(20)));
        assert_eq!(durations.typical("attach"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_poll_is_made_exactly_at_the_deadline_and_may_still_find_it_done() {
        let (budget, _stop) = budget(60);
        let waited = run(&waiter(&Durations::new()), &budget, 60 * SECOND).await.unwrap();
        assert_eq!(waited.elapsed, 60 * SECOND + Duration::from_millis(20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_tells_what_was_seen_last() {
        let (budget, _stop) = budget(60);
        let error = run(&waiter(&Durations::new()), &budget, 3600 * SECOND).await.unwrap_err();
        let WaitError::Ended { ended: Ended::DeadlineExceeded, last_state, elapsed, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!((last_state.as_deref(), *elapsed), (Some("RUNNING"), 60 * SECOND + Duration::from_millis(20)));
        assert!(error.to_string().starts_with("the deadline passed after 60 s and "), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_that_never_answers_is_cut_at_the_deadline_and_the_last_one_after_its_grace() {
        let (budget, _stop) = budget(60);
        let mut begun = Vec::new();
        let error = waiter(&Durations::new())
            .wait(&budget, |_| {
                begun.push(budget.elapsed());
                pending::<Result<Poll<()>, ()>>()
            })
            .await
            .unwrap_err();
        let WaitError::Ended { ended: Ended::DeadlineExceeded, last_state: None, polls: 2, elapsed } = error else {
            panic!("{error:?}")
        };
        assert_eq!((elapsed, begun.last()), (65 * SECOND, Some(&(60 * SECOND))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_that_reports_the_end_of_its_own_budget_does_not_hide_the_deadline() {
        let (budget, _stop) = budget(60);
        let waiter = waiter(&Durations::new());
        let wait = waiter.wait(&budget, async |budget| match budget.run(pending::<()>()).await {
            Ok(()) => Ok(Poll::Done(())),
            Err(ended) => Err(ended),
        });
        assert!(matches!(wait.await, Err(WaitError::Ended { ended: Ended::DeadlineExceeded, .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_a_pause_and_a_poll_at_once() {
        for work in [Duration::from_millis(1), 3600 * SECOND] {
            let (budget, stop) = budget(600);
            let waiter = waiter(&Durations::new());
            let wait = waiter.wait(&budget, async |_| {
                tokio::time::sleep(work).await;
                Ok::<_, ()>(Poll::<()>::Pending { state: "RUNNING".to_owned() })
            });
            let (error, ()) = tokio::join!(wait, async {
                tokio::time::sleep(10 * SECOND).await;
                stop.cancel();
            });
            let WaitError::Ended { ended: Ended::Stopped, elapsed, .. } = error.unwrap_err() else { panic!() };
            assert_eq!(elapsed, 10 * SECOND);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_poll_ends_the_wait_with_its_error() {
        let (budget, _stop) = budget(600);
        let waiter = waiter(&Durations::new());
        let wait = waiter.wait(&budget, async |_| Err::<Poll<()>, _>("the job failed"));
        assert!(matches!(wait.await, Err(WaitError::Failed("the job failed"))));
    }

    /// Resources await waits in futures that tokio moves between threads, borrowing what they like.
    #[tokio::test(start_paused = true)]
    async fn a_wait_can_be_part_of_a_future_that_is_sent() {
        struct Cloud(tokio::sync::Mutex<u32>);
        #[async_trait::async_trait]
        trait Attach: Sync {
            async fn attach(&self, waiter: &Waiter, budget: &Budget, id: &str) -> String;
        }
        #[async_trait::async_trait]
        impl Attach for Cloud {
            async fn attach(&self, waiter: &Waiter, budget: &Budget, id: &str) -> String {
                let seen = std::sync::Mutex::new(Vec::new());
                let wait = waiter.wait(budget, async |budget| {
                    let mut left = budget.run(self.0.lock()).await.map_err(|ended| ended.to_string())?;
                    seen.lock().unwrap().push(*left);
                    *left -= 1;
                    if *left == 0 {
                        Ok::<_, String>(Poll::Done(id.to_owned()))
                    } else {
                        Ok(Poll::Pending { state: id.to_owned() })
                    }
                });
                let id = wait.await.unwrap().value;
                format!("{id}: {:?}", seen.into_inner().unwrap())
            }
        }
        let (budget, _stop) = budget(600);
        let done = tokio::spawn(async move {
            Cloud(tokio::sync::Mutex::new(2)).attach(&waiter(&Durations::new()), &budget, "job").await
        });
        assert_eq!(done.await.unwrap(), "job: [2, 1]");
    }
}
