//! What a resource is to the plugin server: typed state and private data in, typed state and private data out.

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use tf_provider::{AttributePath, Diagnostics, schema::Schema};
use tokio_util::sync::CancellationToken;

use super::diagnostics::error;

/// A managed resource, typed. The server turns it into a [`super::DynamicResource`].
///
/// A state is a struct of [`tf_provider::value::Value`] fields named as in the schema. Private data is opaque to
/// Terraform and JSON to us; what cannot be read back (another version wrote it) arrives as its default.
#[async_trait]
pub trait Resource: Send + Sync + 'static {
    /// The resource's attributes.
    type State: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What is kept beside the state.
    type Private: Serialize + DeserializeOwned + Default + Send + Sync + 'static;

    /// The type's name, e.g. `cloudvolume_huaweicloud_ecs_attachment`.
    fn type_name(&self) -> &'static str;

    /// The schema. Terraform asks for it once a process.
    fn schema(&self) -> Schema;

    /// Checks the configuration without any network. Values may be unknown.
    async fn validate(&self, config: Self::State, diags: &mut Diagnostics);

    /// Plans a create, an update or a destroy. `None` (with an error in `diags`) stops the run.
    async fn plan(
        &self,
        request: PlanRequest<Self::State, Self::Private>,
        diags: &mut Diagnostics,
    ) -> Option<Plan<Self::State, Self::Private>>;

    /// Refreshes the state. A state of `None` in the answer removes the resource from Terraform's state; `None` instead
    /// of an answer (with an error in `diags`) keeps what Terraform has.
    async fn read(
        &self,
        context: &CallContext,
        current: Stored<Self::State, Self::Private>,
        diags: &mut Diagnostics,
    ) -> Option<Outcome<Self::State, Self::Private>>;

    /// Creates. With an error in `diags`, a state in the answer is kept and tainted, and none means that nothing is there.
    async fn create(
        &self,
        context: &CallContext,
        planned: Stored<Self::State, Self::Private>,
        diags: &mut Diagnostics,
    ) -> Outcome<Self::State, Self::Private>;

    /// Updates in place. The answer's state is kept, also with an error.
    async fn update(
        &self,
        context: &CallContext,
        prior: Self::State,
        planned: Stored<Self::State, Self::Private>,
        diags: &mut Diagnostics,
    ) -> Outcome<Self::State, Self::Private>;

    /// Destroys. A state in the answer means that it is still there: it is kept together with its private data.
    async fn delete(
        &self,
        context: &CallContext,
        prior: Stored<Self::State, Self::Private>,
        diags: &mut Diagnostics,
    ) -> Outcome<Self::State, Self::Private>;

    /// Imports by id. `None` (with an error in `diags`) imports nothing.
    async fn import(
        &self,
        context: &CallContext,
        id: &str,
        diags: &mut Diagnostics,
    ) -> Option<Stored<Self::State, Self::Private>>;

    /// Brings a state written under an older schema version to this one; `state` is its JSON.
    /// The default reads it as it is.
    async fn upgrade(&self, version: i64, state: serde_json::Value, diags: &mut Diagnostics) -> Option<Self::State> {
        let _ = version;
        serde_json::from_value(state)
            .map_err(|cause| {
                let detail = format!("{}: {cause}", self.type_name());
                diags.add_error(error("State cannot be read", detail, AttributePath::root()));
            })
            .ok()
    }
}

/// What a call may need besides its arguments.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// Cancelled when Terraform asks to stop (StopProvider).
    pub stop: CancellationToken,
}

/// A state with its private data.
#[derive(Clone, Debug)]
pub struct Stored<S, P> {
    /// The attributes.
    pub state: S,
    /// The private data.
    pub private: P,
}

/// What is there after a call; no state means that nothing is.
#[derive(Clone, Debug)]
pub struct Outcome<S, P> {
    /// The attributes, with no value unknown.
    pub state: Option<S>,
    /// The private data.
    pub private: P,
}

/// What Terraform asks to plan.
#[derive(Clone, Debug)]
pub struct PlanRequest<S, P> {
    /// The state before; none when the resource is to be created.
    pub prior: Option<S>,
    /// Terraform's merge of configuration and prior state; none when it is to be destroyed.
    pub proposed: Option<S>,
    /// The configuration; none when it is to be destroyed.
    pub config: Option<S>,
    /// The private data before.
    pub private: P,
}

/// The answer to a [`PlanRequest`].
#[derive(Clone, Debug)]
pub struct Plan<S, P> {
    /// The planned state; none for a destroy.
    pub state: Option<S>,
    /// Attributes whose change needs a replacement.
    pub requires_replace: Vec<AttributePath>,
    /// The private data that apply will get.
    pub private: P,
}
