//! What has begun and is not finished: the queue of changes that time, or a test, will make.

use std::collections::BTreeMap;
use std::time::Duration;

use super::SettleOrder;

/// Which of the cloud's records agree with an outcome from one moment on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The job; on Samsung Cloud Platform the volume's `state`, or the server's.
    pub(crate) job: bool,
    /// The server's record.
    pub(crate) server: bool,
    /// The volume's record.
    pub(crate) volume: bool,
}

impl SettleOrder {
    /// What agrees when something ends, and what only after the lag, if there is one.
    pub(crate) fn split(self, lag: Duration) -> (Seen, Option<Seen>) {
        let seen = |job, server, volume| Seen { job, server, volume };
        let first = match self {
            _ if lag.is_zero() => return (seen(true, true, true), None),
            Self::Together => seen(true, false, false),
            Self::ServerFirst => seen(true, true, false),
            Self::VolumeFirst => seen(true, false, true),
            Self::JobLast => seen(false, true, true),
        };
        (first, Some(seen(!first.job, !first.server, !first.volume)))
    }
}

/// Changes in the order in which they will be made.
///
/// The key is when a change is due and then the order of arrival. In manual mode there is no time: the caller gives the
/// number of the step as the due time, so that all jobs take their first step before any takes its second.
#[derive(Debug)]
pub(crate) struct Schedule<E> {
    queue: BTreeMap<(Duration, u64), E>,
    arrivals: u64,
}

impl<E> Default for Schedule<E> {
    fn default() -> Self {
        Self { queue: BTreeMap::new(), arrivals: 0 }
    }
}

impl<E> Schedule<E> {
    /// Plans a change.
    pub(crate) fn push(&mut self, due: Duration, event: E) {
        self.arrivals += 1;
        self.queue.insert((due, self.arrivals), event);
    }

    /// Takes the next change that is due by `now`, with the time at which it was.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<(Duration, E)> {
        let next = self.queue.first_entry()?;
        if next.key().0 > now {
            return None;
        }
        let ((due, _), event) = next.remove_entry();
        Some((due, event))
    }

    /// Takes the next change whether or not it is due.
    pub(crate) fn pop(&mut self) -> Option<E> {
        self.queue.pop_first().map(|(_, event)| event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_agrees_once_whatever_the_order() {
        for order in [SettleOrder::Together, SettleOrder::ServerFirst, SettleOrder::VolumeFirst, SettleOrder::JobLast] {
            let all = Seen { job: true, server: true, volume: true };
            assert_eq!(order.split(Duration::ZERO), (all, None));
            let (first, second) = order.split(Duration::from_secs(1));
            let second = second.unwrap();
            assert!(first.job != second.job && first.server != second.server && first.volume != second.volume);
            assert_eq!(second.job, order == SettleOrder::JobLast);
        }
    }

    #[test]
    fn changes_are_made_by_time_and_then_by_arrival() {
        let mut schedule = Schedule::default();
        for (due, name) in [(2, "c"), (1, "a"), (1, "b")] {
            schedule.push(Duration::from_secs(due), name);
        }
        assert_eq!(schedule.pop_due(Duration::from_millis(500)), None, "nothing is due yet");
        assert_eq!(schedule.pop_due(Duration::from_secs(9)), Some((Duration::from_secs(1), "a")));
        assert_eq!(schedule.pop(), Some("b"));
        assert_eq!(schedule.pop(), Some("c"));
        assert_eq!(schedule.pop(), None);
    }
}
