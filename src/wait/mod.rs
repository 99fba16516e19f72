//! Waiting for a state: when to ask (pure), what was learnt, what a state word means, and the loop that asks.
//!
//! A waiter asks soon and often at first and then less and less, so that it adds at most about a twelfth to the time a
//! job takes; once this process has seen how long such jobs take, it asks little before and often around their usual
//! end. It ends at once on a stop, and at the deadline it asks one last time.

mod durations;
mod schedule;
mod states;
mod waiter;

pub use durations::{Durations, Typical};
pub use schedule::{PollConfig, PollSchedule};
pub use states::{StateClass, States};
pub use waiter::{Poll, WaitError, Waited, Waiter};
