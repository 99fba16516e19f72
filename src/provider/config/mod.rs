//! The provider block: its schema, and what becomes of it together with the environment and the practitioner's files.

pub(crate) mod environment;
pub(crate) mod huaweicloud;
pub(crate) mod samsungcloud;

use std::{collections::BTreeSet, time::Duration};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tf_provider::{
    AttributePath, Diagnostics,
    schema::{AttributeType, Schema},
    value::Value,
};

pub use environment::Environment;

use super::{diagnostics, duration, schema};
use crate::wait::PollConfig;

/// The provider block.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Block {
    pub(crate) huaweicloud: Value<huaweicloud::HuaweiCloudBlock>,
    pub(crate) samsungcloud: Value<samsungcloud::SamsungCloudBlock>,
    pub(crate) max_retries: Value<i64>,
    pub(crate) requests_per_second: Value<f64>,
    pub(crate) poll_interval: Value<PollIntervalBlock>,
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Block(…)")
    }
}

/// `poll_interval`.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct PollIntervalBlock {
    min: Value<String>,
    max: Value<String>,
}

/// What holds for every cloud.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Attempts after the first; none: each cloud's own default.
    pub(crate) max_retries: Option<u32>,
    /// Calls a second to one cloud, at most.
    pub(crate) requests_per_second: Option<f64>,
    /// How often a job is asked for; none: each cloud's own default.
    pub(crate) poll: Option<PollConfig>,
}

/// The provider block's schema.
pub(crate) fn provider_schema() -> Schema {
    use schema::{object, optional};
    schema::schema(
        "Attaches block volumes to servers, detaches them, and returns when the cloud has really finished.",
        [
            (
                "huaweicloud",
                optional(
                    object(huaweicloud::attributes()),
                    "Huawei Cloud. Names, environment variables, files and their precedence are those of the official provider; an empty object, or none, takes everything from the environment.",
                ),
            ),
            (
                "samsungcloud",
                optional(
                    object(samsungcloud::attributes()),
                    "Samsung Cloud Platform. Names, environment variables, files and their precedence are those of the official provider; an empty object, or none, takes everything from the environment.",
                ),
            ),
            (
                "max_retries",
                optional(
                    AttributeType::Number,
                    "How often a call that was throttled or never reached the cloud, or a read that failed, is sent again, `0` to `100`. Default: `5`. Environment, for Huawei Cloud: `HW_MAX_RETRIES`. A call that changes something and may have been processed is never sent again without looking first.",
                ),
            ),
            (
                "requests_per_second",
                optional(
                    AttributeType::Number,
                    "At most so many calls a second to one cloud, from this provider. Default: no limit.",
                ),
            ),
            (
                "poll_interval",
                optional(
                    object([
                        (
                            "min",
                            optional(
                                AttributeType::String,
                                "The shortest time between two polls of a job, `50ms` to `5m`. Default: `200ms` (Lite Servers `500ms`, Samsung Cloud Platform `1s`).",
                            ),
                        ),
                        (
                            "max",
                            optional(
                                AttributeType::String,
                                "The longest time between two polls of a job, `50ms` to `5m`. Default: `10s`.",
                            ),
                        ),
                    ]),
                    "How often a running job is polled. Between the bounds the time grows with the job's age, and follows how long jobs took before. Once set, it holds for every resource; a bound left out is then `200ms` or `10s`, or the other bound where that lies beyond.",
                ),
            ),
        ],
    )
}

/// Where the settings of a cloud are looked for.
pub(crate) fn places(block: &str) -> &'static str {
    match block {
        "huaweicloud" => huaweicloud::PLACES,
        _ => samsungcloud::PLACES,
    }
}

impl Block {
    /// Checks what needs neither environment nor network.
    pub(crate) fn validate(&self, diags: &mut Diagnostics) {
        self.settings(diags);
    }

    /// What holds for every cloud; problems go to `diags`.
    pub(crate) fn settings(&self, diags: &mut Diagnostics) -> Settings {
        let max_retries = match self.max_retries {
            Value::Value(retries) => u32::try_from(retries).ok().filter(|retries| *retries <= 100).or_else(|| {
                let problem = format!("{retries} is out of range: between 0 and 100.");
                diagnostics::attribute_error(diags, AttributePath::new("max_retries"), "Invalid max_retries", problem);
                None
            }),
            Value::Null | Value::Unknown => None,
        };
        let requests_per_second = match self.requests_per_second {
            Value::Value(rate) if rate > 0.0 && rate.is_finite() => Some(rate),
            Value::Value(rate) => {
                let path = AttributePath::new("requests_per_second");
                let problem = format!("{rate} is out of range: a number above 0.");
                diagnostics::attribute_error(diags, path, "Invalid requests_per_second", problem);
                None
            }
            Value::Null | Value::Unknown => None,
        };
        Settings { max_retries, requests_per_second, poll: self.poll(diags) }
    }

    fn poll(&self, diags: &mut Diagnostics) -> Option<PollConfig> {
        let Value::Value(interval) = &self.poll_interval else { return None };
        let mut bound = |name: &'static str, given: &Value<String>, default: Duration| match given {
            Value::Value(text) => duration::parse(text)
                .and_then(|bound| {
                    if bound < Duration::from_millis(50) || bound > Duration::from_secs(300) {
                        return Err(format!("{text:?} is out of range: between \"50ms\" and \"5m\""));
                    }
                    Ok(bound)
                })
                .unwrap_or_else(|problem| {
                    // Terraform shows no line of the configuration for a path that goes deeper.
                    let path = AttributePath::new("poll_interval");
                    let summary = format!("Invalid poll_interval.{name}");
                    diagnostics::attribute_error(diags, path, summary, format!("{problem}."));
                    default
                }),
            Value::Null | Value::Unknown => default,
        };
        let default = PollConfig::default();
        let max = bound("max", &interval.max, default.max);
        let min = bound("min", &interval.min, default.min.min(max));
        // A bound that is not given makes room for the one that is.
        let max = if interval.max.is_value() { max } else { max.max(min) };
        if min > max {
            let path = AttributePath::new("poll_interval");
            diagnostics::attribute_error(diags, path, "Invalid poll_interval", "min is longer than max.".to_owned());
        }
        Some(PollConfig { min, max })
    }
}

/// Reads a cloud's block with the environment behind it: the block wins, then the first variable that is set. Remembers
/// whether anything was unknown.
pub(crate) struct Reader<'a> {
    environment: &'a Environment,
    /// Attributes whose value is known only after apply.
    pub(crate) unknown: BTreeSet<&'static str>,
}

impl<'a> Reader<'a> {
    /// Reads with this environment behind the block.
    pub(crate) fn new(environment: &'a Environment) -> Self {
        Self { environment, unknown: BTreeSet::new() }
    }

    /// A text; an empty one counts as not given, as with the vendors' providers.
    pub(crate) fn text(&mut self, name: &'static str, value: &Value<String>, variables: &[&str]) -> Option<String> {
        match value {
            Value::Value(text) if !text.is_empty() => return Some(text.clone()),
            Value::Unknown => {
                self.unknown.insert(name);
                return None;
            }
            Value::Value(_) | Value::Null => {}
        }
        self.environment.first(variables)
    }

    /// A secret.
    pub(crate) fn secret(
        &mut self,
        name: &'static str,
        value: &Value<String>,
        variables: &[&str],
    ) -> Option<SecretString> {
        self.text(name, value, variables).map(SecretString::from)
    }

    /// A boolean; a variable holds `true`, `1`, `false` or `0`.
    pub(crate) fn bool(
        &mut self,
        name: &'static str,
        value: &Value<bool>,
        variables: &[&str],
    ) -> Result<Option<bool>, String> {
        match value {
            Value::Value(value) => return Ok(Some(*value)),
            Value::Unknown => {
                self.unknown.insert(name);
                return Ok(None);
            }
            Value::Null => {}
        }
        match self.environment.first(variables).as_deref().map(str::trim) {
            None => Ok(None),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(Some(true)),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(Some(false)),
            Some(_) => Err(format!("{name}: the value of {} is neither true nor false", variables.join(" or "))),
        }
    }
}
