//! Panics in a handler: one log line instead of a backtrace, and the place for the diagnostic, never the values.

use std::{
    any::Any,
    collections::HashMap,
    panic::{self, PanicHookInfo},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, ThreadId},
};

/// Where each thread panicked last, kept between the panic hook and whoever caught the panic on the same thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Panics(Arc<Mutex<HashMap<ThreadId, String>>>);

impl Panics {
    /// Replaces the process's panic hook.
    pub(super) fn install() -> Self {
        let panics = Self::default();
        let seen = panics.clone();
        panic::set_hook(Box::new(move |info| seen.record(info)));
        panics
    }

    fn record(&self, info: &PanicHookInfo<'_>) {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            place,
            message_text = constant_message(info.payload()),
            "a panic: this is a bug in the provider"
        );
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(thread::current().id(), place);
    }

    /// Says what happened, for the thread that caught it.
    pub(super) fn describe(&self, payload: &(dyn Any + Send)) -> String {
        let place = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&thread::current().id());
        let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
        let message = constant_message(payload).map(|message| format!(": {message}")).unwrap_or_default();
        format!("it panicked{place}{message}")
    }
}

/// A message that stands in the source as it is. A formatted one may hold anything, a secret included, and stays unsaid.
fn constant_message(payload: &dyn Any) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(body: impl FnOnce() + panic::UnwindSafe) -> String {
        let payload = panic::catch_unwind(body).unwrap_err();
        Panics::default().describe(payload.as_ref())
    }

    #[test]
    fn a_constant_message_is_told_and_a_formatted_one_is_not() {
        let secret = String::from("hunter2");
        assert_eq!(described(|| panic!("out of luck")), "it panicked: out of luck");
        assert_eq!(described(move || panic!("the password is {secret}")), "it panicked");
    }
}
