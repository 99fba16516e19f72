//! Reads of the same thing at the same time become one read.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use tokio::time::Instant;

use crate::budget::{Budget, Ended};

/// How long a read may go on that callers still wait for; each caller's own budget is shorter.
const LONGEST: Duration = Duration::from_secs(3600);

/// Shares reads in flight, and keeps good answers for a while. Clones share them.
pub struct SharedReads<K, V, E> {
    /// A std mutex: it is held to look and to exchange, never across an await.
    table: Arc<Mutex<Table<K, V, E>>>,
    keep: Duration,
}

struct Table<K, V, E> {
    entries: HashMap<K, Entry<V, E>>,
}

enum Entry<V, E> {
    /// Weak: a read that nobody waits for any more ends, and the next caller begins another.
    InFlight(WeakShared<Read<V, E>>),
    Kept {
        value: V,
        until: Instant,
    },
}

enum Found<V, E> {
    InFlight(Shared<Read<V, E>>),
    Kept(V),
}

type Read<V, E> = BoxFuture<'static, Result<V, ReadError<E>>>;

/// Why a read gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError<E> {
    /// This caller's budget ended; the read goes on if others wait for it.
    #[error("{0}")]
    Ended(Ended),
    /// The read failed. All who waited for it get the same error.
    #[error("{0}")]
    Failed(Arc<E>),
    /// The read panicked.
    #[error("the read ended without an answer")]
    Lost,
}

impl<K, V, E> SharedReads<K, V, E>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Keeps answers for `keep`, counted from their arrival; zero shares only reads in flight.
    pub fn new(keep: Duration) -> Self {
        Self { table: Arc::new(Mutex::new(Table { entries: HashMap::new() })), keep }
    }

    /// The answer for `key`: one that was kept, that of a read in flight, or that of `read`.
    ///
    /// `read` is given a budget with this one's stop token and without its deadline, because it may come to serve
    /// callers who have more time; it is dropped when nobody waits for it any more.
    ///
    /// # Errors
    /// [`ReadError`]: this caller's budget ended, or the read failed.
    pub async fn get<F>(&self, key: K, budget: &Budget, read: impl FnOnce(Budget) -> F) -> Result<V, ReadError<E>>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let answer = match self.table().look(&key) {
            Some(Found::Kept(value)) => return Ok(value),
            Some(Found::InFlight(answer)) => Some(answer),
            None => None,
        };
        let answer = match answer {
            Some(answer) => answer,
            // The caller's code runs without the lock, so somebody else may be first: then this read is never begun.
            None => match self.begin(key, read(budget.with_grace(LONGEST))) {
                Found::Kept(value) => return Ok(value),
                Found::InFlight(answer) => answer,
            },
        };
        budget.run(answer).await.unwrap_or_else(|ended| Err(ReadError::Ended(ended)))
    }

    /// Puts a read in flight unless there is one by now. It does nothing before it is awaited.
    fn begin(&self, key: K, read: impl Future<Output = Result<V, E>> + Send + 'static) -> Found<V, E> {
        let mut table = self.table();
        if let Some(found) = table.look(&key) {
            return found;
        }
        let (reads, own_key) = (self.clone(), key.clone());
        let whole = async move {
            let answer = match AssertUnwindSafe(read).catch_unwind().await {
                Ok(Ok(value)) => Ok(value),
                Ok(Err(error)) => Err(ReadError::Failed(Arc::new(error))),
                Err(_) => Err(ReadError::Lost),
            };
            reads.finish(&own_key, answer.as_ref().ok());
            answer
        };
        let answer = whole.boxed().shared();
        if let Some(read) = answer.downgrade() {
            table.sweep();
            table.entries.insert(key, Entry::InFlight(read));
        }
        Found::InFlight(answer)
    }

    /// Keeps the answer of a read, or forgets the read.
    fn finish(&self, key: &K, value: Option<&V>) {
        let mut table = self.table();
        table.entries.remove(key);
        let until = Instant::now().checked_add(self.keep).filter(|_| !self.keep.is_zero());
        if let (Some(value), Some(until)) = (value, until) {
            table.entries.insert(key.clone(), Entry::Kept { value: value.clone(), until });
        }
    }
}

impl<K, V, E> SharedReads<K, V, E> {
    fn table(&self) -> MutexGuard<'_, Table<K, V, E>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V: Clone, E> Table<K, V, E> {
    fn look(&self, key: &K) -> Option<Found<V, E>> {
        match self.entries.get(key)? {
            Entry::Kept { value, until } if Instant::now() < *until => Some(Found::Kept(value.clone())),
            Entry::Kept { .. } => None,
            Entry::InFlight(read) => read.upgrade().map(Found::InFlight),
        }
    }

    /// Forgets what serves nobody any more, so that keys asked for once take no space.
    fn sweep(&mut self) {
        let now = Instant::now();
        self.entries.retain(|_, entry| match entry {
            Entry::Kept { until, .. } => now < *until,
            Entry::InFlight(read) => read.upgrade().is_some(),
        });
    }
}

impl<E> Clone for ReadError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Ended(ended) => Self::Ended(*ended),
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::Lost => Self::Lost,
        }
    }
}

impl<K, V, E> Clone for SharedReads<K, V, E> {
    fn clone(&self) -> Self {
        Self { table: Arc::clone(&self.table), keep: self.keep }
    }
}

impl<K, V, E> fmt::Debug for SharedReads<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedReads").field("keep", &self.keep).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use proptest::prelude::*;
    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    type Numbers = SharedReads<&'static str, u32, String>;

    fn budget(timeout: Duration) -> Budget {
        Budget::new(timeout, CancellationToken::new())
    }

    /// Reads take a second and give the number of the read, from 1.
    async fn get(reads: &Numbers, count: &Arc<AtomicU32>, timeout: Duration) -> Result<u32, ReadError<String>> {
        let count = Arc::clone(count);
        let read = |_| async move {
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            sleep(SECOND).await;
            Ok(number)
        };
        reads.get("server", &budget(timeout), read).await
    }

    #[tokio::test(start_paused = true)]
    async fn reads_at_the_same_time_are_one_and_later_ones_are_new() {
        let (reads, count) = (Numbers::new(Duration::ZERO), Arc::default());
        let both = tokio::join!(get(&reads, &count, 9 * SECOND), async {
            sleep(SECOND / 2).await;
            get(&reads, &count, 9 * SECOND).await
        });
        assert!(matches!(both, (Ok(1), Ok(1))), "{both:?}");
        assert!(matches!(get(&reads, &count, 9 * SECOND).await, Ok(2)));
        assert!(reads.table().entries.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_its_time() {
        let (reads, count) = (Numbers::new(5 * SECOND), Arc::default());
        assert!(matches!(get(&reads, &count, 9 * SECOND).await, Ok(1)));
        sleep(4 * SECOND).await;
        assert!(matches!(get(&reads, &count, 9 * SECOND).await, Ok(1)));
        sleep(SECOND).await;
        assert!(matches!(get(&reads, &count, 9 * SECOND).await, Ok(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_caller_that_began_a_read_may_go_away_and_others_still_get_it() {
        let (reads, count) = (Numbers::new(Duration::ZERO), Arc::default());
        let (first, second) = tokio::join!(get(&reads, &count, SECOND / 2), get(&reads, &count, 9 * SECOND));
        assert!(matches!(first, Err(ReadError::Ended(Ended::DeadlineExceeded))));
        assert!(matches!(second, Ok(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_nobody_waits_for_is_dropped_and_not_taken_up_again() {
        let (reads, count) = (Numbers::new(Duration::ZERO), Arc::default());
        assert!(get(&reads, &count, SECOND / 2).await.is_err());
        sleep(60 * SECOND).await;
        assert!(matches!(get(&reads, &count, 9 * SECOND).await, Ok(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_shared_by_those_in_flight_and_never_kept() {
        let reads = Numbers::new(60 * SECOND);
        let budget = budget(9 * SECOND);
        let fail = |_| async {
            sleep(SECOND).await;
            Err("no route".to_owned())
        };
        let both = tokio::join!(reads.get("server", &budget, fail), reads.get("server", &budget, fail));
        let (Err(ReadError::Failed(a)), Err(ReadError::Failed(b))) = both else { panic!("{both:?}") };
        assert!(Arc::ptr_eq(&a, &b) && *a == "no route");
        assert!(matches!(reads.get("server", &budget, |_| async { Ok(7) }).await, Ok(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_panics_is_an_error_for_all_who_waited() {
        let reads = Numbers::new(Duration::ZERO);
        let budget = budget(9 * SECOND);
        let fail = |_| async {
            sleep(SECOND).await;
            panic!("the read panics")
        };
        let both = tokio::join!(reads.get("server", &budget, fail), reads.get("server", &budget, fail));
        assert!(matches!(both, (Err(ReadError::Lost), Err(ReadError::Lost))), "{both:?}");
        assert!(matches!(get(&reads, &Arc::default(), 9 * SECOND).await, Ok(1)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
        /// The truth changes at random times, each change with a new key; readers come and go.
        #[test]
        fn no_caller_gets_an_answer_to_another_key_or_none(
            readers in proptest::collection::vec((0u64..500, 1u64..60, proptest::option::of(0u64..60)), 1..30),
            changes in proptest::collection::vec(0u64..500, 0..10),
            keep in 0u64..100,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let reads = SharedReads::<u32, u32, String>::new(Duration::from_millis(keep));
                let truth = Arc::new(AtomicU32::new(0));
                let mut tasks = Vec::new();
                for at in changes {
                    let truth = Arc::clone(&truth);
                    tasks.push(tokio::spawn(async move {
                        sleep(Duration::from_millis(at)).await;
                        truth.fetch_add(1, Ordering::Relaxed);
                    }));
                }
                for (at, takes, patience) in readers {
                    let (reads, truth) = (reads.clone(), Arc::clone(&truth));
                    tasks.push(tokio::spawn(async move {
                        sleep(Duration::from_millis(at)).await;
                        let asked_at = truth.load(Ordering::Relaxed);
                        let budget = budget(patience.map_or(60 * SECOND, Duration::from_millis));
                        let read = |_| async move {
                            // The answer is the truth at the beginning, the worst case.
                            let seen = truth.load(Ordering::Relaxed);
                            sleep(Duration::from_millis(takes)).await;
                            Ok(seen)
                        };
                        match reads.get(asked_at, &budget, read).await {
                            Ok(seen) => assert_eq!(seen, asked_at, "it is another key's"),
                            Err(error) => assert!(matches!(error, ReadError::Ended(_)) && patience.is_some()),
                        }
                    }));
                }
                for task in tasks {
                    tokio::time::timeout(120 * SECOND, task).await.expect("nobody waits for ever").unwrap();
                }
            });
        }
    }
}
