//! The attributes that every attachment resource has, and what a resource adds to them.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tf_provider::{
    AttributePath, Diagnostics,
    schema::{Attribute, AttributeType},
    value::Value,
};

use super::{
    api::Wish,
    sight::{Facts, Pair, Sight},
};
use crate::{
    ids::{ServerId, VolumeId},
    provider::{diagnostics, duration, schema},
};

/// A resource's state: the common attributes and its own.
pub(crate) trait Model: Serialize + DeserializeOwned + Clone + Default + Send + Sync + 'static {
    /// The common attributes.
    fn common(&self) -> &Attachment;

    /// The common attributes, to change.
    fn common_mut(&mut self) -> &mut Attachment;

    /// What the practitioner asks for with this resource's own attributes.
    fn wish(&self) -> Wish;

    /// Takes over what the cloud says into this resource's own attributes.
    fn absorb(&mut self, facts: &Facts);

    /// Makes this resource's own computed attributes unknown, for the plan of something that is to be created.
    fn forget(&mut self, config: &Self);

    /// Own attributes whose change means another attachment.
    fn replaced_by(&self, prior: &Self) -> Vec<&'static str>;

    /// Own attributes' checks; values may be unknown.
    fn validate(&self, diags: &mut Diagnostics);

    /// Checks an id's form: an error says what is expected. `server` tells which of the two it is.
    fn check_id(id: &str, server: bool) -> Result<(), String> {
        let _ = server;
        check_uuid(id)
    }

    /// How long create, update, delete and read may take when `timeouts` does not say.
    fn default_timeout() -> Duration {
        Duration::from_secs(600)
    }
}

/// The common attributes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Attachment {
    pub(crate) id: Value<String>,
    pub(crate) region: Value<String>,
    pub(crate) server_id: Value<String>,
    pub(crate) volume_id: Value<String>,
    pub(crate) device: Value<String>,
    pub(crate) attached_at: Value<String>,
    pub(crate) multiattach: Value<bool>,
    pub(crate) on_destroy: Value<String>,
    pub(crate) timeouts: Value<Timeouts>,
}

/// How long each operation may take.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Timeouts {
    pub(crate) create: Value<String>,
    pub(crate) read: Value<String>,
    pub(crate) update: Value<String>,
    pub(crate) delete: Value<String>,
}

/// What destroying the resource does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OnDestroy {
    /// Detach.
    Detach,
    /// Stop the server if it runs, detach, and start it again if it ran.
    StopThenDetach,
    /// Forget the attachment and leave it as it is.
    Abandon,
    /// Fail.
    Refuse,
}

impl OnDestroy {
    /// Every value with its name.
    pub(crate) const ALL: [(&'static str, Self); 4] = [
        ("detach", Self::Detach),
        ("stop_then_detach", Self::StopThenDetach),
        ("abandon", Self::Abandon),
        ("refuse", Self::Refuse),
    ];

    /// The value of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(known, value)| (known == name).then_some(value))
    }
}

impl Attachment {
    /// The schema of the common attributes.
    pub(crate) fn attributes(default_timeout: &str) -> HashMap<String, Attribute> {
        let timeout = |what: &str| {
            schema::optional(
                AttributeType::String,
                &format!("How long {what} may take, queueing included. Default `{default_timeout}`."),
            )
        };
        [
            ("id", schema::computed(AttributeType::String, "`<server_id>/<volume_id>`.")),
            ("region", schema::optional_computed(AttributeType::String, "The region. Default: the provider's. A change replaces the attachment: the volume is detached and attached anew.")),
            ("server_id", schema::required(AttributeType::String, "The server's id. A change replaces the attachment: the volume is detached and attached anew.")),
            ("volume_id", schema::required(AttributeType::String, "The volume's id. A change replaces the attachment: the one volume is detached and the other attached.")),
            ("device", schema::computed(AttributeType::String, "The device name that the cloud reports. The guest may show another; a change of it is never a difference.")),
            ("attached_at", schema::computed(AttributeType::String, "When the volume was attached, RFC 3339.")),
            ("multiattach", schema::computed(AttributeType::Bool, "Whether the volume is shared: it may be attached to several servers at a time.")),
            ("on_destroy", schema::optional(AttributeType::String, "What destroying does: `detach` (default); `stop_then_detach` stops the server first if it runs and starts it again; `abandon` forgets the attachment and leaves it in place; `refuse` fails.")),
            ("timeouts", schema::optional(schema::object([
                ("create", timeout("attaching")),
                ("read", timeout("refreshing")),
                ("update", timeout("updating")),
                ("delete", timeout("detaching")),
            ]), "Time limits, `1s` to `168h`, in Go's duration syntax: `90s`, `10m`, `1h30m`.")),
        ].into_iter().map(|(name, attribute)| (name.to_owned(), attribute)).collect()
    }

    /// The pair, once both ids are known.
    pub(crate) fn pair(&self) -> Pair {
        Pair {
            server: ServerId::new(text(&self.server_id).unwrap_or_default()),
            volume: VolumeId::new(text(&self.volume_id).unwrap_or_default()),
        }
    }

    /// What destroying does; a value that validation let through.
    pub(crate) fn on_destroy(&self) -> OnDestroy {
        text(&self.on_destroy).and_then(OnDestroy::from_name).unwrap_or(OnDestroy::Detach)
    }

    /// The time that an operation has; what cannot be read counts as not given, since validation refused it.
    pub(crate) fn timeout(&self, pick: impl Fn(&Timeouts) -> &Value<String>, default: Duration) -> Duration {
        let given = match &self.timeouts {
            Value::Value(timeouts) => text(pick(timeouts)).and_then(|text| duration::parse_timeout(text).ok()),
            Value::Null | Value::Unknown => None,
        };
        given.unwrap_or(default)
    }

    /// Takes over what was seen.
    pub(crate) fn absorb(&mut self, region: &str, sight: &Sight) {
        let pair = self.pair();
        self.id = Value::Value(format!("{}/{}", pair.server, pair.volume));
        // An empty name is none: as a region it could never be asked for again.
        let region = sight.facts.region.as_deref().unwrap_or(region);
        self.region = value(Some(region).filter(|region| !region.is_empty()).map(str::to_owned));
        self.device = value(sight.facts.device.clone());
        self.attached_at = value(sight.facts.attached_at.clone());
        self.multiattach = value(sight.volume.as_ref().map(|volume| volume.multiattach));
    }

    /// Makes the computed attributes unknown, for the plan of something that is to be created; what follows from the
    /// configuration is known already.
    pub(crate) fn forget(&mut self, config: &Self, provider_region: Option<&str>) {
        self.id = match (text(&self.server_id), text(&self.volume_id)) {
            (Some(server), Some(volume)) => Value::Value(format!("{server}/{volume}")),
            _ => Value::Unknown,
        };
        if config.region.is_null() {
            self.region = provider_region.map_or(Value::Unknown, |region| Value::Value(region.to_owned()));
        }
        self.device = Value::Unknown;
        self.attached_at = Value::Unknown;
        self.multiattach = Value::Unknown;
    }

    /// Checks the common attributes; values may be unknown.
    pub(crate) fn validate(&self, check_id: fn(&str, bool) -> Result<(), String>, diags: &mut Diagnostics) {
        for (name, id, server) in [("server_id", &self.server_id, true), ("volume_id", &self.volume_id, false)] {
            if let Some(Err(problem)) = text(id).map(|id| check_id(id, server)) {
                diagnostics::attribute_error(diags, AttributePath::new(name), format!("Invalid {name}"), problem);
            }
        }
        if let Some(region) = text(&self.region)
            && region.is_empty()
        {
            diagnostics::attribute_error(
                diags,
                AttributePath::new("region"),
                "Invalid region",
                "The region is empty. Leave the attribute out to use the provider's.".into(),
            );
        }
        if let Some(name) = text(&self.on_destroy)
            && OnDestroy::from_name(name).is_none()
        {
            let known = OnDestroy::ALL.map(|(name, _)| format!("{name:?}")).join(", ");
            diagnostics::attribute_error(
                diags,
                AttributePath::new("on_destroy"),
                "Invalid on_destroy",
                format!("{name:?} is not one of {known}."),
            );
        }
        if let Value::Value(timeouts) = &self.timeouts {
            for (name, given) in [
                ("create", &timeouts.create),
                ("read", &timeouts.read),
                ("update", &timeouts.update),
                ("delete", &timeouts.delete),
            ] {
                if let Some(Err(problem)) = text(given).map(duration::parse_timeout) {
                    // Terraform shows no line of the configuration for a path that goes deeper.
                    diagnostics::attribute_error(
                        diags,
                        AttributePath::new("timeouts"),
                        format!("Invalid {name} timeout"),
                        format!("{problem}."),
                    );
                }
            }
        }
    }
}

/// A known text.
pub(crate) fn text(value: &Value<String>) -> Option<&str> {
    match value {
        Value::Value(text) => Some(text),
        Value::Null | Value::Unknown => None,
    }
}

/// A known boolean.
pub(crate) fn known_bool(value: &Value<bool>) -> Option<bool> {
    match value {
        Value::Value(value) => Some(*value),
        Value::Null | Value::Unknown => None,
    }
}

/// What a cloud may not have given: null then.
pub(crate) fn value<T>(value: Option<T>) -> Value<T> {
    value.map_or(Value::Null, Value::Value)
}

/// Checks that an id is a UUID with hyphens.
pub(crate) fn check_uuid(id: &str) -> Result<(), String> {
    let groups: Vec<_> =
        id.split('-').map(|group| (group.len(), group.bytes().all(|b| b.is_ascii_hexdigit()))).collect();
    if groups == [(8, true), (4, true), (4, true), (4, true), (12, true)] {
        return Ok(());
    }
    Err(format!("{id:?} is not a UUID: an id looks like 4d8c3732-a248-40ed-bebc-539a6ffd25c0."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_told_from_what_is_not_one() {
        assert_eq!(check_uuid("4d8c3732-a248-40ed-bebc-539a6ffd25c0"), Ok(()));
        assert_eq!(check_uuid("4D8C3732-A248-40ED-BEBC-539A6FFD25C0"), Ok(()));
        for id in [
            "",
            "vol-1",
            "4d8c3732a24840edbebc539a6ffd25c0",
            "4d8c3732-a248-40ed-bebc-539a6ffd25c",
            "4d8c3732-a248-40ed-bebc-539a6ffd25cg",
        ] {
            assert!(check_uuid(id).unwrap_err().contains("4d8c3732-a248-40ed-bebc-539a6ffd25c0"), "{id}");
        }
    }

    #[test]
    fn a_timeout_that_cannot_be_read_is_named_at_the_attribute_whose_line_terraform_shows() {
        let id = || Value::Value("4d8c3732-a248-40ed-bebc-539a6ffd25c0".to_owned());
        let timeouts = Timeouts { delete: Value::Value("soon".into()), ..Timeouts::default() };
        let attachment =
            Attachment { server_id: id(), volume_id: id(), timeouts: Value::Value(timeouts), ..Attachment::default() };
        let mut diags = Diagnostics::default();
        attachment.validate(|id, _| check_uuid(id), &mut diags);
        let [error] = diags.errors.as_slice() else { panic!("{:?}", diags.errors) };
        assert_eq!(
            (&error.attribute, error.summary.as_ref()),
            (&AttributePath::new("timeouts"), "Invalid delete timeout")
        );
    }

    #[test]
    fn the_region_is_the_one_that_was_found_else_the_one_that_was_asked_and_never_empty() {
        let found = |region: Option<&str>| {
            let facts = Facts { region: region.map(str::to_owned), ..Facts::default() };
            Sight { facts, ..Sight::default() }
        };
        let mut attachment = Attachment::default();
        for (asked, found, expected) in [
            ("", found(Some("nowhere-1")), Value::Value("nowhere-1".to_owned())),
            ("nowhere-2", found(None), Value::Value("nowhere-2".to_owned())),
            ("", found(None), Value::Null),
        ] {
            attachment.absorb(asked, &found);
            assert_eq!(attachment.region, expected);
        }
    }

    #[test]
    fn a_timeout_that_is_not_given_is_the_default() {
        let mut attachment = Attachment::default();
        let default = Duration::from_secs(600);
        assert_eq!(attachment.timeout(|t| &t.delete, default), default);
        attachment.timeouts = Value::Value(Timeouts { delete: Value::Value("90s".into()), ..Timeouts::default() });
        assert_eq!(attachment.timeout(|t| &t.delete, default), Duration::from_secs(90));
        assert_eq!(attachment.timeout(|t| &t.create, default), default);
    }
}
