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
#[cfg(test)]
mod fake_terraform;
pub(crate) mod follow;
pub(crate) mod ledger;
pub(crate) mod life;
#[cfg(test)]
mod life_tests;
pub(crate) mod model;
pub(crate) mod plan;
#[cfg(test)]
mod plan_tests;
pub(crate) mod power;
#[cfg(test)]
mod power_tests;
pub(crate) mod resource;
#[cfg(test)]
mod runs_tests;
pub(crate) mod sight;
pub(crate) mod step;
#[cfg(test)]
mod step_tests;
