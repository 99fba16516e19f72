//! Servers that are stopped while volumes are detached from them, and started again by whoever is done last.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    api::{AttachmentApi, Failure},
    drive::{Problem, problem},
    ledger::Ledger,
    sight::{Pair, Readiness, ServerSight},
    step::Refusal,
};
use crate::{
    backoff::{Backoff, BackoffConfig},
    budget::Budget,
    ids::ServerId,
};

/// Between looks at a server that is on its way up or down.
const LOOKS: BackoffConfig =
    BackoffConfig { initial: Duration::from_millis(250), max: Duration::from_secs(3), multiplier: 1.5 };

/// The servers that detaches of this process want stopped.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoppedServers(Arc<Mutex<HashMap<Key, Arc<Server>>>>);

/// A region and a server in it.
type Key = (String, ServerId);

#[derive(Debug, Default)]
struct Server {
    /// How many detaches want it stopped. A std mutex, never held across an await.
    wanted: Mutex<usize>,
    /// Held across awaits, because stopping and starting are: whoever comes second waits until the server has stopped, and
    /// nobody stops one that is being started.
    power: tokio::sync::Mutex<Power>,
}

#[derive(Debug, Default)]
struct Power {
    /// Seen stopped since the first detach came.
    stopped: bool,
    /// Stopped by this process, or by an earlier run that did not come to start it again.
    ours: bool,
}

/// One detach's wish that its server be stopped. Everyone joins before looking, so that a server is not started between two
/// detaches that came together.
#[derive(Debug)]
pub(crate) struct Joined {
    servers: StoppedServers,
    key: Key,
    server: Arc<Server>,
}

impl StoppedServers {
    /// Joins those who want the server stopped.
    pub(crate) fn join(&self, api: &dyn AttachmentApi, server: &ServerId) -> Joined {
        let key = (api.region(), server.clone());
        let server = Arc::clone(self.table().entry(key.clone()).or_default());
        *server.wanted() += 1;
        Joined { servers: self.clone(), key, server }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<Key, Arc<Server>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Joined {
    /// Stops the server unless it is stopped, and returns once it is.
    pub(crate) async fn stop(
        &self,
        api: &dyn AttachmentApi,
        pair: &Pair,
        ledger: &Ledger,
        budget: &Budget,
    ) -> Result<(), Problem> {
        let mut power = budget.run(self.server.power.lock()).await.map_err(|ended| Problem::Ended {
            ended,
            waiting_for: "the server to stop for another detach".to_owned(),
        })?;
        if power.stopped {
            return Ok(());
        }
        let server = look(api, pair, budget).await?;
        if server.readiness == Readiness::Running {
            if server.locked {
                return Err(Problem::Refused(Refusal::ServerLocked));
            }
            // From here on the server must be started again, whatever happens.
            ledger.stopping();
            power.ours = true;
            tracing::info!(server = %pair.server, "stopping, to detach");
            api.power(pair, false, budget).await.map_err(problem)?;
        }
        reach(api, pair, Readiness::Stopped, budget).await?;
        power.stopped = true;
        Ok(())
    }

    /// Leaves, and starts the server again if this was the last detach and the server ran before. `restart` says that an
    /// earlier run stopped it.
    pub(crate) async fn leave(
        self,
        api: &dyn AttachmentApi,
        pair: &Pair,
        ledger: &Ledger,
        budget: &Budget,
    ) -> Result<(), Problem> {
        let server = Arc::clone(&self.server);
        let restart = ledger.must_start();
        let mut power = budget.run(server.power.lock()).await.map_err(|ended| Problem::Ended {
            ended,
            waiting_for: "the server's turn to be started again".to_owned(),
        })?;
        power.ours |= restart;
        drop(self);
        if *server.wanted() > 0 {
            // Whoever is last starts it, also for this one.
            ledger.started();
            return Ok(());
        }
        if power.ours {
            let seen = look(api, pair, budget).await?;
            if seen.readiness == Readiness::Stopped {
                tracing::info!(server = %pair.server, "starting again");
                api.power(pair, true, budget).await.map_err(problem)?;
            }
            reach(api, pair, Readiness::Running, budget).await?;
        }
        ledger.started();
        *power = Power::default();
        Ok(())
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        let mut table = self.servers.table();
        let left = {
            let mut wanted = self.server.wanted();
            *wanted = wanted.saturating_sub(1);
            *wanted
        };
        if left == 0 {
            table.remove(&self.key);
        }
    }
}

impl Server {
    fn wanted(&self) -> MutexGuard<'_, usize> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server as it is now.
async fn look(api: &dyn AttachmentApi, pair: &Pair, budget: &Budget) -> Result<ServerSight, Problem> {
    let sight = api.look(pair, budget).await.map_err(problem)?;
    sight.server.ok_or(Problem::Refused(Refusal::NoServer))
}

/// Waits until the server is running, or stopped.
async fn reach(api: &dyn AttachmentApi, pair: &Pair, wanted: Readiness, budget: &Budget) -> Result<(), Problem> {
    let mut looks = Backoff::new(&LOOKS);
    loop {
        let server = look(api, pair, budget).await?;
        match server.readiness {
            readiness if readiness == wanted => return Ok(()),
            Readiness::Unfit => return Err(Problem::Refused(Refusal::ServerState(server.status))),
            _ => {
                let waiting_for = format!("the server is {}", server.status);
                budget.sleep(looks.next_delay()).await.map_err(|ended| Problem::Ended { ended, waiting_for })?;
            }
        }
    }
}

/// What a cloud without power calls answers.
pub(crate) fn no_power() -> Failure {
    Failure {
        kind: crate::transport::ErrorKind::Invalid,
        operation: "power".to_owned(),
        text: "servers of this kind are not stopped and started by this provider".to_owned(),
        clock_skew: None,
        busy: false,
    }
}
