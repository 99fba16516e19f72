//! The first words: the magic cookie in, one line on standard output back.
//!
//! See `server.go` in `hashicorp/go-plugin`. The line is the only thing a serving plugin ever writes to standard output.

use std::io::{self, Write};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use super::{environment::Environment, listener::Address};

/// Terraform's and OpenTofu's cookie for providers: it tells a plugin's parent from a person at a shell, nothing more.
const MAGIC_COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
/// The version of go-plugin's own protocol.
const CORE_VERSION: u32 = 1;
/// The plugin protocol's major version.
pub(super) const PROTOCOL_VERSION: u32 = 6;

/// Whether a Terraform started this process.
pub(super) fn is_plugin(environment: &Environment) -> bool {
    environment.magic_cookie.as_deref() == Some(MAGIC_COOKIE)
}

/// Whether the client says it speaks protocol 6; one that says nothing is given the benefit of the doubt, and one that
/// does not speak it says so to its user when it reads the handshake line.
pub(super) fn speaks_our_protocol(environment: &Environment) -> bool {
    let versions = environment.protocol_versions.as_deref();
    versions.is_none_or(|versions| versions.split(',').any(|version| version.trim().parse() == Ok(PROTOCOL_VERSION)))
}

/// The handshake line, without its newline.
pub(super) fn line(address: &Address, certificate: Option<&[u8]>) -> String {
    let certificate = certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
    format!("{CORE_VERSION}|{PROTOCOL_VERSION}|{address}|grpc|{certificate}")
}

/// What a person sets to attach Terraform to a provider that runs already. The address without a host is completed with
/// its own registry by Terraform and by OpenTofu alike.
pub(super) fn reattach(provider_address: &str, address: &Address) -> String {
    let providers = serde_json::json!({
        provider_address: {
            "Protocol": "grpc",
            "ProtocolVersion": PROTOCOL_VERSION,
            "Pid": std::process::id(),
            "Test": true,
            "Addr": { "Network": address.network, "String": address.address },
        }
    });
    format!("TF_REATTACH_PROVIDERS='{providers}'")
}

/// Writes one line to standard output.
///
/// # Errors
/// When standard output is closed.
pub(super) fn say(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        Address { network: "unix", address: "/tmp/plugin1/socket".to_owned() }
    }

    #[test]
    fn the_line_has_six_parts_and_a_certificate_without_padding() {
        assert_eq!(line(&address(), None), "1|6|unix|/tmp/plugin1/socket|grpc|");
        assert_eq!(line(&address(), Some(&[0xff, 0xfe])), "1|6|unix|/tmp/plugin1/socket|grpc|//4");
    }

    #[test]
    fn only_a_parent_that_knows_the_cookie_is_a_terraform() {
        let with = |cookie: &str| Environment { magic_cookie: Some(cookie.to_owned()), ..Environment::default() };
        assert!(is_plugin(&with(MAGIC_COOKIE)));
        assert!(!is_plugin(&with("d602bf8f")));
        assert!(!is_plugin(&Environment::default()));
    }

    #[test]
    fn protocol_6_is_found_among_the_clients_versions() {
        let with =
            |versions: &str| Environment { protocol_versions: Some(versions.to_owned()), ..Environment::default() };
        assert!(speaks_our_protocol(&with("5,6")));
        assert!(speaks_our_protocol(&Environment::default()));
        assert!(!speaks_our_protocol(&with("5")));
    }

    #[test]
    fn the_reattach_line_can_be_pasted_into_a_shell() {
        let line = reattach("cloudvolume/cloudvolume", &address());
        let json = line.strip_prefix("TF_REATTACH_PROVIDERS='").unwrap().strip_suffix('\'').unwrap();
        let providers: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(providers["cloudvolume/cloudvolume"]["Addr"]["String"], "/tmp/plugin1/socket");
        assert_eq!(providers["cloudvolume/cloudvolume"]["ProtocolVersion"], 6);
    }
}
