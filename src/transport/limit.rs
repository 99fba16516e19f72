//! The rate limit: evenly spaced slots, handed out in the order of asking.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::budget::{Budget, Ended};

/// A token bucket that holds one second's worth of slots, so that a quiet second pays for a burst.
#[derive(Debug)]
pub(super) struct RateLimit {
    interval: Duration,
    burst: Duration,
    /// When the next slot is due. A std mutex: it is held for an addition, never across an await.
    next: Mutex<Instant>,
}

impl RateLimit {
    /// `None` unless `per_second` is a positive number that a clock can keep up with.
    pub(super) fn new(per_second: f64) -> Option<Self> {
        if !(per_second.is_finite() && per_second > 0.0) {
            return None;
        }
        let interval = Duration::try_from_secs_f64(per_second.recip()).ok()?;
        let burst = Duration::from_secs(1).saturating_sub(interval);
        Some(Self { interval, burst, next: Mutex::new(Instant::now()) })
    }

    /// Waits for a slot. A caller that goes away while waiting leaves its slot unused.
    pub(super) async fn wait(&self, budget: &Budget) -> Result<(), Ended> {
        let wait = self.reserve();
        if wait.is_zero() { Ok(()) } else { budget.sleep(wait).await }
    }

    fn reserve(&self) -> Duration {
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = *next;
        // Slots not used for longer than the burst are gone.
        let oldest = now.checked_sub(self.burst).unwrap_or(now);
        *next = slot.max(oldest).checked_add(self.interval).unwrap_or(slot);
        slot.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn budget(seconds: u64) -> Budget {
        Budget::new(Duration::from_secs(seconds), CancellationToken::new())
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_paid_for_by_a_quiet_second_and_then_slots_come_evenly() {
        let limit = RateLimit::new(4.0).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let budget = budget(60);
        let mut times = Vec::new();
        for _ in 0..7 {
            limit.wait(&budget).await.unwrap();
            times.push(budget.elapsed().as_millis());
        }
        assert_eq!(times, [0, 0, 0, 0, 250, 500, 750]);
    }

    #[tokio::test(start_paused = true)]
    async fn callers_at_the_same_time_are_served_in_order_and_a_wait_ends_with_its_budget() {
        let limit = RateLimit::new(0.5).unwrap();
        let (short, long) = (budget(1), budget(60));
        let (first, second, third) = tokio::join!(limit.wait(&long), limit.wait(&short), async {
            limit.wait(&long).await.unwrap();
            long.elapsed()
        });
        assert_eq!((first, second, third), (Ok(()), Err(Ended::DeadlineExceeded), Duration::from_secs(4)));
    }

    #[test]
    fn a_rate_that_is_not_positive_is_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE] {
            assert!(RateLimit::new(rate).is_none(), "{rate}");
        }
    }
}
