//! Operations that must take turns, that one call can do together, or that one read can serve.
//!
//! Everything here may be cancelled at any await by dropping its future, and nothing waits past its [`Budget`].
//!
//! [`Budget`]: crate::budget::Budget

mod batcher;
mod keyed_mutex;
mod shared_reads;

pub use batcher::{BatchError, BatchExecutor, Batcher, BatcherConfig, Expected};
pub use keyed_mutex::{KeyedGuard, KeyedMutex};
pub use shared_reads::{ReadError, SharedReads};
