//! How long operations took in this process, by name.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How many durations of an operation are remembered: enough for its spread, few enough to follow a change.
const REMEMBERED: usize = 16;

/// What this process has learnt about how long operations take. Clones share what they learn.
#[derive(Clone, Debug, Default)]
pub struct Durations(Arc<Mutex<HashMap<String, VecDeque<Duration>>>>);

/// Between which times an operation has usually ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Typical {
    /// The shortest of late.
    pub shortest: Duration,
    /// The longest of late.
    pub longest: Duration,
}

impl Durations {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers that `operation` took `duration`.
    pub fn record(&self, operation: &str, duration: Duration) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = known.entry(operation.to_owned()).or_default();
        if recent.len() == REMEMBERED {
            recent.pop_front();
        }
        recent.push_back(duration);
    }

    /// What is known of `operation`; `None` before its first end.
    pub fn typical(&self, operation: &str) -> Option<Typical> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = known.get(operation)?;
        Some(Typical { shortest: *recent.iter().min()?, longest: *recent.iter().max()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_known_from_its_first_end_and_follows_a_change() {
        let durations = Durations::new();
        let seconds = Duration::from_secs;
        assert_eq!(durations.typical("attach"), None);
        durations.clone().record("attach", seconds(60));
        assert_eq!(durations.typical("attach"), Some(Typical { shortest: seconds(60), longest: seconds(60) }));
        for _ in 0..REMEMBERED {
            durations.record("attach", seconds(3));
        }
        assert_eq!(durations.typical("attach"), Some(Typical { shortest: seconds(3), longest: seconds(3) }));
        assert_eq!(durations.typical("detach"), None);
    }
}
