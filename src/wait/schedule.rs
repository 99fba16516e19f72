//! When to ask next: a pure function of the time that has passed.

use std::time::Duration;

use super::Typical;

/// The bounds of the time between two polls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PollConfig {
    /// The shortest, also before the first poll.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

impl Default for PollConfig {
    fn default() -> Self {
        Self { min: Duration::from_millis(200), max: Duration::from_secs(10) }
    }
}

/// The share of the time passed that the next pause may take: what a job of unknown length is delayed by at most.
const GROWTH: f64 = 0.08;
/// How many polls the usual span of ends is cut into at most.
const POLLS_IN_SPAN: u32 = 20;
/// How many times `min` a learnt duration may keep a waiter from asking at first, so that a job which is suddenly quick
/// is not found late; after that, as long again as has passed.
const TRUST: u32 = 15;
/// The part of a pause that jitter may take away.
const JITTER: f64 = 0.2;

/// Tells the pause before each poll of one wait.
#[derive(Clone, Copy, Debug)]
pub struct PollSchedule {
    config: PollConfig,
    typical: Option<Typical>,
}

impl PollSchedule {
    /// A schedule for an operation of which `typical` is known.
    pub const fn new(config: PollConfig, typical: Option<Typical>) -> Self {
        Self { config, typical }
    }

    /// The pause before the next poll.
    ///
    /// `elapsed` is the time since the operation began, `remaining` the time to the deadline: the pause is cut so that
    /// the last poll comes exactly then. `dice` is a random number from 0 to 1; it only ever shortens a pause.
    pub fn pause(&self, elapsed: Duration, remaining: Duration, dice: f64) -> Duration {
        let pause = match self.typical {
            None => self.growing(elapsed),
            Some(typical) => self.learnt(elapsed, typical),
        };
        // Never sooner than the shortest time: a firewall may count.
        pause.mul_f64(1.0 - JITTER * dice.clamp(0.0, 1.0)).max(self.config.min).min(remaining)
    }

    fn growing(&self, elapsed: Duration) -> Duration {
        self.bounded(elapsed.mul_f64(GROWTH))
    }

    fn learnt(&self, elapsed: Duration, typical: Typical) -> Duration {
        // What was seen is late by up to one pause, and jobs vary.
        let margin = self.config.min.max(typical.shortest / 25);
        let soonest = typical.shortest.saturating_sub(margin);
        if elapsed < soonest {
            let trusted = elapsed.max(self.config.min.saturating_mul(TRUST));
            // No second poll right before the span begins.
            return (soonest - elapsed).min(trusted).max(self.config.min);
        }
        if elapsed <= typical.longest {
            let span = typical.longest.saturating_sub(soonest);
            return self.bounded(span / POLLS_IN_SPAN).min(self.growing(elapsed));
        }
        self.growing(elapsed)
    }

    fn bounded(&self, pause: Duration) -> Duration {
        // Not `clamp`, which panics when the bounds are crossed.
        pause.min(self.config.max).max(self.config.min)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// When a job is found to have ended, and after how many polls, with no jitter and instant answers.
    fn found(job: Duration, typical: Option<Typical>) -> (Duration, u32) {
        let schedule = PollSchedule::new(PollConfig::default(), typical);
        let (mut elapsed, mut polls) = (Duration::ZERO, 0);
        while polls == 0 || elapsed < job {
            elapsed += schedule.pause(elapsed, Duration::MAX, 0.0);
            polls += 1;
        }
        (elapsed - job, polls)
    }

    const fn typical(shortest: u64, longest: u64) -> Option<Typical> {
        Some(Typical { shortest: Duration::from_millis(shortest), longest: Duration::from_millis(longest) })
    }

    #[test]
    fn a_first_job_of_three_seconds_is_found_within_three_tenths() {
        for millis in (2900..3300).step_by(7) {
            let (late, polls) = found(Duration::from_millis(millis), None);
            assert!(late < Duration::from_millis(300) && polls <= 17, "{millis} ms: {late:?} late, {polls} polls");
        }
    }

    #[test]
    fn a_first_job_of_a_minute_takes_few_polls_and_adds_less_than_a_twelfth() {
        let (late, polls) = found(MINUTE, None);
        assert!(late < MINUTE / 12 && polls < 60, "{late:?} late, {polls} polls");
    }

    #[test]
    fn a_job_of_learnt_length_is_found_at_once_with_few_polls() {
        let (late, polls) = found(Duration::from_secs(3), typical(3000, 3200));
        assert!(late <= Duration::from_millis(200) && polls <= 3, "{late:?} late, {polls} polls");
        let (late, polls) = found(MINUTE, typical(59_000, 62_000));
        assert!(late < Duration::from_millis(500) && polls <= 25, "{late:?} late, {polls} polls");
    }

    #[test]
    fn what_was_learnt_of_slow_jobs_delays_a_quick_one_by_no_more_than_three_seconds() {
        let (late, polls) = found(Duration::from_secs(1), typical(60_000, 62_000));
        assert_eq!((late, polls), (Duration::from_secs(2), 1));
    }

    proptest! {
        #[test]
        fn every_pause_keeps_its_bounds_and_ends_at_the_deadline(
            elapsed in 0u64..3_600_000, remaining in 0u64..3_600_000, dice in 0.0..1.0f64,
            known in proptest::option::of((0u64..600_000, 0u64..600_000)),
            min in 1u64..5_000, max in 1u64..60_000,
        ) {
            let config = PollConfig { min: Duration::from_millis(min), max: Duration::from_millis(max) };
            let known = known.and_then(|(from, width)| typical(from, from + width));
            let remaining = Duration::from_millis(remaining);
            let pause = PollSchedule::new(config, known).pause(Duration::from_millis(elapsed), remaining, dice);
            prop_assert!(pause <= remaining);
            prop_assert!(pause == remaining || pause >= config.min);
            if known.is_none() {
                prop_assert!(pause <= config.min.max(config.max));
            }
        }
    }
}
