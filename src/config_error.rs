//! A cloud's configuration that cannot be used, and why.

use std::fmt;

/// Every problem of a configuration, not only the first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The field, e.g. `secret_key` or `endpoints.ecs`.
    pub field: String,
    /// What is wrong with it, to be read after the field's name. Never holds a secret.
    pub reason: String,
}

impl Problem {
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { field, reason }) in self.problems.iter().enumerate() {
            write!(f, "{}{field} {reason}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
