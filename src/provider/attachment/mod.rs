//! What an attachment is on every cloud: its attributes, its life, and what it asks of a cloud.
//!
//! Read [`sight`] first (what is seen), then [`step`] (what to do about it, a pure function), [`drive`] (doing it until the
//! goal is reached or the budget ends), and [`life`] (what that means for Terraform's state).

pub(crate) mod api;
pub(crate) mod drive;
#[cfg(test)]
mod drive_tests;
#[cfg(test)]
mod fake;
pub(crate) mod follow;
pub(crate) mod ledger;
pub(crate) mod life;
pub(crate) mod model;
pub(crate) mod plan;
pub(crate) mod power;
pub(crate) mod resource;
pub(crate) mod sight;
pub(crate) mod step;
