//! One lock per key (what Terraform's Go providers call a `MutexKV`).

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::OwnedMutexGuard, time::Instant};

use crate::budget::{Budget, Ended};

/// A lock for each key, first come first served. Keys that nobody holds or waits for take no space. Clones share the locks.
pub struct KeyedMutex<K>(Arc<Entries<K>>);

/// A std mutex: it is held to count users, never across an await. The locks themselves are tokio's, which are fair and
/// are held across awaits: that is what they are for.
type Entries<K> = Mutex<HashMap<K, Entry>>;

struct Entry {
    lock: Arc<tokio::sync::Mutex<()>>,
    /// Guards and waiters. The entry goes with the last of them.
    users: usize,
}

/// Holds a key's lock until dropped.
#[must_use = "dropping the guard opens the lock"]
pub struct KeyedGuard<K: Eq + Hash> {
    waited: Duration,
    // In this order: the lock must be open before the entry may go, or a newcomer would get a second lock for the key.
    _held: OwnedMutexGuard<()>,
    user: User<K>,
}

impl<K: Clone + Eq + Hash> KeyedMutex<K> {
    /// No key is locked.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for `key`'s lock. Dropping the future gives up the place in the queue.
    ///
    /// # Errors
    /// [`Ended`] when the budget ended first.
    pub async fn lock(&self, key: K, budget: &Budget) -> Result<KeyedGuard<K>, Ended> {
        let began = Instant::now();
        let (user, lock) = User::register(&self.0, key);
        let held = budget.run(lock.lock_owned()).await?;
        Ok(KeyedGuard { waited: began.elapsed(), _held: held, user })
    }

    /// Waits for the locks of all `keys`, one after the other in their order, so that two callers who want some of the
    /// same keys never wait for each other; a key given twice is locked once. Hold no other lock of this mutex meanwhile.
    ///
    /// # Errors
    /// [`Ended`] when the budget ended first; no lock is held then.
    pub async fn lock_many(
        &self,
        keys: impl IntoIterator<Item = K>,
        budget: &Budget,
    ) -> Result<Vec<KeyedGuard<K>>, Ended>
    where
        K: Ord,
    {
        let mut keys: Vec<K> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let mut guards = Vec::with_capacity(keys.len());
        for key in keys {
            guards.push(self.lock(key, budget).await?);
        }
        Ok(guards)
    }

    /// How many keys are held or waited for.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether no key is held or waited for.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Eq + Hash> KeyedGuard<K> {
    /// How long the lock was waited for.
    pub const fn waited(&self) -> Duration {
        self.waited
    }
}

/// Keeps a key's entry alive.
struct User<K: Eq + Hash> {
    entries: Arc<Entries<K>>,
    key: K,
}

impl<K: Clone + Eq + Hash> User<K> {
    fn register(entries: &Arc<Entries<K>>, key: K) -> (Self, Arc<tokio::sync::Mutex<()>>) {
        let lock = {
            let mut map = entries.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = map.entry(key.clone()).or_insert_with(|| Entry { lock: Arc::default(), users: 0 });
            entry.users += 1;
            Arc::clone(&entry.lock)
        };
        (Self { entries: Arc::clone(entries), key }, lock)
    }
}

impl<K: Eq + Hash> Drop for User<K> {
    fn drop(&mut self) {
        let mut map = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = map.get_mut(&self.key) {
            entry.users -= 1;
            if entry.users == 0 {
                map.remove(&self.key);
            }
        }
    }
}

impl<K> Default for KeyedMutex<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K> Clone for KeyedMutex<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for KeyedMutex<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("KeyedMutex").field("keys", &keys).finish()
    }
}

impl<K: Eq + Hash + fmt::Debug> fmt::Debug for KeyedGuard<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedGuard").field("key", &self.user.key).field("waited", &self.waited).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn budget(timeout: Duration) -> Budget {
        Budget::new(timeout, CancellationToken::new())
    }

    #[tokio::test(start_paused = true)]
    async fn callers_of_a_key_take_turns_in_order_and_other_keys_do_not_wait() {
        let locks = KeyedMutex::new();
        let order = Mutex::new(Vec::new());
        let hold = async |key: &'static str, name: u32| {
            let guard = locks.lock(key, &budget(60 * SECOND)).await.unwrap();
            order.lock().unwrap().push((name, guard.waited().as_secs()));
            sleep(SECOND).await;
        };
        tokio::join!(hold("a", 1), hold("a", 2), hold("a", 3), hold("b", 4));
        assert_eq!(order.into_inner().unwrap(), [(1, 0), (4, 0), (2, 1), (3, 2)]);
        assert!(locks.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_its_budget_and_leaves_the_queue_intact() {
        let locks = KeyedMutex::new();
        let held = locks.lock("a", &budget(SECOND)).await.unwrap();
        let (impatient, patient) = (budget(SECOND), budget(60 * SECOND));
        let (first, second, ()) = tokio::join!(locks.lock("a", &impatient), locks.lock("a", &patient), async {
            sleep(3 * SECOND).await;
            drop(held);
        });
        assert!(matches!(first, Err(Ended::DeadlineExceeded)));
        assert_eq!(second.unwrap().waited(), 3 * SECOND);
        assert!(locks.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn callers_that_want_the_same_keys_in_opposite_order_do_not_block_each_other() {
        let locks = KeyedMutex::new();
        let hold = async |keys: [u32; 3]| {
            let guards = locks.lock_many(keys, &budget(60 * SECOND)).await.unwrap();
            assert_eq!(guards.len(), 2);
            sleep(SECOND).await;
        };
        tokio::join!(hold([1, 2, 2]), hold([2, 1, 1]), hold([1, 2, 1]));
        assert!(locks.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
        /// Callers with random keys, some of which go away while they wait or hold.
        #[test]
        fn nobody_shares_a_key_and_nobody_is_forgotten(
            calls in proptest::collection::vec(
                (0u64..200, proptest::collection::vec(0usize..4, 1..4), 1u64..50, proptest::option::of(0u64..300)), 1..30,
            ),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let locks = KeyedMutex::new();
                let holders = Arc::new(Mutex::new([0u32; 4]));
                struct Inside(Arc<Mutex<[u32; 4]>>, Vec<usize>);
                impl Drop for Inside {
                    fn drop(&mut self) {
                        let mut holders = self.0.lock().unwrap();
                        self.1.iter().for_each(|key| holders[*key] -= 1);
                    }
                }
                let tasks: Vec<_> = calls.into_iter().map(|(at, keys, hold, patience)| {
                    let (locks, holders) = (locks.clone(), Arc::clone(&holders));
                    tokio::spawn(async move {
                        sleep(Duration::from_millis(at)).await;
                        let work = async {
                            let _guards = locks.lock_many(keys.clone(), &budget(60 * SECOND)).await.unwrap();
                            let mut keys = keys;
                            keys.sort_unstable();
                            keys.dedup();
                            {
                                let mut holders = holders.lock().unwrap();
                                for key in &keys {
                                    holders[*key] += 1;
                                    assert_eq!(holders[*key], 1);
                                }
                            }
                            let _inside = Inside(holders, keys);
                            sleep(Duration::from_millis(hold)).await;
                        };
                        match patience {
                            None => work.await,
                            Some(patience) => drop(tokio::time::timeout(Duration::from_millis(patience), work).await),
                        }
                    })
                }).collect();
                for task in tasks {
                    tokio::time::timeout(120 * SECOND, task).await.expect("nobody waits for ever").unwrap();
                }
                assert!(locks.is_empty());
            });
        }
    }
}
