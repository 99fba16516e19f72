//! How many calls came in the present minute, for the gateways that take no more than so many.

use std::time::Duration;

/// The calls of one minute of simulated time.
#[derive(Debug, Default)]
pub(crate) struct Minute {
    number: u64,
    calls: u32,
}

impl Minute {
    /// Counts one more call, and says whether it is one too many.
    pub(crate) fn exceeds(&mut self, limit: u32, now: Duration) -> bool {
        let number = now.as_secs() / 60;
        if self.number != number {
            *self = Self { number, calls: 0 };
        }
        self.calls += 1;
        self.calls > limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_minute_counts_from_the_start() {
        let mut minute = Minute::default();
        let at = [0, 59, 59, 60, 61, 119, 600].map(Duration::from_secs);
        assert_eq!(at.map(|now| minute.exceeds(2, now)), [false, false, true, false, false, true, false]);
    }
}
