//! How long to wait before the next attempt: a pure value without a clock, its dice given to it.

use std::time::Duration;

/// How the delays of a [`Backoff`] grow.
#[derive(Clone, Debug, PartialEq)]
pub struct BackoffConfig {
    /// The shortest delay, and the base of the first.
    pub initial: Duration,
    /// No delay is longer.
    pub max: Duration,
    /// The next delay is at most this many times the one before.
    pub multiplier: f64,
}

/// Delays with decorrelated jitter: each lies between `initial` and `multiplier` times the one before.
///
/// Callers that failed together come back apart, which plain exponential growth does not give
/// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
#[derive(Clone, Debug)]
pub struct Backoff {
    config: BackoffConfig,
    previous: Duration,
    rng: fastrand::Rng,
}

impl Backoff {
    /// Begins with dice of its own.
    pub fn new(config: &BackoffConfig) -> Self {
        Self::with_rng(config, fastrand::Rng::new())
    }

    /// Begins with the dice given, so that a test can repeat itself.
    pub fn with_rng(config: &BackoffConfig, rng: fastrand::Rng) -> Self {
        Self { config: config.clone(), previous: config.initial, rng }
    }

    /// The next delay.
    pub fn next_delay(&mut self) -> Duration {
        let lowest = self.config.initial.min(self.config.max).as_secs_f64();
        let highest = (self.previous.as_secs_f64() * self.config.multiplier).max(lowest);
        let delay = lowest + self.rng.f64() * (highest - lowest);
        // A delay too large for a `Duration` is above any maximum.
        self.previous = Duration::try_from_secs_f64(delay).unwrap_or(self.config.max).min(self.config.max);
        self.previous
    }

    /// A random part of the shortest delay: spreads callers that were told to come back at the same moment.
    pub fn spread(&mut self) -> Duration {
        self.config.initial.min(self.config.max).mul_f64(self.rng.f64())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONFIG: BackoffConfig =
        BackoffConfig { initial: Duration::from_millis(100), max: Duration::from_secs(5), multiplier: 3.0 };

    #[test]
    fn the_same_dice_give_the_same_delays() {
        let delays = |seed| {
            let mut backoff = Backoff::with_rng(&CONFIG, fastrand::Rng::with_seed(seed));
            (0..20).map(|_| backoff.next_delay()).collect::<Vec<_>>()
        };
        assert_eq!(delays(7), delays(7));
        assert_ne!(delays(7), delays(8));
    }

    #[test]
    fn a_multiplier_that_overflows_gives_the_maximum_and_no_panic() {
        let config =
            BackoffConfig { initial: Duration::from_secs(1), max: Duration::from_secs(9), multiplier: f64::MAX };
        let mut backoff = Backoff::with_rng(&config, fastrand::Rng::with_seed(1));
        assert_eq!((backoff.next_delay(), backoff.next_delay()), (config.max, config.max));
    }

    proptest! {
        #[test]
        fn every_delay_lies_between_initial_and_the_multiple_of_the_one_before(seed: u64) {
            let mut backoff = Backoff::with_rng(&CONFIG, fastrand::Rng::with_seed(seed));
            let mut previous = CONFIG.initial;
            for _ in 0..30 {
                let delay = backoff.next_delay();
                prop_assert!(delay >= CONFIG.initial && delay <= CONFIG.max);
                prop_assert!(delay <= previous.mul_f64(CONFIG.multiplier) + Duration::from_nanos(1));
                prop_assert!(backoff.spread() <= CONFIG.initial);
                previous = delay;
            }
        }
    }
}
