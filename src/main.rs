//! The provider's process entry.

use std::process::ExitCode;

use cloudvolume::{
    plugin::{self, ServeInfo},
    provider::{CloudvolumeProvider, config::Environment},
};

const INFO: ServeInfo =
    ServeInfo { name: env!("CARGO_PKG_NAME"), address: "cloudvolume/cloudvolume", version: env!("CARGO_PKG_VERSION") };

#[allow(clippy::disallowed_methods, reason = "the clock and the environment come in here")]
fn main() -> ExitCode {
    let environment = plugin::Environment::from_vars(std::env::vars_os());
    let provider = CloudvolumeProvider::new(Environment::new(std::env::vars_os()), std::time::SystemTime::now);
    match plugin::serve(provider, INFO, &environment, std::env::args_os().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
