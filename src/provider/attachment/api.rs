//! What the life of an attachment asks of a cloud. Each cloud answers in its own file; the life itself is written once.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    ledger::{Ledger, Operation},
    power::no_power,
    sight::{Pair, Sight},
};
use crate::{budget::Budget, ids::JobId, transport::ErrorKind, wait::PollConfig};

/// One cloud's calls, for one region.
#[async_trait]
pub(crate) trait AttachmentApi: Send + Sync + 'static {
    /// Words and figures that differ from cloud to cloud.
    fn cloud(&self) -> &'static Cloud;

    /// The region that the calls go to.
    fn region(&self) -> String;

    /// How often the practitioner wants things polled, if that was said.
    fn poll_interval(&self) -> Option<PollConfig> {
        None
    }

    /// Looks at the pair on both sides. What the cloud itself says does not exist is an absence in the sight; anything
    /// else that keeps a side from being seen is an error.
    async fn look(&self, pair: &Pair, budget: &Budget) -> Result<Sight, Failure>;

    /// Looks for a refresh: the same, but answers that other refreshes of this server are getting may be shared.
    async fn look_shared(&self, pair: &Pair, budget: &Budget) -> Result<Sight, Failure> {
        self.look(pair, budget).await
    }

    /// Says that the pair may be attached or detached once it has been looked at, until the answer is dropped. A cloud that
    /// does several pairs by one call waits a moment for those that it expects.
    fn expect(&self, _: &Pair, _: Operation) -> Box<dyn Any + Send> {
        Box::new(())
    }

    /// Attaches, once: waits for its turn, sends, and follows the job to its end. `ledger` learns of every step as it is
    /// taken, so that whoever is interrupted knows what was sent.
    async fn attach(&self, pair: &Pair, wish: &Wish, ledger: &Ledger, budget: &Budget) -> Result<Submitted, Failure>;

    /// Detaches, once: likewise.
    async fn detach(&self, pair: &Pair, wish: &Wish, ledger: &Ledger, budget: &Budget) -> Result<Submitted, Failure>;

    /// Follows a job that an earlier run began to its end.
    async fn follow(&self, pair: &Pair, job: &JobId, budget: &Budget) -> Result<JobEnd, Failure>;

    /// Frees the volume of the record of an attachment that is none: only that record, and nothing on the server.
    async fn release(&self, _: &Pair, _: &str, _: &Budget) -> Result<(), Failure> {
        Err(Failure {
            kind: ErrorKind::Invalid,
            operation: "release".to_owned(),
            text: "this cloud has no call that releases a stale record".to_owned(),
            clock_skew: None,
            busy: false,
        })
    }

    /// Starts or stops the server, once, and follows the job where there is one; what it has come to is for the looks that
    /// follow.
    async fn power(&self, _: &Pair, _: bool, _: &Budget) -> Result<(), Failure> {
        Err(no_power())
    }

    /// What may be wrong with the id of a server that does not exist, where the cloud can tell.
    async fn explain_missing_server(&self, _: &Pair, _: &Budget) -> Option<String> {
        None
    }

    /// Sets whether the volume goes when the server goes.
    async fn set_delete_on_termination(&self, pair: &Pair, value: bool, budget: &Budget) -> Result<(), Failure>;
}

/// What the practitioner asked for besides the pair itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// The device name to ask for.
    pub(crate) device: Option<String>,
    /// Whether the volume goes when the server goes.
    pub(crate) delete_on_termination: Option<bool>,
    /// Whether to detach by force.
    pub(crate) force: bool,
    /// Whether a stale record may be released.
    pub(crate) release_stale_record: bool,
    /// Whether the volume is a shared one, as just seen.
    pub(crate) multiattach: bool,
}

/// What came of a mutating call that the cloud accepted.
#[derive(Clone, Debug)]
pub(crate) enum Submitted {
    /// The cloud has no jobs, or did not tell this one: the pair itself has to be watched.
    Accepted {
        /// Whether its effect was seen beginning already.
        seen_moving: bool,
        /// The turn of whatever does one thing at a time, where there is one: it lasts as long as the pair is watched.
        turn: Option<HeldTurn>,
    },
    /// Its job has ended.
    Ended(JobEnd),
}

/// Something to hold while others have to wait. Those of a batch share it.
pub(crate) type HeldTurn = Arc<dyn Any + Send + Sync>;

/// How a job ended.
#[derive(Clone, Debug)]
pub(crate) enum JobEnd {
    /// Successfully, says the job.
    Done,
    /// With a failure.
    Failed(JobFailure),
    /// The cloud does not know the job (any more).
    Unknown,
}

/// What a cloud says of a failed job.
#[derive(Clone, Debug)]
pub(crate) struct JobFailure {
    /// The job.
    pub(crate) job: JobId,
    /// Its error code.
    pub(crate) code: String,
    /// Its reason, in the cloud's words.
    pub(crate) reason: String,
    /// Whether the code says that something else was being done to the server or the volume.
    pub(crate) conflict: bool,
    /// For a conflict: whether trying again later will help, whatever the states look like.
    pub(crate) busy: bool,
    /// Whether this is all that a batch says: it failed for some of its servers, and which ones the pairs will tell.
    pub(crate) of_batch: bool,
}

/// An error of a cloud's client, as the life and the diagnostics need it.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What it means.
    pub(crate) kind: ErrorKind,
    /// The vendor's name of the call.
    pub(crate) operation: String,
    /// The whole error in one line.
    pub(crate) text: String,
    /// How far this machine's clock is from the cloud's, where that may be the cause.
    pub(crate) clock_skew: Option<Duration>,
    /// For a conflict: whether the cloud itself says that trying again later will help.
    pub(crate) busy: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Words and figures that differ from cloud to cloud.
#[derive(Debug)]
pub(crate) struct Cloud {
    /// The product, e.g. `Huawei Cloud ECS`.
    pub(crate) name: &'static str,
    /// What a server is called, e.g. `ECS`.
    pub(crate) server: &'static str,
    /// What a volume is called, e.g. `EVS volume`.
    pub(crate) volume: &'static str,
    /// The provider block's attribute, e.g. `huaweicloud`.
    pub(crate) block: &'static str,
    /// The time between two looks at the pair while it settles, at first; it grows from there.
    pub(crate) first_look: Duration,
    /// The attribute that allows a stale record to be released, where the cloud can do that.
    pub(crate) stale_record_option: Option<&'static str>,
    /// A hint that goes with a refused request of this product, if there is one.
    pub(crate) refusal_hint: Option<&'static str>,
}
