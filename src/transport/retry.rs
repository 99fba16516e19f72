//! Whether to try again, and when: decisions as values; the sleeping is the client's.

use std::time::Duration;

use super::{RetryAction, TransportConfig};
use crate::backoff::Backoff;

/// How an attempt ended, as far as trying again is concerned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// A complete response, judged by the cloud's classifier.
    Answer(RetryAction),
    /// It was certainly not sent.
    NotSent,
    /// It may have been sent, and there is no answer.
    Lost,
    /// It would end the same way again.
    Hopeless,
}

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Hand over what there is.
    Return,
    /// Try again after the server's wish or this schedule's next delay.
    Retry { pace: Pace, after: Option<Duration> },
    /// A server error for a call that must not be sent twice: what happened is unknown.
    Ambiguous,
}

/// Which schedule a retry follows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pace {
    Failure,
    Throttle,
}

/// The rules. Refused calls are sent again whatever they are; calls that may have been processed only if that is harmless.
pub(super) const fn judge(outcome: Outcome, idempotent: bool) -> Verdict {
    match outcome {
        Outcome::NotSent => Verdict::Retry { pace: Pace::Failure, after: None },
        Outcome::Lost if idempotent => Verdict::Retry { pace: Pace::Failure, after: None },
        Outcome::Answer(RetryAction::Throttled { after }) => Verdict::Retry { pace: Pace::Throttle, after },
        Outcome::Answer(RetryAction::Transient { after }) if idempotent => {
            Verdict::Retry { pace: Pace::Failure, after }
        }
        Outcome::Answer(RetryAction::Transient { .. }) => Verdict::Ambiguous,
        Outcome::Answer(RetryAction::Done) | Outcome::Lost | Outcome::Hopeless => Verdict::Return,
    }
}

/// The retries left to one call, and how far apart they are.
#[derive(Debug)]
pub(super) struct Retries {
    left: u32,
    failure: Backoff,
    throttle: Backoff,
}

impl Retries {
    pub(super) fn new(config: &TransportConfig) -> Self {
        Self {
            left: config.max_retries,
            failure: Backoff::new(&config.backoff),
            throttle: Backoff::new(&config.throttle_backoff),
        }
    }

    /// The delay before the next attempt. `None` when none is left, or when it would come after `remaining`: sleeping
    /// for nothing would only hide the answer at hand.
    pub(super) fn next(&mut self, pace: Pace, after: Option<Duration>, remaining: Duration) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let delay = match (after, pace) {
            // All callers were told the same moment: spread them, but never before it.
            (Some(after), _) => after.saturating_add(self.failure.spread()),
            (None, Pace::Failure) => self.failure.next_delay(),
            (None, Pace::Throttle) => self.throttle.next_delay(),
        };
        (delay < remaining).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGAIN: Verdict = Verdict::Retry { pace: Pace::Failure, after: None };

    #[test]
    fn only_what_was_certainly_not_processed_is_sent_again_for_every_call() {
        let throttled = Outcome::Answer(RetryAction::Throttled { after: None });
        for idempotent in [false, true] {
            assert_eq!(judge(Outcome::NotSent, idempotent), AGAIN);
            assert_eq!(judge(throttled, idempotent), Verdict::Retry { pace: Pace::Throttle, after: None });
            assert_eq!(judge(Outcome::Answer(RetryAction::Done), idempotent), Verdict::Return);
            assert_eq!(judge(Outcome::Hopeless, idempotent), Verdict::Return);
        }
        let transient = Outcome::Answer(RetryAction::Transient { after: None });
        assert_eq!((judge(transient, true), judge(transient, false)), (AGAIN, Verdict::Ambiguous));
        assert_eq!((judge(Outcome::Lost, true), judge(Outcome::Lost, false)), (AGAIN, Verdict::Return));
    }

    #[test]
    fn the_servers_wish_wins_over_the_back_off_and_is_never_undercut() {
        let config = TransportConfig::default();
        let wish = Duration::from_secs(20);
        let delay = Retries::new(&config).next(Pace::Throttle, Some(wish), Duration::MAX).unwrap();
        assert!(delay >= wish && delay <= wish + config.backoff.initial, "{delay:?}");
        assert_eq!(Retries::new(&config).next(Pace::Throttle, Some(Duration::MAX), Duration::MAX), None);
    }

    #[test]
    fn throttling_waits_long_enough_for_windows_of_a_minute() {
        let mut retries = Retries::new(&TransportConfig::default());
        let delays: Vec<_> = std::iter::from_fn(|| retries.next(Pace::Throttle, None, Duration::MAX)).collect();
        assert_eq!(delays.len(), 5);
        assert!(delays.iter().all(|delay| *delay >= Duration::from_secs(5)), "{delays:?}");
    }

    #[test]
    fn no_delay_reaches_beyond_the_deadline() {
        let mut retries = Retries::new(&TransportConfig::default());
        assert_eq!(retries.next(Pace::Throttle, None, Duration::from_secs(5)), None);
    }
}
