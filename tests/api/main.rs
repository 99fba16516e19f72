//! The clouds' clients over loopback: against the vendors' own pages and documents, and against the simulator.
//!
//! What a client sends and what the simulator answers are both written from the same pages by different hands; here a third
//! reads the pages themselves: their printed examples (`pages`) and Huawei's OpenAPI documents (`contract`).

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test's way to fail")]

mod cloud;
mod contract;
mod documents;
mod pages;
mod samsungcloud;
mod wire;
