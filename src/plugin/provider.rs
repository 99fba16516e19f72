//! What a provider is to the plugin server.

use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use tf_provider::{Diagnostics, schema::Schema};

use super::{dynamic::DynamicResource, resource::CallContext};

/// A provider: its configuration and its resources.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The provider block.
    type Config: DeserializeOwned + Send + 'static;

    /// The same provider, not configured and without anything it has learnt.
    #[must_use]
    fn fresh(&self) -> Self
    where
        Self: Sized;

    /// The provider block's schema.
    fn schema(&self) -> Schema;

    /// The resources, in any order; the server sorts them by name.
    fn resources(&self) -> Vec<Arc<dyn DynamicResource>>;

    /// Checks the provider block without any network. Values may be unknown.
    async fn validate(&self, config: Self::Config, diags: &mut Diagnostics);

    /// Takes the provider block. Unknown values are not an error: Terraform configures again before it applies.
    async fn configure(
        &self,
        context: &CallContext,
        terraform_version: &str,
        config: Self::Config,
        diags: &mut Diagnostics,
    );
}
