//! Values that are fetched once however many ask: who comes while one is under way waits for it and shares its result.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt as _, Shared};
use tokio::time::Instant;

use crate::{budget::Budget, huaweicloud::error::Error, transport::ErrorKind};

/// How long a refusal is believed. Asking again at once would get the same answer from IAM, which locks a key or a user after a
/// few wrong attempts, and a resource each asks when there are hundreds.
pub(super) const REFUSAL: Duration = Duration::from_secs(60);

type Flight<T> = Shared<BoxFuture<'static, Result<T, Error>>>;

/// One value for each region.
pub(in crate::huaweicloud) struct Flights<T> {
    /// What an error calls the waiting.
    operation: &'static str,
    by_region: Mutex<HashMap<String, (Instant, Flight<T>)>>,
}

impl<T: Clone> Flights<T> {
    /// None yet.
    pub(in crate::huaweicloud) fn new(operation: &'static str) -> Self {
        Self { operation, by_region: Mutex::default() }
    }

    /// The value for `key`: the one at hand if it is `fresh`, the one under way, or else a new one.
    ///
    /// The fetching runs on the budget of the caller that began it. Where that ends first, the others begin anew on theirs.
    pub(in crate::huaweicloud) async fn get(
        &self,
        budget: &Budget,
        key: &str,
        fresh: impl Fn(&T) -> bool,
        fetch: impl Fn() -> BoxFuture<'static, Result<T, Error>>,
    ) -> Result<T, Error> {
        loop {
            let flight = self.join(key, &fresh, &fetch);
            let fetched = budget.run(flight.clone()).await.map_err(|ended| Error::ended(self.operation, ended))?;
            match fetched {
                Err(error) if ran_out(&error) && budget.ended().is_none() => self.drop_flight(key, &flight),
                fetched => return fetched,
            }
        }
    }

    /// Drops the value of `key` if it is the one meant.
    pub(in crate::huaweicloud) fn forget(&self, key: &str, meant: impl Fn(&T) -> bool) {
        let mut flights = self.lock();
        if matches!(flights.get(key).and_then(|(_, flight)| flight.peek()), Some(Ok(value)) if meant(value)) {
            flights.remove(key);
        }
    }

    fn join(
        &self,
        key: &str,
        fresh: impl Fn(&T) -> bool,
        fetch: impl Fn() -> BoxFuture<'static, Result<T, Error>>,
    ) -> Flight<T> {
        let mut flights = self.lock();
        if let Some((began, flight)) = flights.get(key) {
            let usable = match flight.peek() {
                None => true,
                Some(Ok(value)) => fresh(value),
                Some(Err(error)) => is_refusal(error) && began.elapsed() < REFUSAL,
            };
            if usable {
                return flight.clone();
            }
        }
        let flight = fetch().shared();
        flights.insert(key.to_owned(), (Instant::now(), flight.clone()));
        flight
    }

    fn drop_flight(&self, key: &str, ended: &Flight<T>) {
        let mut flights = self.lock();
        if flights.get(key).is_some_and(|(_, flight)| flight.ptr_eq(ended)) {
            flights.remove(key);
        }
    }

    /// A std mutex: held for a look-up, never over an await.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Instant, Flight<T>)>> {
        self.by_region.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Flights<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flights")
    }
}

fn ran_out(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Stopped | ErrorKind::DeadlineExceeded)
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::Configuration)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use futures::future::join_all;
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// Fetches its own count after a second, and fails with `error` if there is one.
    struct Source {
        flights: Flights<u32>,
        fetches: Arc<AtomicU32>,
        error: Option<ErrorKind>,
    }

    impl Source {
        fn new(error: Option<ErrorKind>) -> Self {
            Self { flights: Flights::new("Test"), fetches: Arc::default(), error }
        }

        async fn get(&self, budget: &Budget, fresh: bool) -> Result<u32, Error> {
            let fetch = || {
                let (budget, error, fetches) = (budget.clone(), self.error, Arc::clone(&self.fetches));
                async move {
                    let count = fetches.fetch_add(1, Ordering::Relaxed) + 1;
                    budget.sleep(Duration::from_secs(1)).await.map_err(|ended| Error::ended("Fetch", ended))?;
                    error.map_or(Ok(count), |kind| Err(Error::refused("Fetch", kind, "no")))
                }
                .boxed()
            };
            self.flights.get(budget, "r", |_| fresh, fetch).await
        }

        fn fetches(&self) -> u32 {
            self.fetches.load(Ordering::Relaxed)
        }
    }

    fn budget(seconds: u64) -> Budget {
        Budget::new(Duration::from_secs(seconds), CancellationToken::new())
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_share_one_fetch_and_later_ones_its_value_while_it_is_fresh() {
        let (source, budget) = (Source::new(None), budget(60));
        for value in join_all((0..10).map(|_| source.get(&budget, true))).await {
            assert_eq!(value.unwrap(), 1);
        }
        assert_eq!(source.get(&budget, true).await.unwrap(), 1);
        for value in join_all((0..10).map(|_| source.get(&budget, false))).await {
            assert_eq!(value.unwrap(), 2, "what was just fetched counts as fresh for those who waited for it");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_believed_for_a_minute_and_a_failure_not_at_all() {
        let (source, long) = (Source::new(Some(ErrorKind::Unauthenticated)), budget(600));
        for _ in 0..3 {
            assert_eq!(source.get(&long, true).await.unwrap_err().kind(), ErrorKind::Unauthenticated);
        }
        assert_eq!(source.fetches(), 1);
        tokio::time::sleep(REFUSAL).await;
        source.get(&long, true).await.unwrap_err();
        assert_eq!(source.fetches(), 2);

        let source = Source::new(Some(ErrorKind::Unreachable));
        for _ in 0..3 {
            source.get(&long, true).await.unwrap_err();
        }
        assert_eq!(source.fetches(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_is_stopped_or_gone_does_not_take_the_others_along() {
        let source = Source::new(None);
        let stop = CancellationToken::new();
        let hurried = Budget::new(Duration::from_secs(60), stop.clone());
        let patient = budget(60);
        let (first, second, ()) = tokio::join!(source.get(&hurried, true), source.get(&patient, true), async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            stop.cancel();
        });
        assert_eq!(first.unwrap_err().kind(), ErrorKind::Stopped);
        assert_eq!(second.unwrap(), 2);

        let source = Source::new(None);
        let gone = tokio::time::timeout(Duration::from_millis(500), source.get(&patient, true)).await;
        assert!(gone.is_err());
        assert_eq!(source.get(&patient, true).await.unwrap(), 1, "what was under way goes on");
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_value_that_is_meant_is_forgotten() {
        let (source, budget) = (Source::new(None), budget(60));
        source.get(&budget, true).await.unwrap();
        source.flights.forget("r", |value| *value == 7);
        assert_eq!(source.get(&budget, true).await.unwrap(), 1);
        source.flights.forget("r", |value| *value == 1);
        assert_eq!(source.get(&budget, true).await.unwrap(), 2);
    }
}
