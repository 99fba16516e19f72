//! Servers that turn out to take one operation at a time. Whether they do is not documented: ours are sent at once, until a
//! server refuses one while another of ours is under way. From then on they take turns there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    budget::Budget,
    ids::ServerId,
    provider::attachment::{api::Failure, follow::ended_failure},
    sync::{KeyedGuard, KeyedMutex},
};

/// What this process has seen of servers, and the turns of those that need them. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Servers {
    /// A std mutex: held for a look-up, never across an await.
    seen: Arc<Mutex<HashMap<ServerId, Seen>>>,
    turns: KeyedMutex<ServerId>,
}

#[derive(Debug, Default)]
struct Seen {
    under_way: usize,
    one_at_a_time: bool,
}

/// An attach or a detach, from before its call to its end.
#[derive(Debug)]
pub(super) struct UnderWay {
    servers: Servers,
    server: ServerId,
    _turn: Option<KeyedGuard<ServerId>>,
}

impl Servers {
    /// Begins an operation: at once, or when its turn comes.
    pub(super) async fn begin(&self, server: &ServerId, budget: &Budget) -> Result<UnderWay, Failure> {
        let takes_turns = self.lock().get(server).is_some_and(|seen| seen.one_at_a_time);
        let turn = if takes_turns {
            let turn = self.turns.lock([server.clone()], budget).await;
            let waiting_for = || "its turn has not come: other attaches and detaches of the server".to_owned();
            Some(turn.map_err(|ended| ended_failure(ended, waiting_for()))?)
        } else {
            None
        };
        self.lock().entry(server.clone()).or_default().under_way += 1;
        Ok(UnderWay { servers: self.clone(), server: server.clone(), _turn: turn })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ServerId, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    /// To be asked when the server refuses this one for a conflict: whether another of ours explains that, so that it will
    /// pass.
    pub(super) fn is_in_anothers_way(&self) -> bool {
        let mut seen = self.servers.lock();
        let Some(seen) = seen.get_mut(&self.server) else { return false };
        seen.one_at_a_time |= seen.under_way > 1;
        seen.under_way > 1
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut table = self.servers.lock();
        if let Some(seen) = table.get_mut(&self.server) {
            seen.under_way -= 1;
            if seen.under_way == 0 && !seen.one_at_a_time {
                table.remove(&self.server);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn operations_take_turns_once_the_server_refused_one_for_another() {
        let (servers, server) = (Servers::default(), ServerId::new("server-1"));
        let budget = Budget::new(Duration::from_secs(60), CancellationToken::new());
        let began = Instant::now();
        let operation = async || {
            let under_way = servers.begin(&server, &budget).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            under_way
        };

        let (first, second) = tokio::join!(operation(), operation());
        assert_eq!(began.elapsed().as_secs(), 1, "together, as long as nothing speaks against it");
        assert!(second.is_in_anothers_way());
        drop(first);
        assert!(!second.is_in_anothers_way(), "nobody else is there to be in the way of");
        drop(second);

        tokio::join!(async { drop(operation().await) }, async { drop(operation().await) });
        assert_eq!(began.elapsed().as_secs(), 3, "one after the other");
        let short = Budget::new(Duration::from_millis(500), CancellationToken::new());
        let (held, refused) = tokio::join!(operation(), servers.begin(&server, &short));
        assert!(refused.is_err_and(|failure| failure.text.contains("its turn has not come")));
        drop(held);
    }

    #[tokio::test]
    async fn a_server_that_never_refused_anything_is_forgotten() {
        let (servers, server) = (Servers::default(), ServerId::new("server-1"));
        let budget = Budget::new(Duration::from_secs(60), CancellationToken::new());
        let alone = servers.begin(&server, &budget).await.unwrap();
        assert!(!alone.is_in_anothers_way());
        drop(alone);
        assert!(servers.lock().is_empty());
    }
}
