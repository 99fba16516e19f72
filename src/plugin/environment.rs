//! The few environment variables that go-plugin and Terraform speak to a plugin with, read once by `main`.

use std::ffi::OsString;

/// What the parent process says through the environment; an absent or empty variable is `None`.
///
/// See `server.go` and `client.go` in `hashicorp/go-plugin`, and Terraform's page on debugging for the log levels.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `TF_PLUGIN_MAGIC_COOKIE`: set by whoever knows that this is a plugin. No secret.
    pub magic_cookie: Option<String>,
    /// `PLUGIN_PROTOCOL_VERSIONS`: the major versions the client speaks, separated by commas.
    pub protocol_versions: Option<String>,
    /// `PLUGIN_CLIENT_CERT`: the client's certificate, PEM; asks for mutual TLS.
    pub client_certificate: Option<String>,
    /// `PLUGIN_UNIX_SOCKET_DIR`: where to put the socket's directory.
    pub socket_directory: Option<String>,
    /// `PLUGIN_MIN_PORT`: where there are no Unix sockets.
    pub min_port: Option<String>,
    /// `PLUGIN_MAX_PORT`: where there are no Unix sockets.
    pub max_port: Option<String>,
    /// `TF_LOG_PROVIDER`, else `TF_LOG`: the log level.
    pub log_level: Option<String>,
}

impl Environment {
    /// Picks out what matters, from `std::env::vars_os()` in `main`.
    pub fn from_vars(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        let mut log = None;
        for (name, value) in vars {
            let field = match name.to_str() {
                Some("TF_PLUGIN_MAGIC_COOKIE") => &mut environment.magic_cookie,
                Some("PLUGIN_PROTOCOL_VERSIONS") => &mut environment.protocol_versions,
                Some("PLUGIN_CLIENT_CERT") => &mut environment.client_certificate,
                Some("PLUGIN_UNIX_SOCKET_DIR") => &mut environment.socket_directory,
                Some("PLUGIN_MIN_PORT") => &mut environment.min_port,
                Some("PLUGIN_MAX_PORT") => &mut environment.max_port,
                Some("TF_LOG_PROVIDER") => &mut environment.log_level,
                Some("TF_LOG") => &mut log,
                _ => continue,
            };
            *field = Some(value.to_string_lossy().into_owned()).filter(|value| !value.is_empty());
        }
        environment.log_level = environment.log_level.or(log);
        environment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(vars: &[(&str, &str)]) -> Environment {
        Environment::from_vars(vars.iter().map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn the_providers_own_log_level_outranks_the_general_one() {
        assert_eq!(from(&[("TF_LOG_PROVIDER", "WARN"), ("TF_LOG", "TRACE")]).log_level.as_deref(), Some("WARN"));
        assert_eq!(from(&[("TF_LOG_PROVIDER", ""), ("TF_LOG", "TRACE")]).log_level.as_deref(), Some("TRACE"));
    }

    #[test]
    fn an_empty_variable_is_no_variable() {
        let environment = from(&[("PLUGIN_CLIENT_CERT", ""), ("PLUGIN_MIN_PORT", "10000"), ("HOME", "/root")]);
        assert_eq!(environment.client_certificate, None);
        assert_eq!(environment.min_port.as_deref(), Some("10000"));
    }
}
