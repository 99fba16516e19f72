//! The messages on the wire: protocol buffers written out by hand, with the field numbers of plugin protocol 6.
//!
//! Facts: `docs/plugin-protocol/tfplugin6.proto` in `hashicorp/terraform` (6.11, read with 6.5 to 6.10 in mind) and
//! `internal/plugin/*.proto` in `hashicorp/go-plugin`. A field that this server neither reads nor writes is left out:
//! protocol buffers skip what they do not know.

use std::collections::BTreeMap;

use prost::Message;

/// A value as Terraform encodes it: MessagePack, or JSON where that is empty.
///
/// See `docs/plugin-protocol/object-wire-format.md` in `hashicorp/terraform`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct DynamicValue {
    /// MessagePack; an unknown value is an extension of any code.
    #[prost(bytes = "vec", tag = "1")]
    pub msgpack: Vec<u8>,
    /// JSON, read only where there is no MessagePack.
    #[prost(bytes = "vec", tag = "2")]
    pub json: Vec<u8>,
}

/// A request or an answer without fields.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Empty {}

// ---- diagnostics ----

#[derive(Clone, PartialEq, Message)]
pub(super) struct Diagnostic {
    #[prost(enumeration = "Severity", tag = "1")]
    pub(super) severity: i32,
    #[prost(string, tag = "2")]
    pub(super) summary: String,
    #[prost(string, tag = "3")]
    pub(super) detail: String,
    #[prost(message, optional, tag = "4")]
    pub(super) attribute: Option<AttributePath>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum Severity {
    Invalid = 0,
    Error = 1,
    Warning = 2,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AttributePath {
    #[prost(message, repeated, tag = "1")]
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Step {
    #[prost(oneof = "Selector", tags = "1, 2, 3")]
    pub(super) selector: Option<Selector>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Selector {
    #[prost(string, tag = "1")]
    AttributeName(String),
    #[prost(string, tag = "2")]
    ElementKeyString(String),
    #[prost(int64, tag = "3")]
    ElementKeyInt(i64),
}

// ---- schemas ----

#[derive(Clone, PartialEq, Message)]
pub(super) struct Schema {
    #[prost(int64, tag = "1")]
    pub(super) version: i64,
    #[prost(message, optional, tag = "2")]
    pub(super) block: Option<Block>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Block {
    #[prost(int64, tag = "1")]
    pub(super) version: i64,
    #[prost(message, repeated, tag = "2")]
    pub(super) attributes: Vec<Attribute>,
    #[prost(message, repeated, tag = "3")]
    pub(super) block_types: Vec<NestedBlock>,
    #[prost(string, tag = "4")]
    pub(super) description: String,
    #[prost(enumeration = "StringKind", tag = "5")]
    pub(super) description_kind: i32,
    #[prost(bool, tag = "6")]
    pub(super) deprecated: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    /// The type as cty writes it in JSON; empty where there is a nested type.
    #[prost(bytes = "vec", tag = "2")]
    pub(super) r#type: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(super) description: String,
    #[prost(bool, tag = "4")]
    pub(super) required: bool,
    #[prost(bool, tag = "5")]
    pub(super) optional: bool,
    #[prost(bool, tag = "6")]
    pub(super) computed: bool,
    #[prost(bool, tag = "7")]
    pub(super) sensitive: bool,
    #[prost(enumeration = "StringKind", tag = "8")]
    pub(super) description_kind: i32,
    #[prost(bool, tag = "9")]
    pub(super) deprecated: bool,
    #[prost(message, optional, tag = "10")]
    pub(super) nested_type: Option<Object>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Object {
    #[prost(message, repeated, tag = "1")]
    pub(super) attributes: Vec<Attribute>,
    #[prost(enumeration = "Nesting", tag = "3")]
    pub(super) nesting: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NestedBlock {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) block: Option<Block>,
    #[prost(enumeration = "Nesting", tag = "3")]
    pub(super) nesting: i32,
    #[prost(int64, tag = "4")]
    pub(super) min_items: i64,
    #[prost(int64, tag = "5")]
    pub(super) max_items: i64,
}

/// How nested blocks and nested attributes are collected; nested attributes know no `Group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum Nesting {
    Invalid = 0,
    Single = 1,
    List = 2,
    Set = 3,
    Map = 4,
    Group = 5,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum StringKind {
    Plain = 0,
    Markdown = 1,
}

// ---- what the provider is ----

#[derive(Clone, PartialEq, Message)]
pub(super) struct ServerCapabilities {
    /// PlanResourceChange is wanted for a destroy too.
    #[prost(bool, tag = "1")]
    pub(super) plan_destroy: bool,
    /// A client that has the schema cached need not ask for it again.
    #[prost(bool, tag = "2")]
    pub(super) get_provider_schema_optional: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GetMetadataResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) server_capabilities: Option<ServerCapabilities>,
    #[prost(message, repeated, tag = "2")]
    pub(super) diagnostics: Vec<Diagnostic>,
    #[prost(message, repeated, tag = "4")]
    pub(super) resources: Vec<ResourceMetadata>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ResourceMetadata {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GetProviderSchemaResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) provider: Option<Schema>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(super) resource_schemas: BTreeMap<String, Schema>,
    #[prost(message, repeated, tag = "4")]
    pub(super) diagnostics: Vec<Diagnostic>,
    #[prost(message, optional, tag = "6")]
    pub(super) server_capabilities: Option<ServerCapabilities>,
}

// ---- the provider block ----

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValidateProviderConfigRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) config: Option<DynamicValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValidateProviderConfigResponse {
    #[prost(message, repeated, tag = "2")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ConfigureProviderRequest {
    #[prost(string, tag = "1")]
    pub(super) terraform_version: String,
    #[prost(message, optional, tag = "2")]
    pub(super) config: Option<DynamicValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ConfigureProviderResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// The answer to StopProvider: why it could not stop; empty when it did.
#[derive(Clone, PartialEq, Message)]
pub(super) struct StopProviderResponse {
    #[prost(string, tag = "1")]
    pub(super) error: String,
}

// ---- resources ----

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValidateResourceConfigRequest {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) config: Option<DynamicValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValidateResourceConfigResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RawState {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) json: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct UpgradeResourceStateRequest {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(int64, tag = "2")]
    pub(super) version: i64,
    #[prost(message, optional, tag = "3")]
    pub(super) raw_state: Option<RawState>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct UpgradeResourceStateResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) upgraded_state: Option<DynamicValue>,
    #[prost(message, repeated, tag = "2")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ReadResourceRequest {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) current_state: Option<DynamicValue>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) private: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ReadResourceResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) new_state: Option<DynamicValue>,
    #[prost(message, repeated, tag = "2")]
    pub(super) diagnostics: Vec<Diagnostic>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) private: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PlanResourceChangeRequest {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) prior_state: Option<DynamicValue>,
    #[prost(message, optional, tag = "3")]
    pub(super) proposed_new_state: Option<DynamicValue>,
    #[prost(message, optional, tag = "4")]
    pub(super) config: Option<DynamicValue>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) prior_private: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PlanResourceChangeResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) planned_state: Option<DynamicValue>,
    #[prost(message, repeated, tag = "2")]
    pub(super) requires_replace: Vec<AttributePath>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) planned_private: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ApplyResourceChangeRequest {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) prior_state: Option<DynamicValue>,
    #[prost(message, optional, tag = "3")]
    pub(super) planned_state: Option<DynamicValue>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) planned_private: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ApplyResourceChangeResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) new_state: Option<DynamicValue>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) private: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ImportResourceStateRequest {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(string, tag = "2")]
    pub(super) id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ImportResourceStateResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) imported_resources: Vec<ImportedResource>,
    #[prost(message, repeated, tag = "2")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ImportedResource {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) state: Option<DynamicValue>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) private: Vec<u8>,
}

// ---- go-plugin and health ----

#[derive(Clone, PartialEq, Message)]
pub(super) struct HealthCheckResponse {
    /// 1 is "serving".
    #[prost(int32, tag = "1")]
    pub(super) status: i32,
}

/// An answer that carries diagnostics.
pub(super) trait Answer: Message + Default + Send + 'static {
    /// Where they go.
    fn diagnostics(&mut self) -> &mut Vec<Diagnostic>;
}

macro_rules! answers {
    ($($message:ty),+ $(,)?) => {
        $(impl Answer for $message {
            fn diagnostics(&mut self) -> &mut Vec<Diagnostic> {
                &mut self.diagnostics
            }
        })+
    };
}

answers!(
    ApplyResourceChangeResponse,
    ConfigureProviderResponse,
    GetMetadataResponse,
    GetProviderSchemaResponse,
    ImportResourceStateResponse,
    PlanResourceChangeResponse,
    ReadResourceResponse,
    UpgradeResourceStateResponse,
    ValidateProviderConfigResponse,
    ValidateResourceConfigResponse,
);
