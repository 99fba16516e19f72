//! Reads that many attachments share: refreshing all attachments of one server costs three calls, however many they are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::ecs::{failure, present};
use crate::{
    budget::Budget,
    huaweicloud::{
        Client,
        ecs::{BlockDevice, Server},
        evs::Volume,
    },
    ids::ServerId,
    provider::attachment::{api::Failure, follow::ended_failure},
    sync::{ReadError, SharedReads},
    transport::ErrorKind,
};

/// How long an answer serves other refreshes. Terraform refreshes a few attachments at a time, so that those of one server
/// are spread over the whole refresh; what it plans from them is older than this anyway by the time that it applies.
const KEEP: Duration = Duration::from_secs(30);

/// The shared reads of one cloud.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    servers: SharedReads<Key, Arc<Snapshot>, Failure>,
    /// Counts the changes that this process makes: what was read before one never serves a read after it.
    generation: Arc<AtomicU64>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Key {
    region: String,
    server: ServerId,
    generation: u64,
}

/// One server with its disks, and the volumes that list it.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// None when the cloud says that it does not exist.
    pub(super) server: Option<(Server, Vec<BlockDevice>)>,
    /// Every volume that lists the server among its attachments.
    pub(super) volumes: Vec<Volume>,
}

/// A change under way; reads that begin before its end are not kept beyond it.
#[derive(Debug)]
pub(super) struct Changing(Arc<AtomicU64>);

impl Reads {
    /// Nothing read yet.
    pub(crate) fn new() -> Self {
        Self { servers: SharedReads::new(KEEP), generation: Arc::default() }
    }

    /// To be held while something is changed.
    pub(super) fn changing(&self) -> Changing {
        self.generation.fetch_add(1, Ordering::SeqCst);
        Changing(Arc::clone(&self.generation))
    }

    /// What the cloud says of a server and of the volumes on it.
    pub(super) async fn of_server(
        &self,
        client: &Client,
        server: &ServerId,
        budget: &Budget,
    ) -> Result<Arc<Snapshot>, Failure> {
        let key = Key {
            region: client.region().to_owned(),
            server: server.clone(),
            generation: self.generation.load(Ordering::SeqCst),
        };
        let (client, server) = (client.clone(), server.clone());
        let read = self.servers.get(key, budget, |budget| async move { snapshot(&client, &server, &budget).await });
        read.await.map_err(|error| match error {
            ReadError::Ended(ended) => ended_failure(ended, "the server's disks and volumes".to_owned()),
            ReadError::Failed(failure) => (*failure).clone(),
            ReadError::Lost => Failure {
                kind: ErrorKind::AnswerLost,
                operation: "read".to_owned(),
                text: "a read that several refreshes shared ended without an answer".to_owned(),
                clock_skew: None,
                busy: false,
            },
        })
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

async fn snapshot(client: &Client, server: &ServerId, budget: &Budget) -> Result<Arc<Snapshot>, Failure> {
    let (devices, shown, volumes) = tokio::join!(
        client.list_server_block_devices(budget, server),
        client.show_server(budget, server),
        client.list_volumes_of_server(budget, server),
    );
    let server = match present(shown)? {
        Some(server) => Some((server, devices.map_err(failure)?.volume_attachments)),
        None => None,
    };
    Ok(Arc::new(Snapshot { server, volumes: volumes.map_err(failure)? }))
}
