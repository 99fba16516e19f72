//! A cloud on loopback: a stateful simulator of the block-volume APIs, for practitioners' CI and for this crate's tests.
//!
//! Library first ([`Simulator::start`]), binary second (`cloudvolume-simulator`), one [`Config`] for both. It is written
//! from the vendors' pages alone and imports nothing else of this crate, so that a field misspelt in a client is not
//! misspelt here too.
//!
//! The parts, in reading order: [`config`] and [`world`] say what there is, `sides` what all clouds' worlds have in common;
//! `server` takes a request, [`fault`] may spoil it, the cloud's folder ([`huaweicloud`], [`samsungcloud`]) answers it,
//! `transition` finishes later what it started, `store` holds everything behind one lock, and [`journal`] remembers what
//! was asked. `control` is the same as HTTP.
//!
//! Nothing happens by itself in the background: a transition that is due is made when somebody next looks, with the
//! time at which it was due. In [`TransitionMode::Manual`] it is made by [`Simulator::advance`].

pub mod config;
pub mod fault;
pub mod huaweicloud;
pub mod journal;
pub mod samsungcloud;
pub mod world;

mod clock;
mod control;
mod device;
mod duration;
mod mac;
mod message;
mod rate;
mod secret;
mod server;
mod sides;
mod store;
mod switch;
mod transition;

pub use config::{Config, SettleOrder, TransitionMode};
pub use duration::parse as parse_duration;
pub use fault::{Effect, FaultCount, FaultRule};
pub use journal::{Entry, Journal};
pub use secret::Secret;
pub use server::Simulator;
pub use switch::Switch;
pub use world::World;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
