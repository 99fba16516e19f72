//! Tests of [`super::plan`]: what is known before apply, what is replaced, and what a person is warned of.

use tf_provider::{AttributePath, Diagnostics, value::Value};

use super::{
    fake_terraform::{TestModel, config, on_destroy},
    ledger::Private,
    plan::plan,
};
use crate::plugin::{Plan, PlanRequest};

fn text(text: &str) -> Value<String> {
    Value::Value(text.to_owned())
}

/// What a read leaves of the configuration.
fn prior() -> TestModel {
    let mut prior = config();
    prior.common.id = text("the id");
    prior.common.region = text("nowhere-1");
    prior.common.device = text("/dev/vdb");
    prior.common.multiattach = Value::Value(false);
    prior.delete_on_termination = Value::Value(false);
    prior
}

fn create(config: TestModel, region: Option<&str>) -> TestModel {
    let mut diags = Diagnostics::default();
    let proposed = Some(config.clone());
    let request = PlanRequest { prior: None, proposed, config: Some(config), private: Private::default() };
    let plan = plan(request, region, &mut diags);
    assert_eq!((plan.requires_replace.len(), diags), (0, Diagnostics::default()));
    plan.state.unwrap()
}

/// Plans from `prior()` to a proposal that is the same except for `change`.
fn change(change: impl Fn(&mut TestModel)) -> Plan<TestModel, Private> {
    let (mut proposed, mut config) = (prior(), config());
    change(&mut proposed);
    change(&mut config);
    let private = Private { start_server: true, ..Private::default() };
    let request = PlanRequest { prior: Some(prior()), proposed: Some(proposed), config: Some(config), private };
    plan(request, Some("elsewhere-2"), &mut Diagnostics::default())
}

fn destroy(prior: TestModel) -> Diagnostics {
    let mut diags = Diagnostics::default();
    let request = PlanRequest { prior: Some(prior), proposed: None, config: None, private: Private::default() };
    assert!(plan(request, None, &mut diags).state.is_none());
    diags
}

#[test]
fn a_create_knows_what_follows_from_the_configuration_and_nothing_else() {
    let planned = create(config(), Some("nowhere-1"));
    let common = &planned.common;
    let id = "11111111-1111-4111-8111-111111111111/22222222-2222-4222-8222-222222222222";
    assert_eq!((&common.id, &common.region), (&text(id), &text("nowhere-1")));
    assert!(common.device.is_unknown() && common.attached_at.is_unknown() && common.multiattach.is_unknown());
    assert!(planned.delete_on_termination.is_unknown());
    assert!(common.on_destroy.is_null() && common.timeouts.is_null());
}

#[test]
fn a_region_is_the_configured_one_else_the_providers_else_unknown() {
    let mut configured = config();
    configured.common.region = text("nowhere-3");
    assert_eq!(create(configured, Some("nowhere-1")).common.region, text("nowhere-3"));
    assert_eq!(create(config(), Some("nowhere-1")).common.region, text("nowhere-1"));
    assert!(create(config(), None).common.region.is_unknown());
    let mut configured = config();
    configured.common.region = Value::Unknown;
    assert!(create(configured, Some("nowhere-1")).common.region.is_unknown());
}

#[test]
fn an_id_is_unknown_as_long_as_one_of_its_halves_is() {
    let mut configured = config();
    configured.common.volume_id = Value::Unknown;
    assert!(create(configured, None).common.id.is_unknown());
}

#[test]
fn a_flag_that_is_configured_is_planned_as_it_is() {
    let configured = TestModel { delete_on_termination: Value::Value(true), ..config() };
    assert_eq!(create(configured, None).delete_on_termination, Value::Value(true));
}

#[test]
fn what_can_be_changed_in_place_is_and_keeps_what_is_known() {
    let planned = change(|model| {
        model.common.on_destroy = text("abandon");
        model.delete_on_termination = Value::Value(true);
        model.force_detach = Value::Value(true);
        model.release_stale_record = Value::Value(true);
    });
    assert!(planned.requires_replace.is_empty() && planned.private.start_server);
    let state = planned.state.unwrap();
    assert_eq!((state.common.device, state.common.region), (text("/dev/vdb"), text("nowhere-1")));
}

#[test]
fn an_unchanged_configuration_plans_what_is_there_whatever_the_providers_region_is_now() {
    let planned = change(|_| ());
    assert_eq!((planned.state, planned.requires_replace.len()), (Some(prior()), 0));
}

#[test]
fn another_server_volume_or_region_is_another_attachment() {
    type Apply = fn(&mut TestModel);
    let cases: [(&str, Apply); 5] = [
        ("server_id", |model| model.common.server_id = text("33333333-3333-4333-8333-333333333333")),
        ("volume_id", |model| model.common.volume_id = text("33333333-3333-4333-8333-333333333333")),
        ("volume_id", |model| model.common.volume_id = Value::Unknown),
        ("region", |model| model.common.region = text("nowhere-3")),
        ("size", |model| model.size = text("large")),
    ];
    for (name, apply) in cases {
        let planned = change(apply);
        assert_eq!(planned.requires_replace, [AttributePath::new(name)]);
        let state = planned.state.unwrap();
        assert!(state.common.device.is_unknown() && state.delete_on_termination.is_unknown(), "{name}");
    }
}

#[test]
fn another_case_of_an_id_detaches_nothing() {
    let upper = |value: &mut Value<String>| {
        if let Value::Value(text) = value {
            text.make_ascii_uppercase();
        }
    };
    let mut lower = prior();
    lower.common.server_id = text("abcdefab-1111-4111-8111-111111111111");
    let mut proposed = lower.clone();
    upper(&mut proposed.common.server_id);
    upper(&mut proposed.common.volume_id);
    let request = PlanRequest {
        prior: Some(lower),
        proposed: Some(proposed.clone()),
        config: Some(proposed.clone()),
        private: Private::default(),
    };
    let planned = plan(request, None, &mut Diagnostics::default());
    assert_eq!((planned.requires_replace.len(), planned.state), (0, Some(proposed)));
}

#[test]
fn a_destroy_warns_of_force_and_of_a_refusal_and_of_nothing_else() {
    let force = |model| TestModel { force_detach: Value::Value(true), ..model };
    for (model, warned) in [
        (config(), vec![]),
        (on_destroy("abandon"), vec![]),
        (force(on_destroy("abandon")), vec![]),
        (force(config()), vec!["force_detach"]),
        (on_destroy("refuse"), vec!["on_destroy"]),
    ] {
        let diags = destroy(model);
        let paths: Vec<_> = diags.warnings.iter().map(|warning| warning.attribute.clone()).collect();
        assert_eq!(paths, warned.into_iter().map(AttributePath::new).collect::<Vec<_>>());
        for warning in &diags.warnings {
            assert!(warning.detail.contains("11111111-1111") && warning.detail.contains("22222222-2222"));
        }
    }
}

#[test]
fn a_replacement_warns_of_the_destroy_in_it() {
    let mut proposed = prior();
    proposed.common.region = text("nowhere-3");
    let prior = TestModel { force_detach: Value::Value(true), ..prior() };
    let config = Some(proposed.clone());
    let request = PlanRequest { prior: Some(prior), proposed: Some(proposed), config, private: Private::default() };
    let mut diags = Diagnostics::default();
    plan(request, None, &mut diags);
    assert_eq!(diags.warnings.len(), 1, "{diags:?}");
}
