//! What the cloud said of the credential: one that it refused and never accepted is not tried again at once.
//!
//! The vendor's gateway locks a key for five minutes after a few wrong signatures, and a resource sends several calls for each
//! look. One that was accepted before may have been refused by mistake, which must not fail all that runs.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use super::cache::REFUSAL;
use crate::{huaweicloud::error::Error, transport::ErrorKind};

/// One for each region: a token is of no use in another.
#[derive(Debug, Default)]
pub(super) struct Verdicts(Mutex<HashMap<String, Verdict>>);

#[derive(Debug)]
enum Verdict {
    Accepted,
    Refused(Instant, Error),
}

impl Verdicts {
    /// Why nothing should be sent to `region` now.
    pub(super) fn refusal(&self, region: &str) -> Option<Error> {
        match self.lock().get(region)? {
            Verdict::Refused(at, error) if at.elapsed() < REFUSAL => Some(error.clone()),
            Verdict::Refused(..) | Verdict::Accepted => None,
        }
    }

    /// Learns how a call ended.
    pub(super) fn learn(&self, region: &str, error: Option<&Error>) {
        let mut verdicts = self.lock();
        if matches!(verdicts.get(region), Some(Verdict::Accepted)) {
            return;
        }
        match error {
            None => verdicts.insert(region.to_owned(), Verdict::Accepted),
            Some(error) if error.kind() == ErrorKind::Unauthenticated => {
                verdicts.insert(region.to_owned(), Verdict::Refused(Instant::now(), error.clone()))
            }
            // Says nothing of the credential.
            Some(_) => None,
        };
    }

    /// A std mutex: held for a look-up, never over an await.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Verdict>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind) -> Error {
        Error::refused("Test", kind, "no")
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_believed_for_a_minute_and_in_its_region() {
        let verdicts = Verdicts::default();
        verdicts.learn("a", Some(&error(ErrorKind::Server)));
        assert!(verdicts.refusal("a").is_none());
        verdicts.learn("a", Some(&error(ErrorKind::Unauthenticated)));
        assert!(verdicts.refusal("a").is_some() && verdicts.refusal("b").is_none());
        tokio::time::sleep(REFUSAL).await;
        assert!(verdicts.refusal("a").is_none());
    }

    #[test]
    fn what_was_accepted_once_stays_accepted() {
        let verdicts = Verdicts::default();
        verdicts.learn("a", Some(&error(ErrorKind::Unauthenticated)));
        verdicts.learn("a", None);
        verdicts.learn("a", Some(&error(ErrorKind::Unauthenticated)));
        assert!(verdicts.refusal("a").is_none());
    }
}
