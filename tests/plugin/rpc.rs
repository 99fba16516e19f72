//! What Terraform gets back from each RPC, and above all what it keeps after an error.

use serde_json::{Value, json};
use tonic::Code;

use crate::{
    client::{Client, Identity, Plugin},
    message::{
        ApplyResourceChangeRequest, ApplyResourceChangeResponse, ConfigureProviderRequest, Diagnostic,
        DiagnosticsResponse, DynamicValue, Empty, GetMetadataResponse, GetProviderSchemaResponse,
        ImportResourceStateRequest, ImportResourceStateResponse, PlanResourceChangeRequest, PlanResourceChangeResponse,
        ProviderConfig, RawState, ReadResourceRequest, ReadResourceResponse, UpgradeResourceStateRequest,
        UpgradeResourceStateResponse, ValidateProviderConfigResponse, ValidateResourceConfigRequest,
    },
};

const PRIVATE: &[u8] = br#"{"version":1,"data":{"job":"before"}}"#;

/// What came back of an apply or a read.
pub(crate) struct Answered {
    pub(crate) diagnostics: Vec<Diagnostic>,
    state: DynamicValue,
    pub(crate) private: Value,
}

impl Answered {
    fn new(diagnostics: Vec<Diagnostic>, state: Option<DynamicValue>, private: &[u8]) -> Self {
        let private = if private.is_empty() { Value::Null } else { serde_json::from_slice(private).unwrap() };
        Self { diagnostics, state: state.expect("Terraform wants a state, be it null"), private }
    }

    pub(crate) fn state(&self) -> Option<Value> {
        let state: Value = rmp_serde::from_slice(&self.state.msgpack).expect("a state without unknown values");
        (!state.is_null()).then_some(state)
    }

    pub(crate) fn errors(&self) -> Vec<&str> {
        errors(&self.diagnostics)
    }
}

fn errors(diagnostics: &[Diagnostic]) -> Vec<&str> {
    diagnostics.iter().filter(|one| one.severity == 1).map(|one| one.summary.as_str()).collect()
}

fn encoded(value: Option<&Value>) -> Option<DynamicValue> {
    Some(DynamicValue { msgpack: rmp_serde::to_vec_named(&value).unwrap() })
}

/// A `test_thing` as it is planned at creation: its id unknown.
fn planned(name: &str) -> DynamicValue {
    let text = |text: &str| rmp_serde::to_vec(text).unwrap();
    let unknown = vec![0xd4, 0, 0];
    let msgpack = [vec![0x83], text("id"), unknown, text("name"), text(name), text("size"), vec![0xc0]].concat();
    DynamicValue { msgpack }
}

fn thing(name: &str) -> Value {
    json!({"id": "1", "name": name, "size": 3})
}

pub(crate) async fn create(client: Client, name: &'static str) -> Answered {
    applied(client, encoded(None), Some(planned(name)), &[]).await
}

pub(crate) async fn apply(client: Client, prior: Option<&Value>, planned: Option<&Value>) -> Answered {
    applied(client, encoded(prior), encoded(planned), PRIVATE).await
}

pub(crate) async fn configure(client: Client, rate: f64) -> DiagnosticsResponse {
    let config = encoded(Some(&json!({ "rate": rate })));
    let request = ConfigureProviderRequest { terraform_version: "1.14.0".to_owned(), config };
    client.call("/tfplugin6.Provider/ConfigureProvider", request).await.unwrap()
}

async fn applied(
    client: Client,
    prior_state: Option<DynamicValue>,
    planned_state: Option<DynamicValue>,
    private: &[u8],
) -> Answered {
    let request = ApplyResourceChangeRequest {
        type_name: "test_thing".to_owned(),
        prior_state,
        planned_state,
        config: encoded(None),
        planned_private: private.to_owned(),
    };
    let answer: ApplyResourceChangeResponse =
        client.call("/tfplugin6.Provider/ApplyResourceChange", request).await.unwrap();
    assert!(!answer.legacy_type_system);
    Answered::new(answer.diagnostics, answer.new_state, &answer.private)
}

pub(crate) async fn read(client: &Client, type_name: &str, state: &Value) -> Answered {
    let request = ReadResourceRequest {
        type_name: type_name.to_owned(),
        current_state: encoded(Some(state)),
        private: PRIVATE.to_owned(),
    };
    let answer: ReadResourceResponse = client.call("/tfplugin6.Provider/ReadResource", request).await.unwrap();
    Answered::new(answer.diagnostics, answer.new_state, &answer.private)
}

async fn connected() -> (Plugin, Client) {
    let terraform = Identity::of_terraform();
    let plugin = Plugin::start(&terraform).await;
    let client = plugin.connect(Some(&terraform)).await.unwrap();
    (plugin, client)
}

#[tokio::test]
async fn a_create_that_fails_leaves_what_it_says_is_there() {
    let (_plugin, client) = connected().await;
    let nothing = create(client.clone(), "fails").await;
    assert_eq!((nothing.errors(), nothing.state()), (vec!["failed"], None));
    let halfway = create(client.clone(), "fails halfway").await;
    assert_eq!(halfway.errors(), ["failed halfway"]);
    assert_eq!(halfway.state().unwrap()["id"], "id of fails halfway");
    assert_eq!(halfway.private["data"]["job"], "failed");
    let silent = create(client, "says nothing").await;
    assert_eq!((silent.errors(), silent.state()), (vec!["The provider answered wrongly"], None));
}

#[tokio::test]
async fn a_delete_that_fails_keeps_the_state_and_the_job_to_ask_next_time() {
    let (_plugin, client) = connected().await;
    let done = apply(client.clone(), Some(&thing("fine")), None).await;
    assert_eq!((done.errors(), done.state()), (vec![], None));
    let halfway = apply(client.clone(), Some(&thing("fails halfway")), None).await;
    assert_eq!(halfway.errors(), ["failed halfway"]);
    assert_eq!(halfway.state(), Some(thing("fails halfway")));
    assert_eq!(halfway.private["data"]["job"], "failed");
    let failed = apply(client, Some(&thing("fails")), None).await;
    assert_eq!(failed.errors(), ["failed"]);
    assert_eq!(failed.state(), Some(thing("fails")), "a delete that says nothing of the state has not deleted it");
    assert_eq!(failed.private["data"]["job"], "before");
}

#[tokio::test]
async fn an_update_that_says_nothing_keeps_the_state_before() {
    let (_plugin, client) = connected().await;
    let updated = apply(client.clone(), Some(&thing("before")), Some(&thing("after"))).await;
    assert_eq!((updated.errors(), updated.state()), (vec![], Some(thing("after"))));
    for name in ["fails", "says nothing"] {
        let failed = apply(client.clone(), Some(&thing("before")), Some(&thing(name))).await;
        assert_eq!(failed.errors().len(), 1, "{name}");
        assert_eq!(failed.state(), Some(thing("before")), "{name}");
        assert_eq!(failed.private["data"]["job"], "before", "{name}");
    }
}

#[tokio::test]
async fn a_value_left_unknown_is_null_after_apply_and_the_log_names_it() {
    let (mut plugin, client) = connected().await;
    let created = create(client, "forgets its id").await;
    assert_eq!(created.errors(), [""; 0]);
    assert_eq!(created.state().unwrap(), json!({"id": null, "name": "forgets its id", "size": null}));
    let line = plugin.process.wait_for_log("unknown values").await;
    assert!(line.contains(r#""attributes":"id""#) && line.contains(r#""@level":"error""#), "{line}");
}

#[tokio::test]
async fn a_read_keeps_on_error_and_removes_what_is_gone() {
    let (_plugin, client) = connected().await;
    let fine = read(&client, "test_thing", &thing("fine")).await;
    assert_eq!((fine.errors(), fine.state()), (vec![], Some(thing("fine"))));
    assert_eq!(fine.private["data"]["job"], "before");
    assert_eq!(read(&client, "test_thing", &thing("gone")).await.state(), None);
    let failed = read(&client, "test_thing", &thing("unreadable")).await;
    assert_eq!(failed.errors(), ["cannot be read"]);
    assert_eq!(failed.state(), Some(thing("unreadable")));
    assert_eq!(failed.private["data"]["job"], "before");
    let unknown = read(&client, "test_other", &thing("fine")).await;
    assert_eq!(unknown.errors(), ["Unknown resource type"]);
    assert_eq!(unknown.state(), Some(thing("fine")));
}

#[tokio::test]
async fn a_state_that_cannot_be_decoded_is_kept_and_the_attribute_is_named() {
    let (_plugin, client) = connected().await;
    let broken = json!({"id": "1", "name": "fine", "size": "three"});
    let failed = apply(client, Some(&broken), None).await;
    assert_eq!(failed.errors(), ["Value cannot be read"]);
    assert_eq!(failed.diagnostics[0].attribute.as_ref().unwrap().steps[0].attribute_name, "size");
    assert_eq!(failed.state(), Some(broken));
}

#[tokio::test]
async fn private_data_of_another_version_is_left_aside_with_a_warning() {
    let (mut plugin, client) = connected().await;
    let private = br#"{"version":9,"data":{}}"#;
    let done = applied(client, encoded(Some(&thing("fine"))), encoded(Some(&thing("fine"))), private).await;
    assert_eq!(done.private, json!({"version": 1, "data": {"job": null}}));
    plugin.process.wait_for_log("private data cannot be read").await;
}

#[tokio::test]
async fn a_plan_says_what_is_unknown_and_what_needs_a_replacement() {
    let (_plugin, client) = connected().await;
    let plan = async |prior: Option<&Value>, proposed: Option<&Value>| {
        let request = PlanResourceChangeRequest {
            type_name: "test_thing".to_owned(),
            prior_state: encoded(prior),
            proposed_new_state: encoded(proposed),
            config: encoded(proposed),
            prior_private: PRIVATE.to_owned(),
        };
        let path = "/tfplugin6.Provider/PlanResourceChange";
        client.call::<PlanResourceChangeResponse>(path, request).await.unwrap()
    };
    let proposed = json!({"id": null, "name": "new", "size": null});
    let created = plan(None, Some(&proposed)).await;
    assert_eq!(created.planned_state.unwrap(), planned("new"));
    let replaced = plan(Some(&thing("old")), Some(&thing("new"))).await;
    assert_eq!(replaced.requires_replace[0].steps[0].attribute_name, "name");
    assert_eq!(replaced.planned_private, PRIVATE);
    let destroyed = plan(Some(&thing("old")), None).await;
    assert_eq!(destroyed.planned_state.unwrap().msgpack, [0xc0]);
    assert!(destroyed.diagnostics.is_empty());
}

#[tokio::test]
async fn validation_names_the_attribute_and_puts_errors_first() {
    let (_plugin, client) = connected().await;
    let request =
        ValidateResourceConfigRequest { type_name: "test_thing".to_owned(), config: Some(planned("invalid")) };
    let answer: DiagnosticsResponse = client.call("/tfplugin6.Provider/ValidateResourceConfig", request).await.unwrap();
    let summaries: Vec<_> = answer.diagnostics.iter().map(|one| (one.severity, one.summary.as_str())).collect();
    assert_eq!(summaries, [(1, "invalid name"), (2, "a warning")]);
    assert_eq!(answer.diagnostics[0].attribute.as_ref().unwrap().steps[0].attribute_name, "name");
}

#[tokio::test]
async fn the_provider_block_is_read_with_decimal_fractions_and_with_unknowns() {
    let (mut plugin, client) = connected().await;
    let config = |rate: &[u8]| Some(DynamicValue { msgpack: [b"\x81\xa4rate", rate].concat() });
    let request = ConfigureProviderRequest { terraform_version: "1.14.0".to_owned(), config: config(b"\xa30.1") };
    let path = "/tfplugin6.Provider/ConfigureProvider";
    let answer: DiagnosticsResponse = client.call(path, request).await.unwrap();
    assert_eq!(answer.diagnostics, []);
    assert!(plugin.process.wait_for_log("configured").await.contains(r#""rate":"0.1""#));

    for (rate, expected) in [(&[0xd4, 0, 0][..], vec![]), (&[0xff], vec!["rate must be positive"])] {
        let request = ProviderConfig { config: config(rate) };
        let path = "/tfplugin6.Provider/ValidateProviderConfig";
        let answer: ValidateProviderConfigResponse = client.call(path, request).await.unwrap();
        assert_eq!(errors(&answer.diagnostics), expected);
    }
}

#[tokio::test]
async fn a_stop_reaches_the_configuration() {
    let (mut plugin, client) = connected().await;
    let configured = tokio::spawn(configure(client.clone(), 0.5));
    plugin.process.wait_for_log("waiting").await;
    client.stop().await;
    let answer = configured.await.unwrap();
    assert_eq!(answer.diagnostics.iter().map(|one| one.summary.as_str()).collect::<Vec<_>>(), ["interrupted"]);
}

#[tokio::test]
async fn an_upgrade_fills_in_attributes_that_are_new_and_drops_those_that_are_gone() {
    let (_plugin, client) = connected().await;
    let upgrade = async |json: &str| {
        let request = UpgradeResourceStateRequest {
            type_name: "test_thing".to_owned(),
            version: 1,
            raw_state: Some(RawState { json: json.as_bytes().to_vec() }),
        };
        let path = "/tfplugin6.Provider/UpgradeResourceState";
        client.call::<UpgradeResourceStateResponse>(path, request).await.unwrap()
    };
    let upgraded = upgrade(r#"{"id": "1", "name": "old", "colour": "red"}"#).await;
    assert_eq!(upgraded.upgraded_state, encoded(Some(&json!({"id": "1", "name": "old", "size": null}))));
    let refused = upgrade("").await;
    assert_eq!((errors(&refused.diagnostics), refused.upgraded_state), (vec!["State cannot be read"], None));
}

#[tokio::test]
async fn an_import_gives_one_resource_or_an_error() {
    let (_plugin, client) = connected().await;
    let import = async |id: &str| {
        let request = ImportResourceStateRequest { type_name: "test_thing".to_owned(), id: id.to_owned() };
        let path = "/tfplugin6.Provider/ImportResourceState";
        client.call::<ImportResourceStateResponse>(path, request).await.unwrap()
    };
    let imported = import("abc").await.imported_resources.remove(0);
    assert_eq!(imported.type_name, "test_thing");
    assert_eq!(imported.state, encoded(Some(&json!({"id": "abc", "name": "imported", "size": null}))));
    assert!(!imported.private.is_empty());
    let refused = import("nothing").await;
    assert_eq!((errors(&refused.diagnostics), refused.imported_resources.len()), (vec!["no such thing"], 0));
}

#[tokio::test]
async fn it_says_what_it_is_and_what_it_can_do() {
    let (_plugin, client) = connected().await;
    let metadata: GetMetadataResponse = client.call("/tfplugin6.Provider/GetMetadata", Empty {}).await.unwrap();
    let names: Vec<_> = metadata.resources.iter().map(|resource| resource.type_name.as_str()).collect();
    assert_eq!(names, ["test_thing"]);
    let schema: GetProviderSchemaResponse =
        client.call("/tfplugin6.Provider/GetProviderSchema", Empty {}).await.unwrap();
    let thing = &schema.resource_schemas["test_thing"];
    let attributes = &thing.block.as_ref().unwrap().attributes;
    let flags: Vec<_> = attributes.iter().map(|one| (one.name.as_str(), one.required, one.computed)).collect();
    assert_eq!(flags, [("id", false, true), ("name", true, false), ("size", false, false)]);
    assert_eq!(attributes[2].r#type, br#""number""#);
    assert_eq!(thing.version, 1);
    assert!(schema.provider.unwrap().block.is_some());
    let capabilities = schema.server_capabilities.unwrap();
    assert!(
        capabilities.plan_destroy && capabilities.get_provider_schema_optional && !capabilities.move_resource_state
    );
}

#[tokio::test]
async fn what_is_not_offered_is_unimplemented_and_never_an_error_that_stops_a_run() {
    let (_plugin, client) = connected().await;
    for path in ["/tfplugin6.Provider/GetResourceIdentitySchemas", "/tfplugin6.Provider/GetFunctions"] {
        client.call::<Empty>(path, Empty {}).await.unwrap();
    }
    for path in [
        "/tfplugin6.Provider/ReadDataSource",
        "/tfplugin6.Provider/MoveResourceState",
        "/tfplugin6.Provider/OpenEphemeralResource",
        "/tfplugin6.Provider/AnRpcOfTheFuture",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ] {
        assert_eq!(client.call::<Empty>(path, Empty {}).await.unwrap_err().code(), Code::Unimplemented, "{path}");
    }
}

#[tokio::test]
async fn a_message_of_many_megabytes_goes_both_ways() {
    let (_plugin, client) = connected().await;
    let large = json!({"id": "1", "name": "x".repeat(24 << 20), "size": null});
    assert_eq!(read(&client, "test_thing", &large).await.state(), Some(large));
}
