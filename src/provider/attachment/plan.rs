//! What Terraform shows before it applies.

use tf_provider::{AttributePath, Diagnostics, value::Value};

use super::{
    ledger::Private,
    model::{Model, OnDestroy},
};
use crate::{
    plugin::{Plan, PlanRequest},
    provider::diagnostics,
};

/// Plans a create, an update in place, a replacement or a destroy. Nothing is asked of the cloud.
pub(crate) fn plan<M: Model>(
    request: PlanRequest<M, Private>,
    provider_region: Option<&str>,
    diags: &mut Diagnostics,
) -> Plan<M, Private> {
    let PlanRequest { prior, proposed, config, private } = request;
    let (state, requires_replace) = match (&prior, proposed, config) {
        (Some(prior), None, _) => {
            warn_of_destroy(prior, diags);
            (None, Vec::new())
        }
        (None, Some(mut proposed), Some(config)) => {
            forget(&mut proposed, &config, provider_region);
            (Some(proposed), Vec::new())
        }
        (Some(prior), Some(mut proposed), Some(config)) => {
            let replaced = replaced_by(&proposed, prior);
            if !replaced.is_empty() {
                warn_of_destroy(prior, diags);
                forget(&mut proposed, &config, provider_region);
            }
            (Some(proposed), replaced.into_iter().map(AttributePath::new).collect())
        }
        (_, proposed, _) => (proposed, Vec::new()),
    };
    Plan { state, requires_replace, private }
}

fn forget<M: Model>(planned: &mut M, config: &M, provider_region: Option<&str>) {
    planned.common_mut().forget(config.common(), provider_region);
    planned.forget(config);
}

/// The attributes whose change means another attachment.
fn replaced_by<M: Model>(proposed: &M, prior: &M) -> Vec<&'static str> {
    let (new, old) = (proposed.common(), prior.common());
    let mut replaced = proposed.replaced_by(prior);
    for (name, new, old) in [
        ("server_id", &new.server_id, &old.server_id),
        ("volume_id", &new.volume_id, &old.volume_id),
        ("region", &new.region, &old.region),
    ] {
        if !same_text(new, old) {
            replaced.push(name);
        }
    }
    replaced
}

/// Ids are the same whatever their case: a change of case must never detach a volume.
fn same_text(a: &Value<String>, b: &Value<String>) -> bool {
    match (a, b) {
        (Value::Value(a), Value::Value(b)) => a.eq_ignore_ascii_case(b),
        _ => a == b,
    }
}

fn warn_of_destroy<M: Model>(prior: &M, diags: &mut Diagnostics) {
    let pair = prior.common().pair();
    let on_destroy = prior.common().on_destroy();
    if on_destroy == OnDestroy::Refuse {
        diagnostics::attribute_warning(
            diags,
            AttributePath::new("on_destroy"),
            "Destroying this attachment will be refused",
            format!(
                "on_destroy is \"refuse\" for volume {} on server {}: apply will fail and leave it attached.",
                pair.volume, pair.server
            ),
        );
    }
    if on_destroy != OnDestroy::Abandon && prior.wish().force {
        diagnostics::attribute_warning(
            diags,
            AttributePath::new("force_detach"),
            "The volume will be detached by force",
            format!(
                "Volume {} is taken from server {} without the guest's agreement: data in flight is lost, and the device \
                 name and PCI address stay occupied until the server reboots.",
                pair.volume, pair.server
            ),
        );
    }
}
