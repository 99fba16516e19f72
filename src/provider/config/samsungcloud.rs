//! Samsung Cloud Platform's part of the provider block: the official provider's names, environment variables, files and
//! precedence. Unlike there, a file that cannot be read is reported.
//!
//! Source: the official provider's index page and `~/.scpconf`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tf_provider::{
    schema::{Attribute, AttributeType},
    value::Value,
};

use super::{Environment, Reader, environment::read_if_there};
use crate::{
    provider::schema,
    samsungcloud::{Config, ConfigFile, CredentialsFile, EndpointConfig},
};

/// `samsungcloud = { … }`.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct SamsungCloudBlock {
    auth_url: Value<String>,
    endpoint_override: Value<String>,
    endpoints: Value<EndpointsBlock>,
    account_id: Value<String>,
    default_region: Value<String>,
    access_key: Value<String>,
    secret_key: Value<String>,
    auth_token: Value<String>,
    api_version: Value<String>,
    max_remain_days: Value<i64>,
    microversion_check_timeout: Value<i64>,
    skip_version_check: Value<bool>,
    insecure: Value<bool>,
}

/// `endpoints = { … }`.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
struct EndpointsBlock {
    iam: Value<String>,
    virtualserver: Value<String>,
}

/// Where settings are looked for, for the error of having found none.
pub(crate) const PLACES: &str = "the samsungcloud block (auth_url, default_region, access_key, secret_key), the environment \
     (SCP_TF_AUTH_URL, SCP_TF_DEFAULT_REGION, SCP_TF_ACCESS_KEY, SCP_TF_SECRET_KEY), and the files ~/.scpconf/config.json \
     and ~/.scpconf/credentials.json";

/// The attributes of `samsungcloud`.
pub(crate) fn attributes() -> [(&'static str, Attribute); 13] {
    use AttributeType::{Bool, Number, String};
    use schema::{object, optional, sensitive};
    [
        (
            "auth_url",
            optional(
                String,
                "Base URL of the identity service, `/v1` included; its catalog knows the other services. Environment: `SCP_TF_AUTH_URL`.",
            ),
        ),
        (
            "endpoint_override",
            optional(
                String,
                "One base URL for all services, without `/v1`; the catalog is not asked. It serves `default_region` only. Environment: `SCP_TF_ENDPOINT_OVERRIDE`.",
            ),
        ),
        (
            "endpoints",
            optional(
                object([
                    ("iam", optional(String, "The identity service.")),
                    (
                        "virtualserver",
                        optional(String, "The Virtual Server service in `default_region`; the catalog is not asked."),
                    ),
                ]),
                "Base URLs of single services; plain `http` is for this machine only, unless `insecure` is set.",
            ),
        ),
        ("account_id", optional(String, "The account's id. Environment: `SCP_TF_ACCOUNT_ID`.")),
        ("default_region", optional(String, "The region, e.g. `kr-west1`. Environment: `SCP_TF_DEFAULT_REGION`.")),
        ("access_key", sensitive(optional(String, "Access key. Environment: `SCP_TF_ACCESS_KEY`."))),
        ("secret_key", sensitive(optional(String, "Secret key. Environment: `SCP_TF_SECRET_KEY`."))),
        (
            "auth_token",
            sensitive(optional(String, "A token sent besides the signature. Environment: `SCP_TF_AUTH_TOKEN`.")),
        ),
        (
            "api_version",
            optional(String, "API version of the Virtual Server service, `1.0` to `1.3` or newer. Default: `1.3`."),
        ),
        (
            "max_remain_days",
            optional(
                Number,
                "Warn when the API version is supported for fewer days than these. Default: `90`. Environment: `SCP_TF_MAX_REMAIN_DAYS`.",
            ),
        ),
        (
            "microversion_check_timeout",
            optional(
                Number,
                "How many seconds the check of the API version may take; more than `5` counts as `5`. Default: `5`. Environment: `SCP_TF_MICROVERSION_CHECK_TIMEOUT`.",
            ),
        ),
        (
            "skip_version_check",
            optional(
                Bool,
                "Whether to leave out the check of the API version. Default: `false`, unlike the official provider, which checks before every call; here it is one unsigned call for each plan and each apply, and none without a `samsungcloud` block. Environment: `SCP_TF_SKIP_VERSION_CHECK`.",
            ),
        ),
        (
            "insecure",
            optional(Bool, "Accept any TLS certificate, and plain `http` to other machines. Default: `false`."),
        ),
    ]
}

/// What the block, the environment and the files amount to.
pub(crate) struct Settings {
    /// For the client.
    pub(crate) config: Config,
    /// Attributes whose value is known only after apply.
    pub(crate) unknown: bool,
}

impl SamsungCloudBlock {
    /// Reads everything there is to read.
    ///
    /// # Errors
    /// What cannot be read, in sentences.
    pub(crate) async fn resolve(&self, environment: &Environment) -> Result<Settings, Vec<String>> {
        let mut problems = Vec::new();
        let (file, credentials) = files(environment, &mut problems).await;
        let mut reader = Reader::new(environment);
        let default = Config::default();
        let number = |name: &'static str,
                      value: &Value<i64>,
                      variable: &str,
                      reader: &mut Reader<'_>,
                      problems: &mut Vec<String>| {
            let given = match value {
                Value::Value(number) => Some(number.to_string()),
                Value::Null => environment.first(&[variable]),
                Value::Unknown => {
                    reader.unknown.insert(name);
                    None
                }
            };
            let number = given.map(|text| {
                text.trim()
                    .parse::<u32>()
                    .map_err(|_| format!("{name} (or {variable}) is not a whole number of at least 0"))
            });
            match number.transpose() {
                Ok(number) => number,
                Err(problem) => {
                    problems.push(problem);
                    None
                }
            }
        };
        let remain_days =
            number("max_remain_days", &self.max_remain_days, "SCP_TF_MAX_REMAIN_DAYS", &mut reader, &mut problems);
        let check_timeout = number(
            "microversion_check_timeout",
            &self.microversion_check_timeout,
            "SCP_TF_MICROVERSION_CHECK_TIMEOUT",
            &mut reader,
            &mut problems,
        );
        let skip = reader.bool("skip_version_check", &self.skip_version_check, &["SCP_TF_SKIP_VERSION_CHECK"]);
        let config = Config {
            auth_url: reader.text("auth_url", &self.auth_url, &["SCP_TF_AUTH_URL"]).or(file.auth_url),
            endpoint_override: reader
                .text("endpoint_override", &self.endpoint_override, &["SCP_TF_ENDPOINT_OVERRIDE"])
                .or(file.endpoint_override),
            endpoints: self.endpoints(&mut reader),
            default_region: reader
                .text("default_region", &self.default_region, &["SCP_TF_DEFAULT_REGION"])
                .or(file.default_region),
            account_id: reader.text("account_id", &self.account_id, &["SCP_TF_ACCOUNT_ID"]).or(file.account_id),
            access_key: reader
                .secret("access_key", &self.access_key, &["SCP_TF_ACCESS_KEY"])
                .or(credentials.access_key),
            secret_key: reader
                .secret("secret_key", &self.secret_key, &["SCP_TF_SECRET_KEY"])
                .or(credentials.secret_key),
            auth_token: reader
                .secret("auth_token", &self.auth_token, &["SCP_TF_AUTH_TOKEN"])
                .or(credentials.auth_token),
            api_version: reader.text("api_version", &self.api_version, &[]).unwrap_or(default.api_version),
            max_remain_days: remain_days.or(file.max_remain_days).unwrap_or(default.max_remain_days),
            microversion_check_timeout: check_timeout
                .map(|seconds| Duration::from_secs(seconds.into()))
                .or(file.microversion_check_timeout)
                .unwrap_or(default.microversion_check_timeout),
            skip_version_check: skip
                .unwrap_or_else(|problem| {
                    problems.push(problem);
                    None
                })
                .unwrap_or_default(),
            insecure: reader.bool("insecure", &self.insecure, &[]).unwrap_or_default().unwrap_or_default(),
        };
        let unknown = !reader.unknown.is_empty();
        // As in the other cloud: apply will tell.
        if problems.is_empty() || unknown { Ok(Settings { config, unknown }) } else { Err(problems) }
    }

    fn endpoints(&self, reader: &mut Reader<'_>) -> EndpointConfig {
        let Value::Value(endpoints) = &self.endpoints else {
            if self.endpoints.is_unknown() {
                reader.unknown.insert("endpoints");
            }
            return EndpointConfig::default();
        };
        EndpointConfig {
            iam: reader.text("endpoints.iam", &endpoints.iam, &[]),
            virtualserver: reader.text("endpoints.virtualserver", &endpoints.virtualserver, &[]),
        }
    }
}

/// The two files of `~/.scpconf`, where they are there.
async fn files(environment: &Environment, problems: &mut Vec<String>) -> (ConfigFile, CredentialsFile) {
    let (mut config, mut credentials) = (ConfigFile::default(), CredentialsFile::default());
    let Some(folder) = environment.home().map(|home| home.join(".scpconf")) else { return (config, credentials) };
    let path = folder.join("config.json");
    match read_if_there(&path).await {
        Ok(Some(text)) => match ConfigFile::parse(&path.display().to_string(), &text) {
            Ok(parsed) => config = parsed,
            Err(problem) => problems.push(problem.to_string()),
        },
        Ok(None) => {}
        Err(problem) => problems.push(problem),
    }
    let path = folder.join("credentials.json");
    match read_if_there(&path).await {
        Ok(Some(text)) => match CredentialsFile::parse(&path.display().to_string(), &text) {
            Ok(parsed) => credentials = parsed,
            Err(problem) => problems.push(problem.to_string()),
        },
        Ok(None) => {}
        Err(problem) => problems.push(problem),
    }
    (config, credentials)
}

#[cfg(test)]
#[path = "samsungcloud_tests.rs"]
mod tests;
