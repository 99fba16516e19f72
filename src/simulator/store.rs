//! Everything the simulator knows, behind one lock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::clock::Clock;
use super::fault::FaultInjector;
use super::journal::{Entry, Journal};
use super::transition::Schedule;
use super::{Config, TransitionMode, World, huaweicloud, samsungcloud};

/// A planned change, by cloud.
#[derive(Debug)]
pub(crate) enum Event {
    /// A step of a job.
    Huaweicloud(huaweicloud::job::Step),
    /// A step of an operation.
    Samsungcloud(samsungcloud::operation::Step),
}

/// The whole state. Handlers get it by `&mut`, so each request is answered as if it were alone.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) world: World,
    pub(crate) clock: Clock,
    pub(crate) dice: fastrand::Rng,
    pub(crate) schedule: Schedule<Event>,
    pub(crate) journal: Journal,
    /// How many requests there ever were. No clear sets it back: an answer that is late must not find the entry of
    /// another request under its number.
    pub(crate) requests: u64,
    pub(crate) faults: FaultInjector,
    /// Jobs, issued tokens and keys, bad signatures.
    pub(crate) huaweicloud: huaweicloud::Memory,
    /// Operations, and where the regions listen.
    pub(crate) samsungcloud: samsungcloud::Memory,
}

impl State {
    fn new(config: Config) -> Self {
        let mut faults = FaultInjector::default();
        config.faults.iter().cloned().for_each(|rule| faults.add(rule));
        Self {
            world: config.world.clone().unwrap_or_else(World::built_in),
            clock: Clock::start(config.clock_offset),
            dice: fastrand::Rng::with_seed(config.seed),
            schedule: Schedule::default(),
            journal: Journal::default(),
            requests: 0,
            faults,
            huaweicloud: huaweicloud::Memory::default(),
            samsungcloud: samsungcloud::Memory::default(),
            config,
        }
    }

    /// Plans a change: at `due`, or in manual mode as the `step`-th of its kind.
    pub(crate) fn plan(&mut self, due: Duration, step: u32, event: Event) {
        let due = match self.config.mode {
            TransitionMode::Auto => due,
            TransitionMode::Manual => Duration::from_secs(step.into()),
        };
        self.schedule.push(due, event);
    }

    /// Makes the next planned change, whether or not it is due. False when there is none.
    pub(crate) fn advance(&mut self) -> bool {
        let now = self.clock.now();
        match self.schedule.pop() {
            Some(event) => {
                self.make(now, event);
                true
            }
            None => false,
        }
    }

    /// Makes every change that is due. In manual mode none ever is.
    pub(crate) fn settle(&mut self) {
        if self.config.mode == TransitionMode::Auto {
            let now = self.clock.now();
            while let Some((due, event)) = self.schedule.pop_due(now) {
                self.make(due, event);
            }
        }
    }

    fn make(&mut self, at: Duration, event: Event) {
        match event {
            Event::Huaweicloud(step) => huaweicloud::job::take(self, at, &step),
            Event::Samsungcloud(step) => samsungcloud::operation::take(self, at, step),
        }
    }

    /// 32 hexadecimal digits.
    pub(crate) fn hex_id(&mut self) -> String {
        format!("{:032x}", self.dice.u128(..))
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.dice.u128(..).to_be_bytes()).into_uuid().to_string()
    }
}

/// The state for all connections and for the test, and a signal for those who wait for the journal.
#[derive(Debug)]
pub(crate) struct Store {
    /// A std mutex: it is never held over an await.
    state: Mutex<State>,
    /// As at the start; the state's own is changed by tests.
    config: Config,
    finished: watch::Sender<()>,
}

impl Store {
    pub(crate) fn new(config: Config) -> Self {
        Self { state: Mutex::new(State::new(config.clone())), config, finished: watch::Sender::new(()) }
    }

    /// The state, with everything done that is due.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked in `edit` must not make every other connection panic, too.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle();
        state
    }

    /// Starts afresh from the configuration: the world, the switches, the jobs, the journal, the faults.
    pub(crate) fn reset(&self) {
        let mut state = self.lock();
        // The listeners stay, and the requests that are still to be answered.
        let (ports, requests) = (std::mem::take(&mut state.samsungcloud.ports), state.requests);
        *state = State::new(self.config.clone());
        state.samsungcloud.ports = ports;
        state.requests = requests;
    }

    /// Changes an entry of the journal and wakes those who wait for it, after the lock is dropped.
    pub(crate) fn note(&self, sequence: u64, change: impl FnOnce(&mut Entry)) {
        let mut state = self.lock();
        if let Some(entry) = state.journal.entries.iter_mut().rfind(|entry| entry.sequence == sequence) {
            change(entry);
        }
        drop(state);
        self.finished.send_replace(());
    }

    /// Returns when the journal meets a condition.
    pub(crate) async fn wait_until(&self, condition: impl Fn(&Journal) -> bool) {
        let mut finished = self.finished.subscribe();
        while !condition(&self.lock().journal) {
            // The sender lives as long as `self`, so this cannot fail while we are here.
            if finished.changed().await.is_err() {
                return;
            }
        }
    }
}
