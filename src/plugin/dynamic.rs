//! From a typed [`Resource`] to what the server calls: bytes in, bytes out.

use std::{collections::HashMap, fmt, sync::Arc};

use async_trait::async_trait;
use serde::Serialize;
use tf_provider::{
    AttributePath, Diagnostics,
    schema::{Attribute, AttributeType, Schema},
};

use super::{
    codec,
    diagnostics::{bug, error},
    private,
    resource::{CallContext, Outcome, Plan, PlanRequest, Resource, Stored},
    wire::DynamicValue,
};

/// A change to apply: no prior state creates, no planned state destroys.
#[derive(Clone, Debug)]
pub struct Change<S, P> {
    /// The state before.
    pub prior: Option<S>,
    /// The state that was planned.
    pub planned: Option<S>,
    /// The private data that was planned.
    pub private: P,
}

/// A resource whose states and private data are bytes. Made by [`dynamic`].
///
/// An answer of `None` always comes with an error in `diags`, and leaves what Terraform has as it is.
#[async_trait]
pub trait DynamicResource: fmt::Debug + Send + Sync {
    /// See [`Resource::type_name`].
    fn type_name(&self) -> &'static str;

    /// See [`Resource::schema`].
    fn schema(&self) -> &Schema;

    /// See [`Resource::validate`].
    async fn validate(&self, config: DynamicValue, diags: &mut Diagnostics);

    /// See [`Resource::plan`].
    async fn plan(
        &self,
        request: PlanRequest<DynamicValue, Vec<u8>>,
        diags: &mut Diagnostics,
    ) -> Option<Plan<DynamicValue, Vec<u8>>>;

    /// See [`Resource::read`].
    async fn read(
        &self,
        context: &CallContext,
        current: Stored<DynamicValue, Vec<u8>>,
        diags: &mut Diagnostics,
    ) -> Option<Outcome<DynamicValue, Vec<u8>>>;

    /// See [`Resource::create`], [`Resource::update`] and [`Resource::delete`].
    async fn apply(
        &self,
        context: &CallContext,
        change: Change<DynamicValue, Vec<u8>>,
        diags: &mut Diagnostics,
    ) -> Option<Outcome<DynamicValue, Vec<u8>>>;

    /// See [`Resource::import`].
    async fn import(
        &self,
        context: &CallContext,
        id: &str,
        diags: &mut Diagnostics,
    ) -> Option<Stored<DynamicValue, Vec<u8>>>;

    /// See [`Resource::upgrade`]; `json` is the state as Terraform stored it.
    async fn upgrade(&self, version: i64, json: &[u8], diags: &mut Diagnostics) -> Option<DynamicValue>;
}

/// Makes a [`Resource`] callable by the server.
pub fn dynamic<R: Resource>(resource: R) -> Arc<dyn DynamicResource> {
    Arc::new(Adapter { schema: resource.schema(), resource })
}

struct Adapter<R> {
    resource: R,
    schema: Schema,
}

impl<R: Resource> fmt::Debug for Adapter<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Adapter").field("type_name", &self.resource.type_name()).finish_non_exhaustive()
    }
}

#[async_trait]
impl<R: Resource> DynamicResource for Adapter<R> {
    fn type_name(&self) -> &'static str {
        self.resource.type_name()
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    async fn validate(&self, config: DynamicValue, diags: &mut Diagnostics) {
        if let Some(Some(config)) = self.decode(Some(&config), diags) {
            self.resource.validate(config, diags).await;
        }
    }

    async fn plan(
        &self,
        request: PlanRequest<DynamicValue, Vec<u8>>,
        diags: &mut Diagnostics,
    ) -> Option<Plan<DynamicValue, Vec<u8>>> {
        let request = PlanRequest {
            prior: self.decode(request.prior.as_ref(), diags)?,
            proposed: self.decode(request.proposed.as_ref(), diags)?,
            config: self.decode(request.config.as_ref(), diags)?,
            private: private::decode(&request.private, self.type_name()),
        };
        let plan = self.resource.plan(request, diags).await?;
        let state = match plan.state {
            Some(state) => Some(codec::encode(&state).map_err(|cause| self.unwritable(cause, diags)).ok()?),
            None => None,
        };
        let private = self.encode_private(&plan.private, diags)?;
        Some(Plan { state, requires_replace: plan.requires_replace, private })
    }

    async fn read(
        &self,
        context: &CallContext,
        current: Stored<DynamicValue, Vec<u8>>,
        diags: &mut Diagnostics,
    ) -> Option<Outcome<DynamicValue, Vec<u8>>> {
        let Some(state) = self.decode(Some(&current.state), diags)? else {
            return Some(Outcome { state: None, private: current.private });
        };
        let current = Stored { state, private: private::decode(&current.private, self.type_name()) };
        let outcome = self.resource.read(context, current, diags).await?;
        self.encode_outcome(outcome, diags)
    }

    async fn apply(
        &self,
        context: &CallContext,
        change: Change<DynamicValue, Vec<u8>>,
        diags: &mut Diagnostics,
    ) -> Option<Outcome<DynamicValue, Vec<u8>>> {
        let prior = self.decode(change.prior.as_ref(), diags)?;
        let planned = self.decode(change.planned.as_ref(), diags)?;
        let private: R::Private = private::decode(&change.private, self.type_name());
        let destroys = planned.is_none();
        let outcome = match (prior, planned) {
            (None, Some(state)) => self.resource.create(context, Stored { state, private }, diags).await,
            (Some(prior), Some(state)) => self.resource.update(context, prior, Stored { state, private }, diags).await,
            (Some(state), None) => self.resource.delete(context, Stored { state, private }, diags).await,
            (None, None) => Outcome { state: None, private },
        };
        // Nothing there, though it was not destroyed or that failed: Terraform keeps the state it has (none at a create).
        if outcome.state.is_none() && !(destroys && diags.errors.is_empty()) {
            return None;
        }
        self.encode_outcome(outcome, diags)
    }

    async fn import(
        &self,
        context: &CallContext,
        id: &str,
        diags: &mut Diagnostics,
    ) -> Option<Stored<DynamicValue, Vec<u8>>> {
        let imported = self.resource.import(context, id, diags).await?;
        let state = self.encode_state(&imported.state, diags)?;
        Some(Stored { state, private: self.encode_private(&imported.private, diags)? })
    }

    async fn upgrade(&self, version: i64, json: &[u8], diags: &mut Diagnostics) -> Option<DynamicValue> {
        let Ok(mut state) = serde_json::from_slice(json) else {
            let detail = format!(
                "The stored state of {} is not JSON; it may come from a Terraform older than 0.12.",
                self.type_name()
            );
            diags.add_error(error("State cannot be read", detail, AttributePath::root()));
            return None;
        };
        if version == self.schema.version {
            conform(&mut state, &self.schema.block.attributes);
        }
        let state = self.resource.upgrade(version, state, diags).await?;
        self.encode_state(&state, diags)
    }
}

impl<R: Resource> Adapter<R> {
    /// The outer `None` is an error, the inner one null.
    fn decode(&self, value: Option<&DynamicValue>, diags: &mut Diagnostics) -> Option<Option<R::State>> {
        codec::decode(value, &self.schema.block)
            .map_err(|codec::Mismatch { path, reason }| {
                let detail = format!("{}: {reason}.", self.type_name());
                diags.add_error(error("Value cannot be read", detail, path));
            })
            .ok()
    }

    fn encode_outcome(
        &self,
        outcome: Outcome<R::State, R::Private>,
        diags: &mut Diagnostics,
    ) -> Option<Outcome<DynamicValue, Vec<u8>>> {
        let state = match outcome.state {
            Some(state) => Some(self.encode_state(&state, diags)?),
            None => None,
        };
        Some(Outcome { state, private: self.encode_private(&outcome.private, diags)? })
    }

    /// A value that is still unknown becomes null: refusing the state would lose what is known of something that exists.
    fn encode_state(&self, state: &R::State, diags: &mut Diagnostics) -> Option<DynamicValue> {
        let (state, replaced) = codec::encode_known(state).map_err(|cause| self.unwritable(cause, diags)).ok()?;
        if !replaced.is_empty() {
            let attributes = replaced.join(", ");
            tracing::error!(
                resource = self.type_name(),
                attributes,
                "the state held unknown values; they are now null"
            );
        }
        Some(state)
    }

    fn encode_private<P: Serialize>(&self, data: &P, diags: &mut Diagnostics) -> Option<Vec<u8>> {
        private::encode(data).map_err(|cause| self.unwritable(cause, diags)).ok()
    }

    fn unwritable(&self, cause: impl fmt::Display, diags: &mut Diagnostics) {
        diags.add_error(bug(self.type_name(), format_args!("the answer cannot be encoded: {cause}")));
    }
}

/// Gives a stored state the attributes that its schema version has today: one added since is null, one dropped is gone.
fn conform(state: &mut serde_json::Value, attributes: &HashMap<String, Attribute>) {
    let Some(state) = state.as_object_mut() else { return };
    state.retain(|name, _| attributes.contains_key(name));
    for (name, attribute) in attributes {
        let value = state.entry(name).or_insert(serde_json::Value::Null);
        if let AttributeType::AttributeSingle(inner) = &attribute.attr_type {
            conform(value, inner);
        }
    }
}
