//! Servers that are stopped while volumes are detached from them, and started again by whoever is done last.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    api::{AttachmentApi, Failure},
    drive::{Problem, passing, problem},
    ledger::Ledger,
    sight::{Pair, Readiness},
    step::{LOST_WINDOW, MAX_SENDS, Refusal},
};
use crate::{
    backoff::{Backoff, BackoffConfig},
    budget::Budget,
    ids::ServerId,
    transport::ErrorKind,
};

/// Between looks at a server that is on its way up or down.
const LOOKS: BackoffConfig =
    BackoffConfig { initial: Duration::from_millis(250), max: Duration::from_secs(3), multiplier: 1.5 };

/// How often a refusal for something else that is going on with the server is waited out.
const MAX_CONFLICTS: u32 = 5;

/// The servers that detaches of this process want stopped.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoppedServers(Arc<Mutex<HashMap<Key, Arc<Server>>>>);

/// A region and a server in it.
type Key = (String, ServerId);

#[derive(Debug, Default)]
struct Server {
    /// Who wants it stopped. A std mutex, never held across an await.
    wishes: Mutex<Wishes>,
    /// Whether it was seen stopped since the first detach came. Held across awaits, because stopping and starting are:
    /// whoever comes second waits until the server has stopped, and nobody stops one that is being started.
    stopped: tokio::sync::Mutex<bool>,
}

#[derive(Debug, Default)]
struct Wishes {
    /// How many detaches want it stopped.
    count: usize,
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
    /// Whether this wish is still counted.
    counted: bool,
}

impl StoppedServers {
    /// Joins those who want the server stopped.
    pub(crate) fn join(&self, api: &dyn AttachmentApi, server: &ServerId) -> Joined {
        let key = (api.region(), server.clone());
        // Counted before the table is let go, so that the last one to leave does not take the entry away in between.
        let mut table = self.table();
        let server = Arc::clone(table.entry(key.clone()).or_default());
        server.wishes().count += 1;
        drop(table);
        Joined { servers: self.clone(), key, server, counted: true }
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
        let mut stopped = budget.run(self.server.stopped.lock()).await.map_err(|ended| Problem::Ended {
            ended,
            waiting_for: "the server to stop for another detach".to_owned(),
        })?;
        if *stopped {
            return Ok(());
        }
        let sending = || {
            // From here on the server must be started again, whatever happens.
            ledger.stopping();
            self.server.wishes().ours = true;
        };
        bring(api, pair, Readiness::Stopped, sending, budget).await?;
        *stopped = true;
        Ok(())
    }

    /// Leaves, and starts the server again if this was the last detach and the server ran before. From then on until it
    /// runs the ledger says that it must be started, so that whoever is cut off leaves word to the next run.
    pub(crate) async fn leave(
        mut self,
        api: &dyn AttachmentApi,
        pair: &Pair,
        ledger: &Ledger,
        budget: &Budget,
    ) -> Result<(), Problem> {
        if !self.is_last_to_start(ledger) {
            return Ok(());
        }
        let mut stopped = budget.run(self.server.stopped.lock()).await.map_err(|ended| Problem::Ended {
            ended,
            waiting_for: "the server's turn to be started again".to_owned(),
        })?;
        bring(api, pair, Readiness::Running, || (), budget).await?;
        ledger.started();
        self.server.wishes().ours = false;
        *stopped = false;
        Ok(())
    }

    /// Whether the server is for this one to start. Otherwise nobody stopped it, or whoever is last starts it, also for
    /// this one: counting and handing over are one step, so that not both of two think that the other is last.
    fn is_last_to_start(&mut self, ledger: &Ledger) -> bool {
        let mut wishes = self.server.wishes();
        wishes.ours |= ledger.must_start();
        let last = wishes.count == 1;
        if !last {
            wishes.count -= 1;
            self.counted = false;
            ledger.started();
        } else if wishes.ours {
            ledger.stopping();
        }
        last && wishes.ours
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        if !self.counted {
            return;
        }
        let mut table = self.servers.table();
        let left = {
            let mut wishes = self.server.wishes();
            wishes.count = wishes.count.saturating_sub(1);
            wishes.count
        };
        if left == 0 {
            table.remove(&self.key);
        }
    }
}

impl Server {
    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until the server is running, or stopped, and sends the call for it as soon as it is in the other of the two: one
/// on its way, be it by a call of an earlier run, is let arrive first. `sending` learns of the call right before.
async fn bring(
    api: &dyn AttachmentApi,
    pair: &Pair,
    wanted: Readiness,
    sending: impl Fn() + Send,
    budget: &Budget,
) -> Result<(), Problem> {
    let on = wanted == Readiness::Running;
    let mut looks = Backoff::new(&LOOKS);
    let (mut sends, mut conflicts) = (0, 0);
    // When a call may be sent: at once, some time after one whose answer was lost, and not after one that was accepted.
    let mut may_send_at = Some(Instant::now());
    loop {
        let mut waiting_for;
        match api.look(pair, budget).await {
            Ok(sight) => {
                let server = sight.server.ok_or(Problem::Refused(Refusal::NoServer))?;
                waiting_for = format!("the server is {}", server.status);
                match server.readiness {
                    readiness if readiness == wanted => return Ok(()),
                    Readiness::Unfit => return Err(Problem::Refused(Refusal::ServerState(server.status))),
                    Readiness::Running | Readiness::Stopped
                        if sends < MAX_SENDS && may_send_at.is_some_and(|at| at <= Instant::now()) =>
                    {
                        if server.locked && !on {
                            return Err(Problem::Refused(Refusal::ServerLocked));
                        }
                        sending();
                        tracing::info!(server = %pair.server, on, "changing the server's power");
                        match api.power(pair, on, budget).await {
                            Ok(()) => {
                                may_send_at = None;
                                continue;
                            }
                            Err(lost) if lost.kind == ErrorKind::AnswerLost => {
                                sends += 1;
                                may_send_at = Some(Instant::now() + LOST_WINDOW);
                                waiting_for = lost.text;
                            }
                            // A server that we stopped is not left down because it is busy for a while.
                            Err(conflict)
                                if conflict.kind == ErrorKind::Conflict
                                    && (on || conflict.busy || conflicts < MAX_CONFLICTS) =>
                            {
                                conflicts += 1;
                                waiting_for = conflict.text;
                            }
                            Err(failure) => return Err(problem(failure)),
                        }
                    }
                    Readiness::Running | Readiness::Stopped | Readiness::Transient => {}
                }
            }
            Err(failure) if passing(failure.kind) => waiting_for = failure.text,
            Err(failure) => return Err(problem(failure)),
        }
        budget.sleep(looks.next_delay()).await.map_err(|ended| Problem::Ended { ended, waiting_for })?;
    }
}

/// What a cloud without power calls answers.
pub(crate) fn no_power() -> Failure {
    Failure {
        kind: ErrorKind::Invalid,
        operation: "power".to_owned(),
        text: "servers of this kind are not stopped and started by this provider".to_owned(),
        clock_skew: None,
        busy: false,
    }
}
