//! Samsung Cloud Platform's Virtual Server service as the life of an attachment needs it: 202 and no job, so the pair
//! itself is watched.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::servers::{Servers, UnderWay};
use crate::{
    budget::Budget,
    ids::JobId,
    provider::{
        attachment::{
            api::{AttachmentApi, Cloud, Failure, JobEnd, Submitted, Wish},
            follow::ended_failure,
            ledger::{Ledger, Operation},
            sight::{self, Facts, Pair, Readiness, ServerSight, Sight, VolumeSight},
        },
        data::SamsungCloud,
    },
    samsungcloud::{Client, Error, Server, ServerState, Volume, VolumeState},
    transport::ErrorKind,
    wait::{Durations, Poll, PollConfig, WaitError, Waiter},
};

static CLOUD: Cloud = Cloud {
    name: "Samsung Cloud Platform",
    server: "Virtual Server",
    volume: "volume",
    block: "samsungcloud",
    first_look: POLL.min,
    stale_record_option: None,
    refusal_hint: Some(
        "Servers of an auto-scaling group, of Kubernetes, and Windows servers with a MultiAttach volume are refused; so is \
         more than the platform's number of volumes on one server.",
    ),
};

/// The platform's firewall answers bursts with an HTML page: no more than a look a second.
const POLL: PollConfig = PollConfig { min: Duration::from_secs(1), max: Duration::from_secs(10) };
/// An accepted operation that has not begun after this time may have ended between two looks.
const QUIET: Duration = Duration::from_secs(3);

/// The calls for one region.
#[derive(Debug)]
pub(super) struct VirtualServerApi {
    client: Client,
    durations: Durations,
    poll: Option<PollConfig>,
    servers: Servers,
}

impl VirtualServerApi {
    /// The calls for `region`, or for the provider's.
    pub(super) fn new(cloud: &SamsungCloud, region: Option<&str>) -> Self {
        Self {
            client: region.map_or_else(|| cloud.client.clone(), |region| cloud.client.for_region(region)),
            durations: cloud.durations.clone(),
            poll: cloud.poll,
            servers: cloud.servers.clone(),
        }
    }

    /// Watches the volume while it moves; what it has come to is for the next look at both sides. Waiting with what was
    /// learnt of earlier operations finds the end sooner than looking now and then would.
    async fn watch(&self, operation: &str, pair: &Pair, budget: &Budget) -> Result<Submitted, Failure> {
        let seen_moving = AtomicBool::new(false);
        let waiter = Waiter::new(operation, self.poll.unwrap_or(POLL), self.durations.clone());
        let began = Instant::now();
        let watched = waiter
            .wait(budget, async |budget: Budget| match self.client.show_volume(&budget, &pair.volume).await {
                Ok(volume) if moving(&volume.state) => {
                    seen_moving.store(true, Ordering::Relaxed);
                    Ok(Poll::Pending { state: volume.state.to_string() })
                }
                Ok(volume) if !seen_moving.load(Ordering::Relaxed) && began.elapsed() < QUIET => {
                    Ok(Poll::Pending { state: volume.state.to_string() })
                }
                // Whatever else there is to see, a failure included, the look at both sides sees it too.
                Ok(_) | Err(_) => Ok(Poll::Done(())),
            })
            .await;
        match watched {
            Ok(_) | Err(WaitError::Failed(())) => {
                Ok(Submitted::Accepted { seen_moving: seen_moving.load(Ordering::Relaxed), turn: None })
            }
            Err(WaitError::Ended { ended, last_state, .. }) => {
                let state = last_state.unwrap_or_else(|| "not seen yet".to_owned());
                Err(ended_failure(ended, format!("the volume is {state}")))
            }
        }
    }
}

/// Whether an attach or a detach is under way.
const fn moving(state: &VolumeState) -> bool {
    matches!(state, VolumeState::Reserved | VolumeState::Attaching | VolumeState::Detaching)
}

#[async_trait]
impl AttachmentApi for VirtualServerApi {
    fn cloud(&self) -> &'static Cloud {
        &CLOUD
    }

    fn region(&self) -> String {
        self.client.region().unwrap_or_default().to_owned()
    }

    fn poll_interval(&self) -> Option<PollConfig> {
        self.poll
    }

    async fn look(&self, pair: &Pair, budget: &Budget) -> Result<Sight, Failure> {
        let (server, volume) =
            tokio::join!(self.client.show_server(budget, &pair.server), self.client.show_volume(budget, &pair.volume),);
        let mut sight = sight(pair, present(server)?.as_ref(), present(volume)?.as_ref());
        // Without one in the configuration the catalog decides, which the calls have just asked.
        sight.facts.region = self.client.endpoint(budget).await.map_err(failure)?.region;
        Ok(sight)
    }

    async fn attach(&self, pair: &Pair, wish: &Wish, ledger: &Ledger, budget: &Budget) -> Result<Submitted, Failure> {
        let under_way = self.servers.begin(&pair.server, budget).await?;
        ledger.sending(Operation::Attach);
        self.client
            .attach_volume(budget, &pair.volume, &pair.server, wish.delete_on_termination)
            .await
            .map_err(|error| conflict_of(wish, &under_way, error))
            .inspect_err(|failure| ledger.failed(failure))?;
        self.watch("samsungcloud attach", pair, budget).await
    }

    async fn detach(&self, pair: &Pair, wish: &Wish, ledger: &Ledger, budget: &Budget) -> Result<Submitted, Failure> {
        let under_way = self.servers.begin(&pair.server, budget).await?;
        ledger.sending(Operation::Detach);
        self.client
            .detach_volume(budget, &pair.volume, &pair.server)
            .await
            .map_err(|error| conflict_of(wish, &under_way, error))
            .inspect_err(|failure| ledger.failed(failure))?;
        self.watch("samsungcloud detach", pair, budget).await
    }

    /// There are no jobs: the pair itself will tell.
    async fn follow(&self, _: &Pair, _: &JobId, _: &Budget) -> Result<JobEnd, Failure> {
        Ok(JobEnd::Unknown)
    }

    async fn power(&self, pair: &Pair, on: bool, budget: &Budget) -> Result<(), Failure> {
        let sent = if on {
            self.client.start_server(budget, &pair.server).await
        } else {
            self.client.stop_server(budget, &pair.server).await
        };
        sent.map_err(failure)
    }

    async fn set_delete_on_termination(&self, pair: &Pair, value: bool, budget: &Budget) -> Result<(), Failure> {
        self.client.set_server_volume(budget, &pair.server, &pair.volume, value).await.map_err(failure)
    }
}

/// What exists; the vendor's own "does not exist" is none.
fn present<T>(answer: Result<T, Error>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(thing) => Ok(Some(thing)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

/// A 409 mixes what passes and what does not. On a shared volume it is the other servers' turn, which passes, and so does
/// another operation of ours on the server.
fn conflict_of(wish: &Wish, under_way: &UnderWay, error: Error) -> Failure {
    let failure = failure(error);
    let busy = failure.kind == ErrorKind::Conflict && (under_way.is_in_anothers_way() || wish.multiattach);
    Failure { busy, ..failure }
}

/// A client's error as the life and the diagnostics need it.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn failure(error: Error) -> Failure {
    let mut text = error.to_string();
    let offered = error.offered_versions();
    if !offered.is_empty() {
        let versions: Vec<_> = offered.iter().map(|offered| offered.version.to_string()).collect();
        text.push_str(&format!("; the service offers {}: set api_version to one of them", versions.join(", ")));
    }
    Failure {
        kind: error.kind(),
        operation: error.operation().to_owned(),
        clock_skew: error.clock_skew(),
        busy: false,
        text,
    }
}

/// Both sides of the pair as one sight.
fn sight(pair: &Pair, server: Option<&Server>, volume: Option<&Volume>) -> Sight {
    let entry = volume.and_then(|volume| volume.server(&pair.server));
    let flags = server.and_then(|server| server.volumes.iter().find(|flag| flag.id == *pair.volume.as_str()));
    let device = entry.and_then(|entry| entry.device.clone());
    Sight {
        server: server.map(|server| ServerSight {
            lists_volume: flags.is_some(),
            list_may_be_old: false,
            status: server.state.to_string(),
            readiness: readiness(&server.state),
            locked: server.locked,
            zone: None,
            boots_from_volume: device.as_deref().is_some_and(crate::samsungcloud::virtualserver::is_boot_device),
        }),
        volume: volume.map(|volume| VolumeSight {
            lists_server: entry.is_some(),
            others: volume
                .servers
                .iter()
                .map(|entry| entry.id.clone())
                .filter(|id| *id != *pair.server.as_str())
                .collect(),
            status: volume.state.to_string(),
            state: state(&volume.state),
            multiattach: volume.multiattach,
            zone: None,
        }),
        facts: Facts {
            device,
            attached_at: entry.and_then(|entry| entry.attached_at).and_then(|at| at.format(&Rfc3339).ok()),
            delete_on_termination: flags.and_then(|flags| flags.delete_on_termination),
            ..Facts::default()
        },
    }
}

/// What a server's state allows; one that is not known is taken for one that will pass.
fn readiness(state: &ServerState) -> Readiness {
    match state {
        ServerState::Active => Readiness::Running,
        ServerState::Shutoff => Readiness::Stopped,
        ServerState::Error => Readiness::Unfit,
        ServerState::Other(_) => Readiness::Transient,
    }
}

/// What a volume's state means; one that is not known is taken for one that will pass.
fn state(state: &VolumeState) -> sight::VolumeState {
    match state {
        VolumeState::Available => sight::VolumeState::Available,
        VolumeState::InUse => sight::VolumeState::InUse,
        VolumeState::Reserved | VolumeState::Attaching => sight::VolumeState::Attaching,
        VolumeState::Detaching => sight::VolumeState::Detaching,
        VolumeState::Creating | VolumeState::Other(_) => sight::VolumeState::Busy,
        VolumeState::Error(_) => sight::VolumeState::Error,
    }
}

#[cfg(test)]
#[path = "virtual_server_tests.rs"]
mod tests;
