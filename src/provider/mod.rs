//! The provider: the only folder that knows both Terraform and the clouds.
//!
//! [`config`] reads the provider block, the environment and files; `data` holds what comes of it; `attachment` is what
//! an attachment is on every cloud; each cloud's folder adds what is its own; `diagnostics` writes most of the texts that
//! people read.

mod attachment;
pub mod config;
mod data;
mod diagnostics;
mod duration;
mod huaweicloud;
mod samsungcloud;
mod schema;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use tf_provider::{Diagnostics, schema::Schema};

use self::{
    attachment::resource::{AttachmentResource, Kind},
    config::{Block, Environment},
    data::{Configured, ProviderData},
};
use crate::{
    budget::Budget,
    plugin::{CallContext, DynamicResource, Provider, dynamic},
};

/// What the check of an API version may take, whatever the practitioner allows it: it is no more than a courtesy.
const VERSION_CHECK: Duration = Duration::from_secs(5);

/// The `cloudvolume` provider.
#[derive(Debug)]
pub struct CloudvolumeProvider {
    configured: Arc<Configured>,
    environment: Environment,
    now: fn() -> SystemTime,
}

impl CloudvolumeProvider {
    /// A provider that is not configured yet. `now` is the wall clock.
    pub fn new(environment: Environment, now: fn() -> SystemTime) -> Self {
        Self { configured: Arc::default(), environment, now }
    }

    /// Warns of an API version that is on its way out or not offered. A check that fails says nothing: what is wrong shows with the first
    /// call that matters.
    async fn check_samsung_version(&self, data: &ProviderData, context: &CallContext, diags: &mut Diagnostics) {
        let Ok(cloud) = &data.samsungcloud else { return };
        let budget = Budget::new(VERSION_CHECK, context.stop.clone());
        match cloud.client.version_notice(&budget, (self.now)()).await {
            Ok(Some(notice)) => diagnostics::version_notice(diags, &notice),
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the API version could not be checked"),
        }
    }

    fn attachment<K: Kind>(&self) -> Arc<dyn DynamicResource> {
        dynamic(AttachmentResource::<K>::new(Arc::clone(&self.configured), self.now))
    }
}

#[async_trait]
impl Provider for CloudvolumeProvider {
    type Config = Block;

    fn fresh(&self) -> Self {
        Self::new(self.environment.clone(), self.now)
    }

    fn schema(&self) -> Schema {
        config::provider_schema()
    }

    fn resources(&self) -> Vec<Arc<dyn DynamicResource>> {
        vec![
            self.attachment::<huaweicloud::EcsAttachment>(),
            self.attachment::<huaweicloud::LiteServerAttachment>(),
            self.attachment::<samsungcloud::VirtualServerAttachment>(),
        ]
    }

    async fn validate(&self, config: Block, diags: &mut Diagnostics) {
        config.validate(diags);
    }

    async fn configure(&self, context: &CallContext, terraform_version: &str, config: Block, diags: &mut Diagnostics) {
        tracing::debug!(terraform_version, "configuring");
        let settings = config.settings(diags);
        if diags.errors.is_empty() {
            let data = ProviderData::new(&config, &settings, &self.environment).await;
            if config.samsungcloud.is_value() {
                self.check_samsung_version(&data, context, diags).await;
            }
            self.configured.set(data);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::{net::TcpListener, time::timeout};
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[tokio::test]
    async fn a_stop_ends_the_check_of_an_api_version() {
        // It accepts connections and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let samsungcloud = json!({ "endpoint_override": url, "access_key": "AK", "secret_key": "SK" });
        let config = serde_json::from_value(json!({ "samsungcloud": samsungcloud })).unwrap();
        let provider = CloudvolumeProvider::new(Environment::default(), || SystemTime::UNIX_EPOCH);
        let context = CallContext { stop: CancellationToken::new() };
        let mut diags = Diagnostics::default();
        let stopped = async {
            let accepted = silent.accept().await.unwrap();
            context.stop.cancel();
            accepted
        };
        let configured = provider.configure(&context, "1.14.0", config, &mut diags);
        let (ended, _accepted) = tokio::join!(timeout(VERSION_CHECK / 2, configured), stopped);
        assert!(ended.is_ok(), "it waited for an answer");
        assert!(provider.configured.get().is_ok_and(|data| data.samsungcloud.is_ok()));
    }
}
