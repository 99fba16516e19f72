//! A provider for these tests: one resource that does what its `name` says.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use cloudvolume::plugin::{
    CallContext, DynamicResource, Outcome, Plan, PlanRequest, Provider, Resource, ServeInfo, Stored, dynamic,
};
use serde::{Deserialize, Serialize};
use tf_provider::{
    AttributePath, Diagnostic, Diagnostics,
    schema::{Attribute, AttributeConstraint, AttributeType, Block, Description, Schema},
    value::{Value, ValueNumber, ValueString},
};

pub(crate) const INFO: ServeInfo =
    ServeInfo { name: "terraform-provider-test", address: "cloudvolume/test", version: "1.2.3" };

/// The rate that makes the configuration wait to be stopped.
const WAITS: f64 = 0.5;

#[derive(Debug, Default)]
pub(crate) struct TestProvider {
    rate: Arc<Mutex<Option<f64>>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    rate: Value<f64>,
}

#[async_trait]
impl Provider for TestProvider {
    type Config = Config;

    fn fresh(&self) -> Self {
        Self::default()
    }

    fn schema(&self) -> Schema {
        schema([("rate", AttributeType::Number, AttributeConstraint::Optional)])
    }

    fn resources(&self) -> Vec<Arc<dyn DynamicResource>> {
        vec![dynamic(Thing { rate: Arc::clone(&self.rate) })]
    }

    async fn validate(&self, config: Config, diags: &mut Diagnostics) {
        if config.rate.as_ref().is_value() && config.rate.unwrap_or_default() <= 0.0 {
            diags.add_error(said("rate must be positive", AttributePath::new("rate")));
        }
    }

    async fn configure(&self, context: &CallContext, terraform_version: &str, config: Config, diags: Diags<'_>) {
        if matches!(config.rate, Value::Value(WAITS)) {
            tracing::warn!("waiting");
            context.stop.cancelled().await;
            diags.add_warning(said("interrupted", AttributePath::root()));
        }
        if let Value::Value(rate) = config.rate {
            *self.rate.lock().unwrap() = Some(rate);
        }
        tracing::warn!(terraform_version, rate = ?config.rate, "configured");
    }
}

/// Does what its `name` says, at create, update and delete alike.
#[derive(Debug)]
struct Thing {
    rate: Arc<Mutex<Option<f64>>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    id: ValueString<'static>,
    name: ValueString<'static>,
    size: ValueNumber,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Private {
    job: Option<String>,
}

type Diags<'a> = &'a mut Diagnostics;

#[async_trait]
impl Resource for Thing {
    type State = State;
    type Private = Private;

    fn type_name(&self) -> &'static str {
        "test_thing"
    }

    fn schema(&self) -> Schema {
        schema([
            ("id", AttributeType::String, AttributeConstraint::Computed),
            ("name", AttributeType::String, AttributeConstraint::Required),
            ("size", AttributeType::Number, AttributeConstraint::Optional),
        ])
    }

    async fn validate(&self, config: State, diags: Diags<'_>) {
        if &*config.name == "invalid" {
            diags.add_warning(said("a warning", AttributePath::root()));
            diags.add_error(said("invalid name", AttributePath::new("name")));
        }
    }

    async fn plan(&self, request: PlanRequest<State, Private>, _diags: Diags<'_>) -> Option<Plan<State, Private>> {
        let replaces = |prior: &State, proposed: &State| prior.name != proposed.name;
        let requires_replace = match (&request.prior, &request.proposed) {
            (Some(prior), Some(proposed)) if replaces(prior, proposed) => vec![AttributePath::new("name")],
            _ => vec![],
        };
        let is_new = request.prior.is_none() || !requires_replace.is_empty();
        let state = request.proposed.map(|mut state| {
            if is_new {
                state.id = Value::Unknown;
            }
            state
        });
        Some(Plan { state, requires_replace, private: request.private })
    }

    async fn read(
        &self,
        context: &CallContext,
        current: Stored<State, Private>,
        diags: Diags<'_>,
    ) -> Option<Outcome<State, Private>> {
        match current.state.name.as_str() {
            "tells its rate" => {
                let rate = *self.rate.lock().unwrap();
                diags.add_warning(said(format!("{rate:?}"), AttributePath::root()));
                Some(Outcome { state: Some(current.state), private: current.private })
            }
            "gone" => Some(Outcome { state: None, private: current.private }),
            "unreadable" => {
                diags.add_error(said("cannot be read", AttributePath::root()));
                None
            }
            _ => Some(act(context, current.state, current.private, diags).await),
        }
    }

    async fn create(
        &self,
        context: &CallContext,
        planned: Stored<State, Private>,
        diags: Diags<'_>,
    ) -> Outcome<State, Private> {
        let mut state = planned.state;
        if state.name.as_str() != "forgets its id" {
            state.id = format!("id of {}", state.name.as_str()).into();
        }
        act(context, state, planned.private, diags).await
    }

    async fn update(
        &self,
        context: &CallContext,
        _prior: State,
        planned: Stored<State, Private>,
        diags: Diags<'_>,
    ) -> Outcome<State, Private> {
        act(context, planned.state, planned.private, diags).await
    }

    async fn delete(
        &self,
        context: &CallContext,
        prior: Stored<State, Private>,
        diags: Diags<'_>,
    ) -> Outcome<State, Private> {
        let mut outcome = act(context, prior.state, prior.private, diags).await;
        if diags.errors.is_empty() {
            outcome.state = None;
        }
        outcome
    }

    async fn import(&self, _context: &CallContext, id: &str, diags: Diags<'_>) -> Option<Stored<State, Private>> {
        if id == "nothing" {
            diags.add_error(said("no such thing", AttributePath::root()));
            return None;
        }
        let state = State { id: id.to_owned().into(), name: "imported".into(), size: Value::Null };
        Some(Stored { state, private: Private::default() })
    }
}

async fn act(
    context: &CallContext,
    state: State,
    private: Private,
    diags: &mut Diagnostics,
) -> Outcome<State, Private> {
    match state.name.as_str() {
        "panics" => panic!("a constant message"),
        "waits" => {
            tracing::warn!("waiting");
            context.stop.cancelled().await;
            tracing::warn!("told to stop");
            diags.add_warning(said("interrupted", AttributePath::root()));
            Outcome { state: Some(state), private: Private { job: Some("unfinished".to_owned()) } }
        }
        "ignores stop" => {
            tracing::warn!("waiting");
            std::future::pending().await
        }
        "fails" => {
            diags.add_error(said("failed", AttributePath::root()));
            Outcome { state: None, private: Private::default() }
        }
        "fails halfway" => {
            diags.add_error(said("failed halfway", AttributePath::root()));
            Outcome { state: Some(state), private: Private { job: Some("failed".to_owned()) } }
        }
        "says nothing" => Outcome { state: None, private: Private::default() },
        _ => Outcome { state: Some(state), private },
    }
}

fn said(summary: impl Into<Cow<'static, str>>, attribute: AttributePath) -> Diagnostic {
    Diagnostic { summary: summary.into(), detail: "".into(), attribute }
}

fn schema<const N: usize>(attributes: [(&str, AttributeType, AttributeConstraint); N]) -> Schema {
    let attribute = |(name, attr_type, constraint): (&str, _, _)| {
        let described =
            Attribute { attr_type, constraint, description: Description::plain(name), ..Default::default() };
        (name.to_owned(), described)
    };
    let attributes = attributes.into_iter().map(attribute).collect();
    Schema { version: 1, block: Block { attributes, description: "a test".into(), ..Block::default() } }
}
