//! Terraform's state file as it is on disk, private data included.

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// The state file.
#[derive(Debug)]
pub(crate) struct State(Value);

/// One resource of it.
#[derive(Debug)]
pub(crate) struct Instance {
    /// Its attributes.
    pub(crate) attributes: Value,
    /// Whether Terraform wants to replace it.
    pub(crate) tainted: bool,
    /// What the provider keeps beside it; null where it keeps nothing.
    pub(crate) private: Value,
}

impl State {
    pub(super) fn read(file: &Path) -> Self {
        let text = fs::read(file).unwrap_or_else(|_| b"{}".to_vec());
        Self(serde_json::from_slice(&text).expect("a whole state file"))
    }

    /// How many resources it has.
    pub(crate) fn len(&self) -> usize {
        self.instances().count()
    }

    /// Every resource.
    pub(crate) fn instances(&self) -> impl Iterator<Item = Instance> {
        let resources = self.0["resources"].as_array().into_iter().flatten();
        resources.flat_map(|resource| resource["instances"].as_array().into_iter().flatten()).map(Instance::new)
    }

    /// The only resource, if there is one.
    ///
    /// # Panics
    /// Where there are several.
    pub(crate) fn only(&self) -> Option<Instance> {
        assert!(self.len() <= 1, "several resources: {}", self.0);
        self.instances().next()
    }
}

impl Instance {
    fn new(instance: &Value) -> Self {
        Self {
            attributes: instance["attributes"].clone(),
            tainted: instance["status"] == "tainted",
            private: instance["private"].as_str().map_or(Value::Null, |text| {
                let bytes = STANDARD.decode(text).expect("base64");
                serde_json::from_slice(&bytes).expect("private data is JSON")
            }),
        }
    }

    /// Whether the provider keeps an operation that has not been seen to end.
    pub(crate) fn is_unsettled(&self) -> bool {
        fn keeps(value: &Value) -> bool {
            let Value::Object(fields) = value else { return false };
            fields.iter().any(|(name, value)| (name == "pending" && value.is_object()) || keeps(value))
        }
        keeps(&self.private)
    }

    /// Whether it keeps the operation's job, too.
    pub(crate) fn has_job(&self) -> bool {
        fn keeps(value: &Value) -> bool {
            let Value::Object(fields) = value else { return false };
            fields.iter().any(|(name, value)| (name == "job" && value.is_string()) || keeps(value))
        }
        keeps(&self.private)
    }
}
