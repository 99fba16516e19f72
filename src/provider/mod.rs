//! The provider: the only folder that knows both Terraform and the clouds.
//!
//! [`config`] reads the provider block, the environment and files; [`data`] holds what comes of it; [`attachment`] is what
//! an attachment is on every cloud; each cloud's folder adds what is its own; [`diagnostics`] writes every text that a
//! person reads.

mod attachment;
pub mod config;
mod data;
mod diagnostics;
mod duration;
mod huaweicloud;
mod samsungcloud;
mod schema;

use std::{sync::Arc, time::SystemTime};

use async_trait::async_trait;
use tf_provider::{Diagnostics, schema::Schema};

use self::{
    attachment::resource::{AttachmentResource, Kind},
    config::{Block, Environment},
    data::{Configured, ProviderData},
};
use crate::plugin::{DynamicResource, Provider, dynamic};

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

    fn attachment<K: Kind>(&self) -> Arc<dyn DynamicResource> {
        dynamic(AttachmentResource::<K>::new(Arc::clone(&self.configured), self.now))
    }
}

#[async_trait]
impl Provider for CloudvolumeProvider {
    type Config = Block;

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

    async fn configure(&self, terraform_version: &str, config: Block, diags: &mut Diagnostics) {
        tracing::debug!(terraform_version, "configuring");
        let settings = config.settings(diags);
        if diags.errors.is_empty() {
            self.configured.set(ProviderData::new(&config, &settings, &self.environment).await);
        }
    }
}
