//! An attachment as the plugin server sees it; each cloud's resource is one [`Kind`] of it.

use std::{marker::PhantomData, sync::Arc, time::SystemTime};

use async_trait::async_trait;
use tf_provider::{Diagnostics, schema::Schema};

use super::{
    api::AttachmentApi,
    ledger::Private,
    life::Life,
    model::{Attachment, Model, Timeouts, text},
    plan,
    power::StoppedServers,
};
use crate::{
    plugin::{CallContext, Outcome, Plan, PlanRequest, Resource, Stored},
    provider::{
        data::{Configured, ProviderData},
        diagnostics,
    },
};
use tf_provider::value::Value;

/// One cloud's attachment resource.
pub(crate) trait Kind: Send + Sync + 'static {
    /// Its attributes.
    type Model: Model;

    /// The type's name.
    const TYPE_NAME: &'static str;

    /// The schema.
    fn schema() -> Schema;

    /// The provider's region, if it is known before any call.
    fn provider_region(data: &ProviderData) -> Option<String>;

    /// The cloud's calls for a region, or for the provider's region.
    ///
    /// # Errors
    /// What is missing, in a sentence for people.
    fn connect(data: &ProviderData, region: Option<&str>) -> Result<Arc<dyn AttachmentApi>, NotReady>;
}

/// Why a cloud cannot be called.
#[derive(Clone, Debug)]
pub(crate) enum NotReady {
    /// The provider block holds values that are known only after apply.
    Unknown,
    /// The provider block, the environment and the files do not add up to a configuration.
    Missing {
        /// The provider block's attribute.
        block: &'static str,
        /// What is missing and where it was looked for.
        problem: String,
    },
}

/// A kind's state with its private data.
type StoredModel<K> = Stored<<K as Kind>::Model, Private>;

/// The resource of a [`Kind`].
pub(crate) struct AttachmentResource<K> {
    configured: Arc<Configured>,
    now: fn() -> SystemTime,
    stopped_servers: StoppedServers,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> AttachmentResource<K> {
    /// A resource that finds its clients in `configured` once Terraform has configured the provider.
    pub(crate) fn new(configured: Arc<Configured>, now: fn() -> SystemTime) -> Self {
        Self { configured, now, stopped_servers: StoppedServers::default(), kind: PhantomData }
    }

    fn life(
        &self,
        stored: Stored<K::Model, Private>,
        pick: impl Fn(&Timeouts) -> &Value<String>,
        context: &CallContext,
    ) -> Result<Life<K::Model>, (StoredModel<K>, NotReady)> {
        let connected = self.configured.get().and_then(|data| K::connect(&data, text(&stored.state.common().region)));
        match connected {
            Ok(api) => {
                let timeout = stored.state.common().timeout(pick, K::Model::default_timeout());
                Ok(Life::new(api, stored, timeout, context, self.now, self.stopped_servers.clone()))
            }
            Err(not_ready) => Err((stored, not_ready)),
        }
    }
}

#[async_trait]
impl<K: Kind> Resource for AttachmentResource<K> {
    type Private = Private;
    type State = K::Model;

    fn type_name(&self) -> &'static str {
        K::TYPE_NAME
    }

    fn schema(&self) -> Schema {
        K::schema()
    }

    async fn validate(&self, config: K::Model, diags: &mut Diagnostics) {
        config.common().validate(K::Model::check_id, diags);
        config.validate(diags);
    }

    async fn plan(
        &self,
        request: PlanRequest<K::Model, Private>,
        diags: &mut Diagnostics,
    ) -> Option<Plan<K::Model, Private>> {
        let region = self.configured.get().ok().and_then(|data| K::provider_region(&data));
        Some(plan::plan(request, region.as_deref(), diags))
    }

    async fn read(
        &self,
        context: &CallContext,
        current: Stored<K::Model, Private>,
        diags: &mut Diagnostics,
    ) -> Option<Outcome<K::Model, Private>> {
        match self.life(current, |timeouts| &timeouts.read, context) {
            Ok(life) => life.read(diags).await,
            // Values that come with apply: what is in the state is the best that can be said now.
            Err((stored, NotReady::Unknown)) => Some(Outcome { state: Some(stored.state), private: stored.private }),
            Err((_, not_ready)) => {
                report(&not_ready, diags);
                None
            }
        }
    }

    async fn create(
        &self,
        context: &CallContext,
        planned: Stored<K::Model, Private>,
        diags: &mut Diagnostics,
    ) -> Outcome<K::Model, Private> {
        match self.life(planned, |timeouts| &timeouts.create, context) {
            Ok(life) => life.create(diags).await,
            Err((_, not_ready)) => {
                report(&not_ready, diags);
                Outcome { state: None, private: Private::default() }
            }
        }
    }

    async fn update(
        &self,
        context: &CallContext,
        prior: K::Model,
        planned: Stored<K::Model, Private>,
        diags: &mut Diagnostics,
    ) -> Outcome<K::Model, Private> {
        match self.life(planned, |timeouts| &timeouts.update, context) {
            Ok(life) => life.update(prior, diags).await,
            Err((stored, not_ready)) => {
                report(&not_ready, diags);
                Outcome { state: Some(prior), private: stored.private }
            }
        }
    }

    async fn delete(
        &self,
        context: &CallContext,
        prior: Stored<K::Model, Private>,
        diags: &mut Diagnostics,
    ) -> Outcome<K::Model, Private> {
        match self.life(prior, |timeouts| &timeouts.delete, context) {
            Ok(life) => life.delete(diags).await,
            Err((stored, not_ready)) => {
                report(&not_ready, diags);
                Outcome { state: Some(stored.state), private: stored.private }
            }
        }
    }

    async fn import(
        &self,
        context: &CallContext,
        id: &str,
        diags: &mut Diagnostics,
    ) -> Option<Stored<K::Model, Private>> {
        let state = parse_import_id::<K::Model>(id)
            .map_err(|problem| diagnostics::error(diags, "Invalid import id", problem))
            .ok()?;
        match self.life(Stored { state, private: Private::default() }, |timeouts| &timeouts.read, context) {
            Ok(life) => life.import(diags).await,
            Err((_, not_ready)) => {
                report(&not_ready, diags);
                None
            }
        }
    }
}

/// Reads `<server_id>/<volume_id>` or `<region>/<server_id>/<volume_id>`.
fn parse_import_id<M: Model>(id: &str) -> Result<M, String> {
    let parts: Vec<_> = id.split('/').collect();
    let (region, server, volume) = match *parts.as_slice() {
        [server, volume] => (None, server, volume),
        [region, server, volume] if !region.is_empty() => (Some(region), server, volume),
        _ => {
            return Err(format!(
                "{id:?} is not an attachment's id: write \"<server_id>/<volume_id>\" or \"<region>/<server_id>/<volume_id>\"."
            ));
        }
    };
    M::check_id(server, true).map_err(|problem| format!("The server's id: {problem}"))?;
    M::check_id(volume, false).map_err(|problem| format!("The volume's id: {problem}"))?;
    let mut model = M::default();
    *model.common_mut() = Attachment {
        region: region.map_or(Value::Null, |region| Value::Value(region.to_owned())),
        server_id: Value::Value(server.to_owned()),
        volume_id: Value::Value(volume.to_owned()),
        ..Attachment::default()
    };
    Ok(model)
}

fn report(not_ready: &NotReady, diags: &mut Diagnostics) {
    match not_ready {
        NotReady::Unknown => diagnostics::error(
            diags,
            "The provider's configuration is not known yet",
            "A value of the provider block is known only after apply. Apply what it depends on first, for example with \
             -target."
                .to_owned(),
        ),
        NotReady::Missing { block, problem } => {
            diagnostics::error(diags, format!("The configuration of {block} cannot be used"), problem.clone());
        }
    }
}
