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
