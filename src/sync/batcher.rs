//! Coalesces operations that one call can do together.
//!
//! The first member of a key opens a batch and a task of its own. The task lingers for more members, closes the batch,
//! drops the members whose callers went away, executes the rest, and answers each. Because it is a task, no caller's
//! cancellation reaches another caller.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, timeout_at},
};

use crate::budget::{Budget, Ended};

/// Does the operations of a batch.
#[async_trait]
pub trait BatchExecutor: Send + Sync + 'static {
    /// What the members of a batch have in common.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    /// One member's operation. It carries what it may take, a [`Budget`], because the batch has none of its own.
    type Item: Send + 'static;
    /// One member's answer.
    type Output: Send + 'static;

    /// Executes one batch of at least one item and gives one answer for each, in their order.
    ///
    /// It runs to its end whether or not callers still wait, so it must keep to the items' budgets. Batches of one key
    /// may run at the same time.
    async fn execute(&self, key: &Self::Key, items: Vec<Self::Item>) -> Vec<Self::Output>;
}

/// When a batch is closed.
#[derive(Clone, Copy, Debug)]
pub struct BatcherConfig {
    /// After this time without a new member.
    pub linger: Duration,
    /// After this time at the latest.
    pub max_linger: Duration,
    /// With this many members.
    pub max_items: usize,
    /// How long after the end of its budget a caller still waits for the answer of a batch under way: the executor is
    /// ending too, and only it knows what was sent.
    pub grace: Duration,
}

impl Default for BatcherConfig {
    fn default() -> Self {
        Self {
            linger: Duration::from_millis(50),
            max_linger: Duration::from_millis(500),
            max_items: 100,
            grace: Duration::from_secs(5),
        }
    }
}

/// Why a member got no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BatchError {
    /// The budget ended while the batch was still gathering; nothing was done.
    #[error("{0} before the batch was begun")]
    NotStarted(Ended),
    /// The budget ended and the batch, which was under way, did not answer in its grace; it may have been done.
    #[error("{0} while the batch was under way")]
    Unanswered(Ended),
    /// The executor panicked, was dropped with the runtime, or gave too few answers; it may have been done.
    #[error("the batch ended without an answer")]
    Lost,
}

/// Gathers operations by key and has them executed together. Clones share the batches.
pub struct Batcher<X: BatchExecutor>(Arc<Shared<X>>);

struct Shared<X: BatchExecutor> {
    executor: X,
    config: BatcherConfig,
    /// Batches that take members. Std mutexes, here and in [`Open`]: they are held for a few moves, never across an await.
    /// Where both are held, this one was taken first.
    open: Mutex<HashMap<X::Key, Arc<Open<X>>>>,
    /// How many callers have said that they may join soon, by key. Never held together with another lock.
    expected: Mutex<HashMap<X::Key, usize>>,
    next_id: AtomicU64,
}

struct Open<X: BatchExecutor> {
    members: Mutex<Vec<Member<X>>>,
    joined: Notify,
}

struct Member<X: BatchExecutor> {
    id: u64,
    item: X::Item,
    reply: oneshot::Sender<X::Output>,
}

impl<X: BatchExecutor> Batcher<X> {
    /// A batcher in front of `executor`.
    pub fn new(executor: X, config: BatcherConfig) -> Self {
        Self(Arc::new(Shared {
            executor,
            config,
            open: Mutex::default(),
            expected: Mutex::default(),
            next_id: AtomicU64::new(0),
        }))
    }

    /// Says that the caller may submit an item for `key` soon: until the answer is dropped, a batch of the key lingers for it,
    /// no longer than [`BatcherConfig::max_linger`]. So callers that look before they submit still meet.
    pub fn expect(&self, key: X::Key) -> Expected<X> {
        *self.0.expected().entry(key.clone()).or_default() += 1;
        Expected { shared: Arc::clone(&self.0), key }
    }

    /// Has `item` done together with what others submit for `key` at about the same time.
    ///
    /// Dropping the future before the batch is closed withdraws the item; after that it is done nevertheless.
    ///
    /// # Errors
    /// [`BatchError`]; its variants tell whether the item may have been done.
    pub async fn submit(&self, key: X::Key, item: X::Item, budget: &Budget) -> Result<X::Output, BatchError> {
        let (id, batch, mut answer) = self.join(&key, item);
        match budget.run(&mut answer).await {
            Ok(answer) => answer.map_err(|_| BatchError::Lost),
            Err(ended) if batch.withdraw(id) => Err(BatchError::NotStarted(ended)),
            Err(ended) => match tokio::time::timeout(self.0.config.grace, answer).await {
                Ok(answer) => answer.map_err(|_| BatchError::Lost),
                Err(_) => Err(BatchError::Unanswered(ended)),
            },
        }
    }

    /// Adds a member to the key's open batch, or opens one.
    fn join(&self, key: &X::Key, item: X::Item) -> (u64, Arc<Open<X>>, oneshot::Receiver<X::Output>) {
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = open.entry(key.clone()).or_insert_with(|| {
            let batch = Arc::new(Open { members: Mutex::default(), joined: Notify::new() });
            tokio::spawn(run(Arc::clone(&self.0), key.clone(), Arc::clone(&batch)));
            batch
        });
        let batch = Arc::clone(batch);
        let full = {
            let mut members = batch.members.lock().unwrap_or_else(PoisonError::into_inner);
            members.push(Member { id, item, reply });
            members.len() >= self.0.config.max_items
        };
        if full {
            // Closed to newcomers at once: the next one opens another batch.
            open.remove(key);
        }
        drop(open);
        batch.joined.notify_one();
        (id, batch, answer)
    }
}

/// A caller that may submit soon. See [`Batcher::expect`].
#[must_use]
pub struct Expected<X: BatchExecutor> {
    shared: Arc<Shared<X>>,
    key: X::Key,
}

impl<X: BatchExecutor> Drop for Expected<X> {
    fn drop(&mut self) {
        {
            let mut expected = self.shared.expected();
            if let Some(count) = expected.get_mut(&self.key) {
                *count -= 1;
                if *count == 0 {
                    expected.remove(&self.key);
                }
            }
        }
        let open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).get(&self.key).cloned();
        if let Some(batch) = open {
            batch.joined.notify_one();
        }
    }
}

impl<X: BatchExecutor> fmt::Debug for Expected<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expected").finish_non_exhaustive()
    }
}

impl<X: BatchExecutor> Shared<X> {
    fn expected(&self) -> MutexGuard<'_, HashMap<X::Key, usize>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expects(&self, key: &X::Key) -> bool {
        self.expected().contains_key(key)
    }
}

/// The life of one batch.
async fn run<X: BatchExecutor>(shared: Arc<Shared<X>>, key: X::Key, batch: Arc<Open<X>>) {
    linger(&shared, &key, &batch).await;
    let members = close(&shared, &key, &batch);
    if members.is_empty() {
        return;
    }
    let (items, replies): (Vec<_>, Vec<_>) = members.into_iter().map(|member| (member.item, member.reply)).unzip();
    tracing::debug!(items = items.len(), "batch begins");
    // Should this panic or be dropped, the replies are dropped with it, and every caller hears of that.
    let answers = shared.executor.execute(&key, items).await;
    for (reply, answer) in replies.into_iter().zip(answers) {
        // A caller that went away meanwhile is a normal event.
        let _ = reply.send(answer);
    }
}

/// Waits until nobody is expected and nobody has joined for a while, the batch is full, or it has waited long enough.
async fn linger<X: BatchExecutor>(shared: &Shared<X>, key: &X::Key, batch: &Open<X>) {
    let config = &shared.config;
    let latest = Instant::now() + config.max_linger;
    loop {
        if batch.members.lock().unwrap_or_else(PoisonError::into_inner).len() >= config.max_items {
            return;
        }
        let until = if shared.expects(key) { latest } else { latest.min(Instant::now() + config.linger) };
        if timeout_at(until, batch.joined.notified()).await.is_err() {
            return;
        }
    }
}

/// Takes the members that are still waited for; from here on nobody can join or withdraw.
fn close<X: BatchExecutor>(shared: &Shared<X>, key: &X::Key, batch: &Arc<Open<X>>) -> Vec<Member<X>> {
    let mut open = shared.open.lock().unwrap_or_else(PoisonError::into_inner);
    // A full batch left the map already, and another one may be there.
    if open.get(key).is_some_and(|current| Arc::ptr_eq(current, batch)) {
        open.remove(key);
    }
    let mut members = std::mem::take(&mut *batch.members.lock().unwrap_or_else(PoisonError::into_inner));
    drop(open);
    members.retain(|member| !member.reply.is_closed());
    members
}

impl<X: BatchExecutor> Open<X> {
    /// Takes a member back out; false when the batch is closed already.
    fn withdraw(&self, id: u64) -> bool {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let before = members.len();
        members.retain(|member| member.id != id);
        members.len() < before
    }
}

impl<X: BatchExecutor> Clone for Batcher<X> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<X: BatchExecutor> fmt::Debug for Batcher<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher").field("config", &self.0.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "batcher_tests.rs"]
mod tests;
