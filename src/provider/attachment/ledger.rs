//! What was sent for an attachment and is not known to have ended: kept in Terraform's private data, so that the next run
//! goes on from there instead of sending again.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::api::Failure;
use crate::{ids::JobId, transport::ErrorKind};

/// Our private data beside the state.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Private {
    /// The operation that was under way when the last run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<Pending>,
    /// Whether the last run stopped the server and did not come to start it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) start_server: bool,
}

/// A mutating call whose end is not known.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Pending {
    /// Which call.
    pub(crate) operation: Operation,
    /// Its job, if the cloud gave one and the answer arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) job: Option<JobId>,
    /// When it was sent, in seconds since 1970.
    pub(crate) started_at: u64,
}

/// A mutating call.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// An attach, single or in a batch.
    Attach,
    /// A detach, single or in a batch.
    Detach,
}

impl Operation {
    /// The verb, for texts.
    pub(crate) const fn verb(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Detach => "detach",
        }
    }
}

/// The running record of one operation. Shared with whatever sends, because the sender may be cut off at any await and the
/// record must outlive it. A std mutex: it is never held across an await.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    entries: Arc<Mutex<Entries>>,
    now: fn() -> SystemTime,
}

#[derive(Debug)]
struct Entries {
    kept: Private,
    /// What was pending before the last call was announced.
    before: Option<Pending>,
}

impl Ledger {
    /// A ledger that begins with what an earlier run left.
    pub(crate) fn new(kept: Private, now: fn() -> SystemTime) -> Self {
        Self { entries: Arc::new(Mutex::new(Entries { kept, before: None })), now }
    }

    /// To be called right before a mutating call is sent.
    pub(crate) fn sending(&self, operation: Operation) {
        let started_at = (self.now)().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let mut entries = self.lock();
        entries.before = entries.kept.pending.replace(Pending { operation, job: None, started_at });
    }

    /// To be called with what an announced call failed with: only one whose answer was lost may have been processed.
    pub(crate) fn failed(&self, failure: &Failure) {
        if !matches!(failure.kind, ErrorKind::AnswerLost | ErrorKind::Malformed) {
            self.undone();
        }
    }

    /// The last call is over and has changed nothing. What was pending before it, a call whose answer was lost, is pending
    /// still: it may be the very reason for the refusal.
    pub(crate) fn undone(&self) {
        let mut entries = self.lock();
        entries.kept.pending = entries.before.take();
    }

    /// The cloud accepted the call under this job.
    pub(crate) fn accepted(&self, job: &JobId) {
        if let Some(pending) = &mut self.lock().kept.pending {
            pending.job = Some(job.clone());
        }
    }

    /// Whatever was sent is over, and the pair itself has shown how.
    pub(crate) fn settled(&self) {
        let mut entries = self.lock();
        (entries.kept.pending, entries.before) = (None, None);
    }

    /// Forgets everything: what was kept is about another attachment.
    pub(crate) fn clear(&self) {
        self.lock().kept = Private::default();
    }

    /// To be called right before the server is stopped.
    pub(crate) fn stopping(&self) {
        self.lock().kept.start_server = true;
    }

    /// The server runs again, or somebody else sees to it.
    pub(crate) fn started(&self) {
        self.lock().kept.start_server = false;
    }

    /// Whether the server was stopped by this operation or an earlier run, and has to be started.
    pub(crate) fn must_start(&self) -> bool {
        self.lock().kept.start_server
    }

    /// What is under way.
    pub(crate) fn pending(&self) -> Option<Pending> {
        self.lock().kept.pending.clone()
    }

    /// What to keep in Terraform's private data.
    pub(crate) fn private(&self) -> Private {
        self.lock().kept.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000)
    }

    #[test]
    fn a_call_that_was_not_processed_is_taken_back_and_an_earlier_one_whose_answer_was_lost_is_not() {
        let failure =
            |kind| Failure { kind, operation: String::new(), text: String::new(), clock_skew: None, busy: false };
        let ledger = Ledger::new(Private::default(), noon);
        ledger.sending(Operation::Attach);
        ledger.failed(&failure(ErrorKind::Stopped));
        assert_eq!(ledger.pending(), None);
        ledger.sending(Operation::Attach);
        ledger.failed(&failure(ErrorKind::AnswerLost));
        let lost = ledger.pending();
        assert!(lost.is_some());
        for kind in [ErrorKind::DeadlineExceeded, ErrorKind::Conflict, ErrorKind::Throttled, ErrorKind::Unreachable] {
            ledger.sending(Operation::Attach);
            ledger.failed(&failure(kind));
            assert_eq!(ledger.pending(), lost, "{kind:?}");
        }
        ledger.sending(Operation::Attach);
        ledger.accepted(&JobId::new("J"));
        ledger.undone();
        assert_eq!(ledger.pending(), lost);
        ledger.settled();
        ledger.undone();
        assert_eq!(ledger.pending(), None);
    }

    #[test]
    fn a_ledger_knows_what_was_sent_until_it_is_settled() {
        let ledger = Ledger::new(Private::default(), noon);
        ledger.sending(Operation::Detach);
        ledger.accepted(&JobId::new("J"));
        let expected = Pending { operation: Operation::Detach, job: Some(JobId::new("J")), started_at: 1_000 };
        assert_eq!(ledger.pending(), Some(expected.clone()));
        let json = serde_json::to_string(&ledger.private()).unwrap();
        assert_eq!(json, r#"{"pending":{"operation":"detach","job":"J","started_at":1000}}"#);
        assert_eq!(serde_json::from_str::<Private>(&json).unwrap().pending, Some(expected));
        ledger.settled();
        assert_eq!(ledger.private(), Private::default());
    }
}
