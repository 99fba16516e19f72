//! The RPCs of the protocol, each from its request to its answer.
//!
//! Every RPC that runs the provider's code runs in a task of its own: a client that goes away does not tear a mutating
//! call in two, and a panic becomes a diagnostic. Each prepares first what it answers when that code gives nothing back:
//! Terraform keeps the state and the private data it has.

use std::{collections::BTreeMap, future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use tf_provider::{AttributePath, Diagnostics, schema::Schema};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use super::{
    codec,
    diagnostics::{bug, error, path_to_wire, to_wire},
    dynamic::{Change, DynamicResource},
    panics::Panics,
    provider::Provider,
    resource::{CallContext, PlanRequest, Stored},
    schema,
    wire::{
        Answer, ApplyResourceChangeRequest, ApplyResourceChangeResponse, ConfigureProviderRequest,
        ConfigureProviderResponse, DynamicValue, GetMetadataResponse, GetProviderSchemaResponse,
        ImportResourceStateRequest, ImportResourceStateResponse, ImportedResource, PlanResourceChangeRequest,
        PlanResourceChangeResponse, ReadResourceRequest, ReadResourceResponse, ResourceMetadata, ServerCapabilities,
        UpgradeResourceStateRequest, UpgradeResourceStateResponse, ValidateProviderConfigRequest,
        ValidateProviderConfigResponse, ValidateResourceConfigRequest, ValidateResourceConfigResponse,
    },
};

const CAPABILITIES: ServerCapabilities = ServerCapabilities { plan_destroy: true, get_provider_schema_optional: true };

/// A provider behind the protocol: all connections share one, or each has its own.
pub(super) struct Server<P> {
    provider: Arc<P>,
    schema: Arc<Schema>,
    resources: BTreeMap<&'static str, Arc<dyn DynamicResource>>,
    running: TaskTracker,
    panics: Panics,
}

/// What the provider's code made of a call; nothing comes with an error.
type Worked<A> = (Option<A>, Diagnostics);

impl<P: Provider> Server<P> {
    pub(super) fn new(provider: P, panics: Panics) -> Self {
        let resources = provider.resources().into_iter().map(|resource| (resource.type_name(), resource)).collect();
        let schema = Arc::new(provider.schema());
        Self { provider: Arc::new(provider), schema, resources, running: TaskTracker::new(), panics }
    }

    /// A server of a provider of its own, which configures itself alone; [`Self::idle`] waits for the RPCs of both.
    pub(super) fn another(&self) -> Self {
        Self { running: self.running.clone(), ..Self::new(self.provider.fresh(), self.panics.clone()) }
    }

    /// Waits until no RPC runs. RPCs that come later are not waited for.
    pub(super) async fn idle(&self) {
        self.running.close();
        self.running.wait().await;
    }

    // ---- what the provider is ----

    pub(super) fn get_metadata(&self) -> GetMetadataResponse {
        let resources = self.resources.keys().map(|name| ResourceMetadata { type_name: (*name).to_owned() }).collect();
        GetMetadataResponse { server_capabilities: Some(CAPABILITIES), resources, diagnostics: Vec::new() }
    }

    pub(super) fn get_provider_schema(&self) -> GetProviderSchemaResponse {
        let of_resource = |(name, resource): (&&str, &Arc<dyn DynamicResource>)| {
            ((*name).to_owned(), schema::to_wire(resource.schema()))
        };
        GetProviderSchemaResponse {
            provider: Some(schema::to_wire(&self.schema)),
            resource_schemas: self.resources.iter().map(of_resource).collect(),
            server_capabilities: Some(CAPABILITIES),
            diagnostics: Vec::new(),
        }
    }

    // ---- the provider block ----

    pub(super) async fn validate_provider_config(
        &self,
        request: ValidateProviderConfigRequest,
    ) -> ValidateProviderConfigResponse {
        let (provider, schema) = (Arc::clone(&self.provider), Arc::clone(&self.schema));
        self.run("ValidateProviderConfig", "provider", ValidateProviderConfigResponse::default(), async move {
            let mut diags = Diagnostics::default();
            let config = provider_config::<P>(request.config.as_ref(), &schema, &mut diags);
            if let Some(config) = config {
                provider.validate(config, &mut diags).await;
            }
            (Some(ValidateProviderConfigResponse::default()), diags)
        })
        .await
    }

    pub(super) async fn configure_provider(
        &self,
        stop: CancellationToken,
        request: ConfigureProviderRequest,
    ) -> ConfigureProviderResponse {
        let (provider, schema) = (Arc::clone(&self.provider), Arc::clone(&self.schema));
        self.run("ConfigureProvider", "provider", ConfigureProviderResponse::default(), async move {
            let mut diags = Diagnostics::default();
            let config = provider_config::<P>(request.config.as_ref(), &schema, &mut diags);
            if let Some(config) = config {
                provider.configure(&CallContext { stop }, &request.terraform_version, config, &mut diags).await;
            }
            (Some(ConfigureProviderResponse::default()), diags)
        })
        .await
    }

    // ---- resources ----

    pub(super) async fn validate_resource_config(
        &self,
        request: ValidateResourceConfigRequest,
    ) -> ValidateResourceConfigResponse {
        let resource = self.resource(&request.type_name);
        self.run("ValidateResourceConfig", &request.type_name, ValidateResourceConfigResponse::default(), async move {
            let mut diags = Diagnostics::default();
            let answer = async {
                known(resource, &mut diags)?.validate(request.config.unwrap_or_default(), &mut diags).await;
                Some(ValidateResourceConfigResponse::default())
            };
            (answer.await, diags)
        })
        .await
    }

    pub(super) async fn upgrade_resource_state(
        &self,
        request: UpgradeResourceStateRequest,
    ) -> UpgradeResourceStateResponse {
        let resource = self.resource(&request.type_name);
        self.run("UpgradeResourceState", &request.type_name, UpgradeResourceStateResponse::default(), async move {
            let mut diags = Diagnostics::default();
            let json = request.raw_state.unwrap_or_default().json;
            let answer = async {
                let state = known(resource, &mut diags)?.upgrade(request.version, &json, &mut diags).await?;
                Some(UpgradeResourceStateResponse { upgraded_state: Some(state), diagnostics: Vec::new() })
            };
            (answer.await, diags)
        })
        .await
    }

    pub(super) async fn read_resource(
        &self,
        stop: CancellationToken,
        request: ReadResourceRequest,
    ) -> ReadResourceResponse {
        let resource = self.resource(&request.type_name);
        let current = Stored { state: request.current_state.unwrap_or_default(), private: request.private };
        let fallback = ReadResourceResponse {
            new_state: Some(current.state.clone()),
            private: current.private.clone(),
            diagnostics: Vec::new(),
        };
        self.run("ReadResource", &request.type_name, fallback, async move {
            let mut diags = Diagnostics::default();
            let answer = async {
                let read = known(resource, &mut diags)?.read(&CallContext { stop }, current, &mut diags).await?;
                let new_state = Some(read.state.unwrap_or_else(codec::null));
                Some(ReadResourceResponse { new_state, private: read.private, diagnostics: Vec::new() })
            };
            (answer.await, diags)
        })
        .await
    }

    pub(super) async fn plan_resource_change(&self, request: PlanResourceChangeRequest) -> PlanResourceChangeResponse {
        let resource = self.resource(&request.type_name);
        self.run("PlanResourceChange", &request.type_name, PlanResourceChangeResponse::default(), async move {
            let mut diags = Diagnostics::default();
            let request = PlanRequest {
                prior: request.prior_state,
                proposed: request.proposed_new_state,
                config: request.config,
                private: request.prior_private,
            };
            let answer = async {
                let plan = known(resource, &mut diags)?.plan(request, &mut diags).await?;
                Some(PlanResourceChangeResponse {
                    planned_state: Some(plan.state.unwrap_or_else(codec::null)),
                    requires_replace: plan.requires_replace.into_iter().map(path_to_wire).collect(),
                    planned_private: plan.private,
                    diagnostics: Vec::new(),
                })
            };
            (answer.await, diags)
        })
        .await
    }

    pub(super) async fn apply_resource_change(
        &self,
        stop: CancellationToken,
        request: ApplyResourceChangeRequest,
    ) -> ApplyResourceChangeResponse {
        let resource = self.resource(&request.type_name);
        let change =
            Change { prior: request.prior_state, planned: request.planned_state, private: request.planned_private };
        let fallback = ApplyResourceChangeResponse {
            new_state: Some(change.prior.clone().unwrap_or_else(codec::null)),
            private: change.private.clone(),
            diagnostics: Vec::new(),
        };
        self.run("ApplyResourceChange", &request.type_name, fallback, async move {
            let mut diags = Diagnostics::default();
            let answer = async {
                let applied = known(resource, &mut diags)?.apply(&CallContext { stop }, change, &mut diags).await?;
                let new_state = Some(applied.state.unwrap_or_else(codec::null));
                Some(ApplyResourceChangeResponse { new_state, private: applied.private, diagnostics: Vec::new() })
            };
            (answer.await, diags)
        })
        .await
    }

    pub(super) async fn import_resource_state(
        &self,
        stop: CancellationToken,
        request: ImportResourceStateRequest,
    ) -> ImportResourceStateResponse {
        let resource = self.resource(&request.type_name);
        let type_name = request.type_name.clone();
        self.run("ImportResourceState", &type_name, ImportResourceStateResponse::default(), async move {
            let mut diags = Diagnostics::default();
            let answer = async {
                let resource = known(resource, &mut diags)?;
                let imported = resource.import(&CallContext { stop }, &request.id, &mut diags).await?;
                let imported = ImportedResource {
                    type_name: request.type_name,
                    state: Some(imported.state),
                    private: imported.private,
                };
                Some(ImportResourceStateResponse { imported_resources: vec![imported], diagnostics: Vec::new() })
            };
            (answer.await, diags)
        })
        .await
    }

    /// The resource, or the type's name where there is none.
    fn resource(&self, type_name: &str) -> Result<Arc<dyn DynamicResource>, String> {
        self.resources.get(type_name).map(Arc::clone).ok_or_else(|| type_name.to_owned())
    }

    /// Runs the provider's code to its end, whatever becomes of the caller.
    async fn run<A: Answer>(
        &self,
        rpc: &'static str,
        type_name: &str,
        fallback: A,
        work: impl Future<Output = Worked<A>> + Send + 'static,
    ) -> A {
        let panics = self.panics.clone();
        let watched = async move {
            let started = Instant::now();
            let worked = AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| panics.describe(panic.as_ref()));
            let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::debug!(elapsed_ms, "answered");
            worked
        };
        let span = tracing::error_span!("rpc", rpc, resource = type_name);
        let broken = |what: String| {
            let mut diags = Diagnostics::default();
            diags.add_error(bug(type_name, format_args!("{rpc}: {what}")));
            (None, diags)
        };
        let (answer, mut diags) = match self.running.spawn(watched.instrument(span)).await {
            Ok(worked) => worked.unwrap_or_else(broken),
            Err(ended) => broken(if ended.is_panic() { "it panicked" } else { "it was cancelled" }.to_owned()),
        };
        if answer.is_none() && diags.errors.is_empty() {
            diags.add_error(bug(type_name, format_args!("{rpc} gave no answer")));
        }
        let mut answer = answer.unwrap_or(fallback);
        *answer.diagnostics() = to_wire(diags);
        answer
    }
}

/// The resource that was asked for, or an error that names it.
fn known(
    resource: Result<Arc<dyn DynamicResource>, String>,
    diags: &mut Diagnostics,
) -> Option<Arc<dyn DynamicResource>> {
    resource
        .map_err(|type_name| {
            let detail = format!("This version of the provider has no resource type {type_name}.");
            diags.add_error(error("Unknown resource type", detail, AttributePath::root()));
        })
        .ok()
}

fn provider_config<P: Provider>(
    config: Option<&DynamicValue>,
    schema: &Schema,
    diags: &mut Diagnostics,
) -> Option<P::Config> {
    match codec::decode(config, &schema.block) {
        Ok(Some(config)) => Some(config),
        Ok(None) => {
            diags.add_error(bug("provider", "the configuration is null"));
            None
        }
        Err(codec::Mismatch { path, reason }) => {
            diags.add_error(error("Value cannot be read", format!("provider: {reason}."), path));
            None
        }
    }
}
