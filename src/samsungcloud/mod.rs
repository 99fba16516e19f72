//! Samsung Cloud Platform v2: the Virtual Server service's calls around attaching and detaching block volumes.
//!
//! An SDK that knows nothing of Terraform, reads no environment and no file, and prints nothing. In reading order:
//! [`config`] (what may be set), [`credential`] (who signs), [`signer`] (how), [`version`] (which contract),
//! [`endpoint`] (where to), [`client`] (one call), [`error`] (what an answer means), [`virtualserver`] (the calls).
//!
//! Attach and detach answer 202 at once and finish in the background, without a job: whoever calls them asks
//! [`Client::show_volume`] until [`Volume::servers`] *and* the state agree.
//!
//! Vendor's pages: <https://docs.e.samsungsdscloud.com/en/apireference/>.

pub mod client;
pub mod config;
pub mod credential;
pub mod endpoint;
pub mod error;
pub mod signer;
pub mod version;
pub mod virtualserver;

#[cfg(test)]
mod script;

pub use crate::config_error::{ConfigError, Problem};
pub use client::Client;
pub use config::{Config, ConfigFile, CredentialsFile, EndpointConfig, FileError};
pub use endpoint::Endpoint;
pub use error::Error;
pub use version::{ApiVersion, OfferedVersion, VersionNotice, VersionStatus};
pub use virtualserver::{
    AttachedVolume, Server, ServerState, ServerVolume, ServerVolumeFlag, Volume, VolumeServer, VolumeState,
    is_boot_device,
};
