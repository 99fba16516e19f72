//! A Terraform and OpenTofu provider that attaches block volumes to servers, detaches them, and returns only when the
//! cloud has really finished.
//!
//! # Layers
//!
//! `main` starts [`plugin`] with [`provider`]. Each row of the table may import rows below it only; `tests/tidy.rs` says
//! which, and checks it.
//!
//! | Module | What it is |
//! |---|---|
//! | [`provider`] | the only folder that knows both Terraform and the clouds: configuration, resources, diagnostics |
//! | [`plugin`] | being a Terraform plugin: handshake, mutual TLS, protocol 6, stop, logging |
//! | [`huaweicloud`], [`samsungcloud`] | SDKs that know nothing of Terraform; the same file names in the same order |
//! | [`transport`] | HTTP without any cloud: attempts of { rate limit, sign, send, classify, back off } |
//! | [`wait`] | waiting for a state: when to look, and what was learnt of how long things take |
//! | [`sync`] | turns, batches and shared reads |
//! | [`backoff`], [`budget`], [`config_error`], [`ids`] | pure values: delays; a deadline with a stop token; what is wrong with a configuration; ids that cannot be mixed up |
//! | [`simulator`] | a cloud on loopback, for practitioners' CI and for the tests here |
//!
//! # Reading order
//!
//! `provider::attachment` is the heart: `sight` (what one look at a pair shows), `step` (what to do about it, a pure
//! function), `drive` (look, decide, act, until the goal is reached or the budget ends), `life` (what that means for
//! Terraform's state). Then one cloud's file, `provider::huaweicloud::ecs`, and below it its client. [`plugin`] and
//! [`transport`] can be read by themselves.
//!
//! # Invariants
//!
//! **The simulator shares no type with the clients.** A field that is misspelt in one must not be misspelt in the other, so
//! the simulator imports nothing of this crate and verifies signatures itself.
//!
//! **A cloud's folder never reads the environment and never prints.** `provider::config` reads the block, the environment
//! and files; the clients are given plain data.
//!
//! **Texts for people are made in [`provider`] only, as diagnostics of `provider::diagnostics`** (`plugin` adds its own for
//! bugs). Clients' errors are typed, carry the cloud's request id, and are told apart by kind and code, never by text.
//!
//! **Only [`transport`] repeats a call, only [`wait`] and `provider::attachment` wait for a state.** What the transport
//! repeats by itself is harmless or was certainly not processed. A mutating call that may have been processed comes back as
//! a lost answer; the drive looks at the pair before anything is sent again.
//!
//! **The pair decides, on both sides.** Attached means that the server and the volume both list the other and nothing is
//! under way; detached means that neither does. A job's word, or the volume's overall status, is never enough; an error,
//! a gateway's 404 included, is never taken for "gone".
//!
//! **What is sent is written down first.** The ledger learns of a mutating call before it is sent and of its job as soon
//! as there is one; it outlives whatever was cut off and goes into Terraform's private data.
//!
//! **Nothing waits past its [`budget::Budget`].** Every wait ends with the operation's deadline or with Terraform's stop. Three
//! things outlive the deadline: a caller waits up to five seconds for the answer of a batch under way, a server that was
//! stopped for a detach gets two minutes more than the practitioner's time to start again, and a server's turn lasts as long
//! as its job, ten minutes at most, though nobody waits for that job any more.
//!
//! **Locks are held across an await only in [`sync`], and by the one who stops a server.** Every other lock is a std mutex
//! held for a few moves. There is no static mutable state.
//!
//! **Standard output carries the handshake line and nothing else.** Logs go to standard error as hclog lines.

pub mod backoff;
pub mod budget;
pub mod config_error;
pub mod huaweicloud;
pub mod ids;
pub mod plugin;
pub mod provider;
pub mod samsungcloud;
pub mod simulator;
pub mod sync;
pub mod transport;
pub mod wait;
