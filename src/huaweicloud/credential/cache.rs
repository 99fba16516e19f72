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
const REFUSAL: Duration = Duration::from_secs(60);

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
