//! What was sent for an attachment and is not known to have ended: kept in Terraform's private data, so that the next run
//! goes on from there instead of sending again.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::ids::JobId;

/// Our private data beside the state.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Private {
    /// The operation that was under way when the last run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<Pending>,
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
    pending: Arc<Mutex<Option<Pending>>>,
    now: fn() -> SystemTime,
}

impl Ledger {
    /// A ledger that begins with what an earlier run left.
    pub(crate) fn new(pending: Option<Pending>, now: fn() -> SystemTime) -> Self {
        Self { pending: Arc::new(Mutex::new(pending)), now }
    }

    /// To be called right before a mutating call is sent.
    pub(crate) fn sending(&self, operation: Operation) {
        let started_at = (self.now)().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        self.set(Some(Pending { operation, job: None, started_at }));
    }

    /// The cloud accepted the call under this job.
    pub(crate) fn accepted(&self, job: &JobId) {
        if let Some(pending) = self.lock().as_mut() {
            pending.job = Some(job.clone());
        }
    }

    /// The call is over: refused, failed or verified.
    pub(crate) fn settled(&self) {
        self.set(None);
    }

    /// What is under way.
    pub(crate) fn pending(&self) -> Option<Pending> {
        self.lock().clone()
    }

    /// What to keep in Terraform's private data.
    pub(crate) fn private(&self) -> Private {
        Private { pending: self.pending() }
    }

    fn set(&self, pending: Option<Pending>) {
        *self.lock() = pending;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000)
    }

    #[test]
    fn a_ledger_knows_what_was_sent_until_it_is_settled() {
        let ledger = Ledger::new(None, noon);
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
