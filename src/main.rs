//! The provider's process entry.

use anyhow::Result;
use cloudvolume::{
    plugin::{self, ServeInfo},
    provider::{CloudvolumeProvider, config::Environment},
};

const INFO: ServeInfo =
    ServeInfo { name: env!("CARGO_PKG_NAME"), address: "cloudvolume/cloudvolume", version: env!("CARGO_PKG_VERSION") };

#[allow(clippy::disallowed_methods, reason = "here the clock and the environment come in")]
fn main() -> Result<()> {
    let environment = plugin::Environment::from_vars(std::env::vars_os());
    let provider = CloudvolumeProvider::new(Environment::new(std::env::vars_os()), std::time::SystemTime::now);
    Ok(plugin::serve(provider, INFO, &environment, std::env::args().skip(1))?)
}
