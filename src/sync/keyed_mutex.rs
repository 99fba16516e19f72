//! One lock per key (what Terraform's Go providers call a `MutexKV`), several keys at a time.

use std::{
    collections::HashSet,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

use crate::budget::{Budget, Ended};

/// How often callers that come later and need fewer keys may go before one that waits for several. After that its keys are
/// kept for it, so that a queue that never empties cannot starve it.
const MOST_OVERTAKEN: u32 = 8;

/// A lock for each key. Callers of a key take turns in the order in which they came; one that wants several keys gets all
/// of them at once and holds none while it waits, so that those who need less pass it. Keys that nobody holds or waits for
/// take no space. Clones share the locks.
pub struct KeyedMutex<K>(Arc<Mutex<Queue<K>>>);

/// Behind a std mutex: it is held for a few moves, never across an await.
struct Queue<K> {
    held: HashSet<K>,
    /// Those who wait, in the order in which they came.
    waiting: Vec<Waiting<K>>,
    next_id: u64,
}

struct Waiting<K> {
    id: u64,
    keys: Vec<K>,
    overtaken: u32,
    turn: oneshot::Sender<()>,
}

/// Holds the locks of its keys until dropped.
#[must_use = "dropping the guard opens the lock"]
pub struct KeyedGuard<K: Clone + Eq + Hash> {
    place: Place<K>,
    waited: Duration,
}

/// A caller's place: in the queue at first, then among those who hold. Dropping it gives up either.
struct Place<K: Clone + Eq + Hash> {
    queue: Arc<Mutex<Queue<K>>>,
    id: u64,
    keys: Vec<K>,
}

impl<K: Clone + Eq + Hash> KeyedMutex<K> {
    /// No key is locked.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for the locks of all `keys`; a key given twice counts once. Dropping the future gives up the place in the
    /// queue. Hold no other lock of this mutex meanwhile: two callers who did might wait for each other.
    ///
    /// # Errors
    /// [`Ended`] when the budget ended first; nothing is held then.
    pub async fn lock(&self, keys: impl IntoIterator<Item = K>, budget: &Budget) -> Result<KeyedGuard<K>, Ended> {
        let began = Instant::now();
        let (place, turn) = self.enqueue(keys);
        // The sender lives in the queue until it is used, so that there is no other end to this wait.
        let _ = budget.run(turn).await?;
        Ok(KeyedGuard { place, waited: began.elapsed() })
    }

    fn enqueue(&self, keys: impl IntoIterator<Item = K>) -> (Place<K>, oneshot::Receiver<()>) {
        let mut unique = HashSet::new();
        let keys: Vec<K> = keys.into_iter().filter(|key| unique.insert(key.clone())).collect();
        let (turn, comes) = oneshot::channel();
        let mut queue = lock(&self.0);
        let id = queue.next_id;
        queue.next_id += 1;
        queue.waiting.push(Waiting { id, keys: keys.clone(), overtaken: 0, turn });
        queue.advance();
        drop(queue);
        (Place { queue: Arc::clone(&self.0), id, keys }, comes)
    }

    /// How many keys are held, and how many callers wait.
    pub fn len(&self) -> usize {
        let queue = lock(&self.0);
        queue.held.len() + queue.waiting.len()
    }

    /// Whether nothing is held and nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Clone + Eq + Hash> Queue<K> {
    /// Gives their turns to those whose keys are all free, in the order in which they came.
    fn advance(&mut self) {
        let mut kept: HashSet<K> = HashSet::new();
        let mut index = 0;
        while let Some(next) = self.waiting.get(index) {
            if next.keys.iter().any(|key| self.held.contains(key) || kept.contains(key)) {
                if next.overtaken >= MOST_OVERTAKEN {
                    kept.extend(next.keys.iter().cloned());
                }
                index += 1;
                continue;
            }
            let next = self.waiting.remove(index);
            for earlier in &mut self.waiting[..index] {
                earlier.overtaken += u32::from(earlier.keys.iter().any(|key| next.keys.contains(key)));
            }
            self.held.extend(next.keys);
            // One who went away meanwhile drops its place next, and with it what it holds.
            let _ = next.turn.send(());
        }
    }
}

impl<K: Clone + Eq + Hash> KeyedGuard<K> {
    /// How long the locks were waited for.
    pub const fn waited(&self) -> Duration {
        self.waited
    }
}

impl<K: Clone + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut queue = lock(&self.queue);
        if let Some(index) = queue.waiting.iter().position(|waiting| waiting.id == self.id) {
            queue.waiting.remove(index);
        } else {
            self.keys.iter().for_each(|key| {
                queue.held.remove(key);
            });
        }
        queue.advance();
    }
}

fn lock<K>(queue: &Mutex<Queue<K>>) -> MutexGuard<'_, Queue<K>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K> Default for KeyedMutex<K> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Queue { held: HashSet::new(), waiting: Vec::new(), next_id: 0 })))
    }
}

impl<K> Clone for KeyedMutex<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for KeyedMutex<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = lock(&self.0);
        let (held, waiting) = (queue.held.len(), queue.waiting.len());
        drop(queue);
        f.debug_struct("KeyedMutex").field("held", &held).field("waiting", &waiting).finish()
    }
}

impl<K: Clone + Eq + Hash + fmt::Debug> fmt::Debug for KeyedGuard<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedGuard").field("keys", &self.place.keys).field("waited", &self.waited).finish()
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
            let guard = locks.lock([key], &budget(60 * SECOND)).await.unwrap();
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
        let held = locks.lock(["a"], &budget(SECOND)).await.unwrap();
        let (impatient, patient) = (budget(SECOND), budget(60 * SECOND));
        let (first, second, ()) = tokio::join!(locks.lock(["a"], &impatient), locks.lock(["a"], &patient), async {
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
            let guard = locks.lock(keys, &budget(60 * SECOND)).await.unwrap();
            assert_eq!(locks.0.lock().unwrap().held, HashSet::from([1, 2]));
            sleep(SECOND).await;
            drop(guard);
        };
        tokio::join!(hold([1, 2, 2]), hold([2, 1, 1]), hold([1, 2, 1]));
        assert!(locks.is_empty());
    }

    /// Holds `keys` for a second and tells in which second that began.
    async fn second(locks: &KeyedMutex<u32>, keys: &[u32]) -> u64 {
        let guard = locks.lock(keys.iter().copied(), &budget(600 * SECOND)).await.unwrap();
        sleep(SECOND).await;
        guard.waited().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_waits_for_several_keys_holds_none_of_them() {
        let locks = KeyedMutex::new();
        let began = tokio::join!(second(&locks, &[2]), second(&locks, &[1, 2]), second(&locks, &[1]));
        assert_eq!(began, (0, 1, 0));
        assert!(locks.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_waits_for_several_keys_is_not_overtaken_for_ever() {
        let locks = KeyedMutex::new();
        // Two streams of callers, each with somebody waiting all the time, whose ends never meet.
        let stream = async |key: u32, offset: Duration| {
            let callers = (0..50).map(async |n| {
                sleep(offset + SECOND * n * 9 / 10).await;
                second(&locks, &[key]).await
            });
            futures::future::join_all(callers).await;
        };
        let both = async {
            sleep(SECOND / 4).await;
            second(&locks, &[1, 2]).await
        };
        let ((), (), waited) = tokio::join!(stream(1, Duration::ZERO), stream(2, SECOND / 2), both);
        assert!(waited < 20, "{waited} s");
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
                            let _guard = locks.lock(keys.clone(), &budget(60 * SECOND)).await.unwrap();
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
