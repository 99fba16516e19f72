//! What Terraform does with an attachment, for tests: it keeps state and private data from run to run and marks as tainted
//! what a create left behind together with an error.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use tf_provider::{Diagnostics, value::Value};
use tokio_util::sync::CancellationToken;

use super::{
    api::Wish,
    fake::{FakeCloud, World, pair},
    ledger::Private,
    life::{Life, bool_or},
    model::{Attachment, Model, known_bool},
    power::StoppedServers,
    sight::Facts,
};
use crate::plugin::{CallContext, Outcome, Stored};

/// How long every operation may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(120);

/// A resource with the attributes that the tests need.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct TestModel {
    #[serde(flatten)]
    pub(super) common: Attachment,
    pub(super) delete_on_termination: Value<bool>,
    pub(super) force_detach: Value<bool>,
    pub(super) release_stale_record: Value<bool>,
    pub(super) size: Value<String>,
}

impl Model for TestModel {
    fn common(&self) -> &Attachment {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Attachment {
        &mut self.common
    }

    fn wish(&self) -> Wish {
        Wish {
            delete_on_termination: known_bool(&self.delete_on_termination),
            force: known_bool(&self.force_detach).unwrap_or_default(),
            release_stale_record: known_bool(&self.release_stale_record).unwrap_or_default(),
            ..Wish::default()
        }
    }

    fn absorb(&mut self, facts: &Facts) {
        self.delete_on_termination = bool_or(facts.delete_on_termination, &self.delete_on_termination);
    }

    fn forget(&mut self, config: &Self) {
        if config.delete_on_termination.is_null() {
            self.delete_on_termination = Value::Unknown;
        }
    }

    fn replaced_by(&self, prior: &Self) -> Vec<&'static str> {
        if self.size == prior.size { Vec::new() } else { vec!["size"] }
    }

    fn validate(&self, _: &mut Diagnostics) {}
}

/// The configuration of the pair: what is computed is null.
pub(super) fn config() -> TestModel {
    let pair = pair();
    let common = Attachment {
        server_id: Value::Value(pair.server.to_string()),
        volume_id: Value::Value(pair.volume.to_string()),
        ..Attachment::default()
    };
    TestModel { common, ..TestModel::default() }
}

/// The same, with this `on_destroy`.
pub(super) fn on_destroy(name: &str) -> TestModel {
    let mut model = config();
    model.common.on_destroy = Value::Value(name.to_owned());
    model
}

/// One practitioner with one resource.
pub(super) struct Terraform {
    pub(super) cloud: Arc<FakeCloud>,
    pub(super) config: TestModel,
    pub(super) state: Option<TestModel>,
    pub(super) private: Private,
    pub(super) tainted: bool,
    /// Ends the operation under way.
    pub(super) stop: CancellationToken,
    pub(super) stopped_servers: StoppedServers,
}

impl Terraform {
    /// Nothing in the state yet.
    pub(super) fn new(world: World, config: TestModel) -> Self {
        Self {
            cloud: Arc::new(FakeCloud::new(world)),
            config,
            state: None,
            private: Private::default(),
            tainted: false,
            stop: CancellationToken::new(),
            stopped_servers: StoppedServers::default(),
        }
    }

    /// The pair attached, and in the state as a read left it.
    pub(super) async fn attached(world: World, config: TestModel) -> Self {
        let mut terraform = Self::new(World { on_server: true, on_volume: true, ..world }, config.clone());
        terraform.state = Some(config);
        let diags = terraform.refresh().await;
        assert!(diags.errors.is_empty(), "{diags:?}");
        terraform
    }

    fn life(&self, state: TestModel, private: Private) -> Life<TestModel> {
        let stored = Stored { state, private };
        let context = CallContext { stop: self.stop.clone() };
        let api = Arc::clone(&self.cloud);
        Life::new(api, stored, TIMEOUT, &context, || SystemTime::UNIX_EPOCH, self.stopped_servers.clone())
    }

    /// Refreshes what is in the state.
    pub(super) async fn refresh(&mut self) -> Diagnostics {
        let mut diags = Diagnostics::default();
        if let Some(state) = self.state.clone() {
            let outcome = self.life(state, self.private.clone()).read(&mut diags).await;
            assert_eq!(
                outcome.is_none(),
                !diags.errors.is_empty(),
                "an error and only an error keeps the state: {diags:?}"
            );
            if let Some(outcome) = outcome {
                self.keep(outcome);
            }
        }
        diags
    }

    /// Creates.
    pub(super) async fn create(&mut self) -> Diagnostics {
        let mut diags = Diagnostics::default();
        let outcome = self.life(self.config.clone(), self.private.clone()).create(&mut diags).await;
        self.tainted = outcome.state.is_some() && !diags.errors.is_empty();
        self.keep(outcome);
        diags
    }

    /// Updates in place to the configuration.
    pub(super) async fn update(&mut self, planned: TestModel) -> Diagnostics {
        let mut diags = Diagnostics::default();
        let prior = self.state.clone().unwrap();
        let outcome = self.life(planned, self.private.clone()).update(prior, &mut diags).await;
        self.keep(outcome);
        diags
    }

    /// Destroys what is in the state.
    pub(super) async fn delete(&mut self) -> Diagnostics {
        let mut diags = Diagnostics::default();
        let state = self.state.clone().unwrap();
        let outcome = self.life(state, self.private.clone()).delete(&mut diags).await;
        assert_eq!(outcome.state.is_some(), !diags.errors.is_empty(), "what is still there is an error: {diags:?}");
        self.keep(outcome);
        self.tainted &= self.state.is_some();
        diags
    }

    /// Destroys and creates anew, as for a tainted attachment: both get the private data that was planned.
    pub(super) async fn replace(&mut self) -> Diagnostics {
        let planned = self.private.clone();
        let diags = self.delete().await;
        if self.state.is_some() {
            return diags;
        }
        self.private = planned;
        self.create().await
    }

    /// Imports the pair.
    pub(super) async fn import(&mut self) -> Diagnostics {
        let mut diags = Diagnostics::default();
        let imported = self.life(self.config.clone(), Private::default()).import(&mut diags).await;
        assert_eq!(imported.is_none(), !diags.errors.is_empty(), "{diags:?}");
        self.state = imported.map(|stored| stored.state);
        diags
    }

    /// What goes into the state has no unknown value left, or Terraform refuses it.
    fn keep(&mut self, outcome: Outcome<TestModel, Private>) {
        let text = format!("{:?}", outcome.state);
        assert!(!text.contains("Unknown"), "{text}");
        self.private = if outcome.state.is_some() { outcome.private } else { Private::default() };
        self.state = outcome.state;
    }
}

/// The texts of one error or warning and nothing else.
pub(super) fn only(diagnostics: &[tf_provider::Diagnostic]) -> (String, String) {
    match diagnostics {
        [only] => (only.summary.to_string(), only.detail.to_string()),
        several => panic!("{several:?}"),
    }
}
