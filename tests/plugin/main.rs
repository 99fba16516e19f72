//! The plugin server as Terraform meets it: a child process, its handshake line, mutual TLS and gRPC.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "what helps a test fails with the test")]

mod client;
mod life;
mod message;
mod process;
mod provider;
mod rpc;
