//! What the provider holds once Terraform has configured it: a client, the queues and what was learnt, for each cloud.

use std::sync::{Arc, PoisonError, RwLock};

use super::{
    attachment::resource::NotReady,
    config::{self, Block, Environment, Settings},
    huaweicloud::{Batches, Jobs, Reads},
    samsungcloud::Servers,
};
use crate::{
    huaweicloud, samsungcloud,
    transport::{Transport, TransportConfig},
    wait::{Durations, PollConfig},
};

/// Everything that the resources share.
#[derive(Debug)]
pub(crate) struct ProviderData {
    pub(crate) huaweicloud: Result<HuaweiCloud, NotReady>,
    pub(crate) samsungcloud: Result<SamsungCloud, NotReady>,
}

/// Huawei Cloud, ready to be called.
#[derive(Clone, Debug)]
pub(crate) struct HuaweiCloud {
    /// The client of the provider's region.
    pub(crate) client: huaweicloud::Client,
    /// Jobs under way, and each server's turn.
    pub(crate) jobs: Jobs,
    /// Shared volumes' operations that go together.
    pub(crate) batches: Batches,
    /// Reads that several refreshes share.
    pub(crate) reads: Reads,
}

/// Samsung Cloud Platform, ready to be called.
#[derive(Clone, Debug)]
pub(crate) struct SamsungCloud {
    /// The client of the provider's region.
    pub(crate) client: samsungcloud::Client,
    /// How long attaches and detaches took in this process.
    pub(crate) durations: Durations,
    /// How often volumes are polled.
    pub(crate) poll: Option<PollConfig>,
    /// What was learnt of servers in this process.
    pub(crate) servers: Servers,
}

/// The place where resources find the data: empty until Terraform configures the provider, and filled anew whenever it
/// does so again. A std lock: it is never held across an await.
#[derive(Debug, Default)]
pub(crate) struct Configured(RwLock<Option<Arc<ProviderData>>>);

impl Configured {
    /// The data, once there is any.
    pub(crate) fn get(&self) -> Result<Arc<ProviderData>, NotReady> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(NotReady::Unknown)
    }

    /// Puts data in place.
    pub(crate) fn set(&self, data: ProviderData) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(data));
    }
}

impl ProviderData {
    /// Makes the clients; no network is needed. What is wrong with one cloud is kept until something uses it.
    pub(crate) async fn new(block: &Block, settings: &Settings, environment: &Environment) -> Self {
        Self {
            huaweicloud: huaweicloud(block, settings, environment).await,
            samsungcloud: samsungcloud(block, settings, environment).await,
        }
    }
}

async fn huaweicloud(block: &Block, settings: &Settings, environment: &Environment) -> Result<HuaweiCloud, NotReady> {
    const BLOCK: &str = "huaweicloud";
    let resolved =
        given(&block.huaweicloud)?.resolve(environment).await.map_err(|problems| missing(BLOCK, &problems))?;
    if resolved.unknown {
        return Err(NotReady::Unknown);
    }
    let transport = TransportConfig {
        max_retries: settings.max_retries.or(resolved.max_retries).unwrap_or(TransportConfig::default().max_retries),
        tls: resolved.tls,
        ..transport(settings)
    };
    let transport = Transport::new(transport).map_err(|error| missing(BLOCK, &[error.to_string()]))?;
    let client = huaweicloud::Client::new(resolved.config, transport).map_err(|error| {
        missing(
            BLOCK,
            &error.problems.iter().map(|problem| format!("{} {}", problem.field, problem.reason)).collect::<Vec<_>>(),
        )
    })?;
    let jobs = Jobs::new(settings.poll);
    let batches = Batches::new(&client, &jobs);
    Ok(HuaweiCloud { client, jobs, batches, reads: Reads::new() })
}

async fn samsungcloud(block: &Block, settings: &Settings, environment: &Environment) -> Result<SamsungCloud, NotReady> {
    const BLOCK: &str = "samsungcloud";
    let resolved =
        given(&block.samsungcloud)?.resolve(environment).await.map_err(|problems| missing(BLOCK, &problems))?;
    if resolved.unknown {
        return Err(NotReady::Unknown);
    }
    let mut transport = transport(settings);
    transport.tls.insecure = resolved.config.insecure;
    let transport = Transport::new(transport).map_err(|error| missing(BLOCK, &[error.to_string()]))?;
    let client = samsungcloud::Client::new(&resolved.config, transport).map_err(|error| {
        missing(
            BLOCK,
            &error.problems.iter().map(|problem| format!("{} {}", problem.field, problem.reason)).collect::<Vec<_>>(),
        )
    })?;
    Ok(SamsungCloud { client, durations: Durations::default(), poll: settings.poll, servers: Servers::default() })
}

/// The block as given; none at all takes everything from the environment.
fn given<B: Clone + Default>(block: &tf_provider::value::Value<B>) -> Result<B, NotReady> {
    match block {
        tf_provider::value::Value::Value(block) => Ok(block.clone()),
        tf_provider::value::Value::Null => Ok(B::default()),
        tf_provider::value::Value::Unknown => Err(NotReady::Unknown),
    }
}

fn transport(settings: &Settings) -> TransportConfig {
    let default = TransportConfig::default();
    TransportConfig {
        max_retries: settings.max_retries.unwrap_or(default.max_retries),
        requests_per_second: settings.requests_per_second,
        user_agent: concat!("terraform-provider-cloudvolume/", env!("CARGO_PKG_VERSION")).to_owned(),
        ..default
    }
}

fn missing(block: &'static str, problems: &[String]) -> NotReady {
    NotReady::Missing {
        block,
        problem: format!("{}.\n\nSettings are looked for in {}.", problems.join(".\n"), config::places(block)),
    }
}
