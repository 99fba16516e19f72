//! What a cloud's state word means to a wait.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// The state words of one kind of thing, sorted. Letter case does not count.
#[derive(Debug)]
pub struct States {
    thing: &'static str,
    pending: &'static [&'static str],
    target: &'static [&'static str],
    failure: &'static [&'static str],
    /// Unknown words that were logged already.
    unknown: Mutex<BTreeSet<String>>,
}

/// What a state word means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StateClass {
    /// Not there yet.
    Pending,
    /// There.
    Target,
    /// It will never get there.
    Failure,
}

impl States {
    /// The words of `thing` (e.g. `ECS job`, for the log).
    pub const fn new(
        thing: &'static str,
        pending: &'static [&'static str],
        target: &'static [&'static str],
        failure: &'static [&'static str],
    ) -> Self {
        Self { thing, pending, target, failure, unknown: Mutex::new(BTreeSet::new()) }
    }

    /// What `state` means. A word that is on no list is waited on as pending, because vendors add states; it is logged
    /// once.
    pub fn classify(&self, state: &str) -> StateClass {
        let is_in = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(state));
        if is_in(self.target) {
            StateClass::Target
        } else if is_in(self.failure) {
            StateClass::Failure
        } else {
            if !is_in(self.pending) {
                self.log_unknown(state);
            }
            StateClass::Pending
        }
    }

    fn log_unknown(&self, state: &str) {
        let new = self.unknown.lock().unwrap_or_else(PoisonError::into_inner).insert(state.to_owned());
        if new {
            tracing::warn!(thing = self.thing, state, "unknown state; waiting on as if it were pending");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_state_is_pending_and_known_words_match_in_any_case() {
        let job = States::new("job", &["INIT", "RUNNING"], &["SUCCESS"], &["FAIL"]);
        assert_eq!(job.classify("Success"), StateClass::Target);
        assert_eq!(job.classify("FAIL"), StateClass::Failure);
        assert_eq!(job.classify("RUNNING"), StateClass::Pending);
        assert_eq!(job.classify("PENDING_PAYMENT"), StateClass::Pending);
        assert_eq!(job.classify("PENDING_PAYMENT"), StateClass::Pending);
        assert_eq!(*job.unknown.lock().unwrap(), BTreeSet::from(["PENDING_PAYMENT".to_owned()]));
    }
}
