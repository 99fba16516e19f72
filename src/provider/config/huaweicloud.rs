//! Huawei Cloud's part of the provider block: the official provider's names, environment variables, files and precedence.
//!
//! Source: the official provider's index page, "Configuration Reference".

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tf_provider::{
    schema::{Attribute, AttributeType},
    value::Value,
};

use super::{
    Environment, Reader,
    environment::{read, read_if_there, read_unnamed},
};
use crate::{
    huaweicloud::{AssumeRole, Config, EndpointConfig},
    provider::{duration, schema},
    transport::TlsConfig,
};

/// `huaweicloud = { … }`.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct HuaweiCloudBlock {
    region: Value<String>,
    access_key: Value<String>,
    secret_key: Value<String>,
    security_token: Value<String>,
    token: Value<String>,
    user_name: Value<String>,
    user_id: Value<String>,
    password: Value<String>,
    domain_name: Value<String>,
    domain_id: Value<String>,
    project_id: Value<String>,
    project_name: Value<String>,
    tenant_id: Value<String>,
    tenant_name: Value<String>,
    agency_name: Value<String>,
    agency_domain_name: Value<String>,
    delegated_project: Value<String>,
    assume_role: Value<Vec<Value<AssumeRoleBlock>>>,
    auth_url: Value<String>,
    cloud: Value<String>,
    regional: Value<bool>,
    endpoints: Value<EndpointsBlock>,
    shared_config_file: Value<String>,
    profile: Value<String>,
    insecure: Value<bool>,
    cacert_file: Value<String>,
    cert: Value<String>,
    key: Value<String>,
}

/// `assume_role = [{ … }]`.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
struct AssumeRoleBlock {
    agency_name: Value<String>,
    domain_name: Value<String>,
    domain_id: Value<String>,
    duration: Value<String>,
}

/// `endpoints = { … }`.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
struct EndpointsBlock {
    ecs: Value<String>,
    evs: Value<String>,
    modelarts: Value<String>,
    iam: Value<String>,
    sts: Value<String>,
    metadata: Value<String>,
}

const REGION: &[&str] = &["HW_REGION_NAME", "OS_REGION_NAME"];
const ACCESS_KEY: &[&str] = &["HW_ACCESS_KEY", "OS_ACCESS_KEY"];
const SECRET_KEY: &[&str] = &["HW_SECRET_KEY", "OS_SECRET_KEY"];
const SECURITY_TOKEN: &[&str] = &["HW_SECURITY_TOKEN"];
const TOKEN: &[&str] = &["HW_AUTH_TOKEN", "OS_AUTH_TOKEN"];
const USER_NAME: &[&str] = &["HW_USER_NAME", "OS_USERNAME"];
const USER_ID: &[&str] = &["HW_USER_ID", "OS_USER_ID"];
const PASSWORD: &[&str] = &["HW_USER_PASSWORD", "OS_PASSWORD"];
const DOMAIN_NAME: &[&str] = &["HW_DOMAIN_NAME", "OS_DOMAIN_NAME", "OS_USER_DOMAIN_NAME", "OS_PROJECT_DOMAIN_NAME"];
const DOMAIN_ID: &[&str] = &["HW_DOMAIN_ID", "OS_DOMAIN_ID", "OS_USER_DOMAIN_ID", "OS_PROJECT_DOMAIN_ID"];
const PROJECT_ID: &[&str] = &["HW_PROJECT_ID", "OS_PROJECT_ID", "OS_TENANT_ID"];
const PROJECT_NAME: &[&str] = &["HW_PROJECT_NAME", "OS_PROJECT_NAME", "OS_TENANT_NAME"];
const ROLE_DOMAIN_NAME: &[&str] = &["HW_ASSUME_ROLE_DOMAIN_NAME"];
const ROLE_DOMAIN_ID: &[&str] = &["HW_ASSUME_ROLE_DOMAIN_ID"];
const SHARED_CONFIG_FILE: &[&str] = &["HW_SHARED_CONFIG_FILE"];
const PROFILE: &[&str] = &["HW_PROFILE"];
/// Where KooCLI keeps its profiles.
const DEFAULT_SHARED_CONFIG_FILE: &str = "~/.hcloud/config.json";

/// Where settings are looked for, for the error of having found none.
pub(crate) const PLACES: &str = "the huaweicloud block (region; access_key and secret_key; token; user_name, domain_name and \
     password; assume_role), the environment (HW_REGION_NAME; HW_ACCESS_KEY and HW_SECRET_KEY; HW_AUTH_TOKEN; HW_USER_NAME, \
     HW_DOMAIN_NAME and HW_USER_PASSWORD; and their OS_ counterparts), the profile file (shared_config_file, \
     HW_SHARED_CONFIG_FILE, ~/.hcloud/config.json), and the metadata service of the ECS that this runs on";

/// The attributes of `huaweicloud`.
pub(crate) fn attributes() -> [(&'static str, Attribute); 28] {
    use AttributeType::{Bool, String};
    use schema::{list, object, optional, required, sensitive};
    let with = |text: &str, variables: &[&str]| {
        let variables = variables.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        optional(String, &format!("{text} Environment: {variables}."))
    };
    [
        ("region", with("The region, e.g. `cn-north-4`.", REGION)),
        ("access_key", with("Access key (AK).", ACCESS_KEY)),
        ("secret_key", sensitive(with("Secret key (SK).", SECRET_KEY))),
        ("security_token", sensitive(with("Session token of a temporary access key.", SECURITY_TOKEN))),
        ("token", sensitive(with("IAM token; it is used as it is and outranks every other credential.", TOKEN))),
        ("user_name", with("IAM user, by name.", USER_NAME)),
        ("user_id", with("IAM user, by id.", USER_ID)),
        ("password", sensitive(with("The IAM user's password.", PASSWORD))),
        ("domain_name", with("The account, by name.", DOMAIN_NAME)),
        ("domain_id", with("The account, by id.", DOMAIN_ID)),
        ("project_id", with("The project in the region. Default: looked up by name.", PROJECT_ID)),
        ("project_name", with("The project's name. Default: the region's name.", PROJECT_NAME)),
        ("tenant_id", optional(String, "The official provider's other name of `project_id`.")),
        ("tenant_name", optional(String, "The official provider's other name of `project_name`.")),
        (
            "agency_name",
            with("An agency to assume; `assume_role` says more.", &["HW_ASSUME_ROLE_AGENCY_NAME", "OS_AGENCY_NAME"]),
        ),
        (
            "agency_domain_name",
            with("The account of `agency_name`.", &["HW_ASSUME_ROLE_DOMAIN_NAME", "OS_AGENCY_DOMAIN_NAME"]),
        ),
        ("delegated_project", with("The project that `agency_name` was given.", &["OS_DELEGATED_PROJECT"])),
        (
            "assume_role",
            optional(
                list([
                    ("agency_name", required(String, "The agency's name.")),
                    ("domain_name", optional(String, "The account that made it, by name: IAM is asked.")),
                    ("domain_id", optional(String, "The account that made it, by id: STS is asked.")),
                    (
                        "duration",
                        optional(
                            String,
                            "How long its keys live, `15m` to `24h`, or in seconds. Default: the vendor's.",
                        ),
                    ),
                ]),
                "Agencies to assume, one after the other. Environment for what is left out: `HW_ASSUME_ROLE_DOMAIN_NAME`, `HW_ASSUME_ROLE_DOMAIN_ID`; with `agency_name`: `HW_ASSUME_ROLE_DURATION`.",
            ),
        ),
        (
            "auth_url",
            with("The URL of IAM. Default: `https://iam.<region>.<cloud>/v3`.", &["HW_AUTH_URL", "OS_AUTH_URL"]),
        ),
        ("cloud", with("The cloud's domain. Default: `myhuaweicloud.com`.", &["HW_CLOUD"])),
        ("regional", optional(Bool, "Whether IAM is asked in the region. Default: `true`.")),
        (
            "endpoints",
            optional(
                object([
                    ("ecs", optional(String, "Elastic Cloud Server.")),
                    ("evs", optional(String, "Elastic Volume Service.")),
                    ("modelarts", optional(String, "ModelArts.")),
                    ("iam", optional(String, "Identity and Access Management.")),
                    ("sts", optional(String, "Security Token Service.")),
                    ("metadata", optional(String, "The metadata service of the ECS that this runs on.")),
                ]),
                "Base URLs of single services; plain `http` is for this machine only, unless `insecure` is set. They serve the provider's region only (IAM and STS: all); a resource with another `region` needs a provider configuration of its own.",
            ),
        ),
        ("shared_config_file", with("KooCLI's profile file. Default: `~/.hcloud/config.json`.", SHARED_CONFIG_FILE)),
        ("profile", with("The profile in it. Default: its `current`.", PROFILE)),
        (
            "insecure",
            optional(
                Bool,
                "Accept any TLS certificate, and plain `http` to other machines. Environment: `HW_INSECURE`, `OS_INSECURE`.",
            ),
        ),
        (
            "cacert_file",
            with("A file of certificates to trust besides the system's, or the PEM itself.", &["OS_CACERT"]),
        ),
        ("cert", with("A client certificate: a file, or the PEM itself.", &["OS_CERT"])),
        ("key", sensitive(with("Its private key: a file, or the PEM itself.", &["OS_KEY"]))),
    ]
}

/// What the block, the environment and the files amount to.
pub(crate) struct Settings {
    /// For the client.
    pub(crate) config: Config,
    /// For the transport.
    pub(crate) tls: TlsConfig,
    /// The official provider's `HW_MAX_RETRIES`.
    pub(crate) max_retries: Option<u32>,
    /// Attributes whose value is known only after apply.
    pub(crate) unknown: bool,
}

impl HuaweiCloudBlock {
    /// Reads everything there is to read.
    ///
    /// # Errors
    /// What cannot be read, in sentences.
    pub(crate) async fn resolve(&self, environment: &Environment) -> Result<Settings, Vec<String>> {
        let mut problems = Vec::new();
        let mut reader = Reader::new(environment);
        let insecure =
            reader.bool("insecure", &self.insecure, &["HW_INSECURE", "OS_INSECURE"]).unwrap_or_else(|problem| {
                problems.push(problem);
                None
            });
        let mut config = Config {
            region: reader.text("region", &self.region, REGION),
            cloud: reader.text("cloud", &self.cloud, &["HW_CLOUD"]),
            regional: reader.bool("regional", &self.regional, &[]).unwrap_or_default(),
            endpoints: self.endpoints(&mut reader),
            auth_url: reader.text("auth_url", &self.auth_url, &["HW_AUTH_URL", "OS_AUTH_URL"]),
            insecure: insecure.unwrap_or_default(),
            access_key: reader.text("access_key", &self.access_key, ACCESS_KEY),
            secret_key: reader.secret("secret_key", &self.secret_key, SECRET_KEY),
            security_token: reader.secret("security_token", &self.security_token, SECURITY_TOKEN),
            token: reader.secret("token", &self.token, TOKEN),
            user_name: reader.text("user_name", &self.user_name, USER_NAME),
            user_id: reader.text("user_id", &self.user_id, USER_ID),
            password: reader.secret("password", &self.password, PASSWORD),
            domain_name: reader.text("domain_name", &self.domain_name, DOMAIN_NAME),
            domain_id: reader.text("domain_id", &self.domain_id, DOMAIN_ID),
            project_id: reader
                .text("tenant_id", &self.tenant_id, &[])
                .or_else(|| reader.text("project_id", &self.project_id, PROJECT_ID)),
            project_name: reader
                .text("tenant_name", &self.tenant_name, &[])
                .or_else(|| reader.text("project_name", &self.project_name, PROJECT_NAME)),
            assume_role: self.assume_role(&mut reader, &mut problems),
            profile: reader.text("profile", &self.profile, PROFILE),
            metadata_endpoint: self.metadata(&mut reader),
            ..Config::default()
        };
        if let Some(project) = reader.text("delegated_project", &self.delegated_project, &["OS_DELEGATED_PROJECT"]) {
            config.project_name.get_or_insert(project);
        }
        config.shared_config = keep(self.shared_config(&mut reader, environment).await, &mut problems).flatten();
        let ca = reader.text("cacert_file", &self.cacert_file, &["OS_CACERT"]);
        let ca_pem = pem(ca.as_deref(), environment).await;
        let ca_pem = ca_pem.map_err(|reason| format!("{} cannot be read: {reason}", ca.unwrap_or_default()));
        let tls = TlsConfig {
            ca_pem: keep(ca_pem, &mut problems).flatten().map(String::into_bytes),
            insecure: config.insecure,
            client_identity_pem: self.client_identity(&mut reader, environment, &mut problems).await,
        };
        let max_retries = environment.first(&["HW_MAX_RETRIES"]).map(|text| {
            text.trim().parse().map_err(|_| "HW_MAX_RETRIES is not a whole number of at least 0".to_owned())
        });
        let max_retries = max_retries.and_then(|retries| keep(retries, &mut problems));
        let unknown = !reader.unknown.is_empty();
        // What is unknown may be what is missing: apply will tell.
        if problems.is_empty() || unknown { Ok(Settings { config, tls, max_retries, unknown }) } else { Err(problems) }
    }

    fn endpoints(&self, reader: &mut Reader<'_>) -> EndpointConfig {
        let Value::Value(endpoints) = &self.endpoints else {
            if self.endpoints.is_unknown() {
                reader.unknown.insert("endpoints");
            }
            return EndpointConfig::default();
        };
        EndpointConfig {
            ecs: reader.text("endpoints.ecs", &endpoints.ecs, &[]),
            evs: reader.text("endpoints.evs", &endpoints.evs, &[]),
            modelarts: reader.text("endpoints.modelarts", &endpoints.modelarts, &[]),
            iam: reader.text("endpoints.iam", &endpoints.iam, &[]),
            sts: reader.text("endpoints.sts", &endpoints.sts, &[]),
        }
    }

    fn metadata(&self, reader: &mut Reader<'_>) -> Option<String> {
        match &self.endpoints {
            Value::Value(endpoints) => reader.text("endpoints.metadata", &endpoints.metadata, &[]),
            Value::Null | Value::Unknown => None,
        }
    }

    /// `assume_role`, else the environment's one, else the older `agency_name`.
    fn assume_role(&self, reader: &mut Reader<'_>, problems: &mut Vec<String>) -> Vec<AssumeRole> {
        if let Value::Value(roles) = &self.assume_role
            && !roles.is_empty()
        {
            return roles.iter().filter_map(|role| Self::role(role, reader, problems)).collect();
        }
        if self.assume_role.is_unknown() {
            reader.unknown.insert("assume_role");
        }
        let agency = reader.text("agency_name", &self.agency_name, &["HW_ASSUME_ROLE_AGENCY_NAME", "OS_AGENCY_NAME"]);
        let domain_name = reader.text(
            "agency_domain_name",
            &self.agency_domain_name,
            &["HW_ASSUME_ROLE_DOMAIN_NAME", "OS_AGENCY_DOMAIN_NAME"],
        );
        let Some(agency_name) = agency else { return Vec::new() };
        // An account that the block names is not exchanged for another one of the environment.
        let domain_id = if is_given(&self.agency_domain_name) { &[][..] } else { ROLE_DOMAIN_ID };
        let domain_id = reader.text("domain_id", &Value::Null, domain_id);
        let duration = role_duration(reader.text("duration", &Value::Null, &["HW_ASSUME_ROLE_DURATION"]), problems);
        vec![AssumeRole { agency_name, domain_name, domain_id, duration }]
    }

    /// An element of `assume_role`; the environment may say whose agency it is where the element does not.
    fn role(role: &Value<AssumeRoleBlock>, reader: &mut Reader<'_>, problems: &mut Vec<String>) -> Option<AssumeRole> {
        let role = match role {
            Value::Value(role) => role.clone(),
            Value::Null => AssumeRoleBlock::default(),
            Value::Unknown => {
                reader.unknown.insert("assume_role");
                return None;
            }
        };
        let named = is_given(&role.domain_name) || is_given(&role.domain_id);
        let (name, id) = if named { (&[][..], &[][..]) } else { (ROLE_DOMAIN_NAME, ROLE_DOMAIN_ID) };
        Some(AssumeRole {
            agency_name: reader.text("assume_role", &role.agency_name, &[]).unwrap_or_default(),
            domain_name: reader.text("assume_role", &role.domain_name, name),
            domain_id: reader.text("assume_role", &role.domain_id, id),
            duration: role_duration(reader.text("assume_role", &role.duration, &[]), problems),
        })
    }

    async fn shared_config(
        &self,
        reader: &mut Reader<'_>,
        environment: &Environment,
    ) -> Result<Option<SecretString>, String> {
        let text = match reader.text("shared_config_file", &self.shared_config_file, SHARED_CONFIG_FILE) {
            Some(path) => Some(
                read(&environment.expand(&path)).await.map_err(|problem| format!("shared_config_file: {problem}"))?,
            ),
            None if environment.home().is_some() => {
                read_if_there(&environment.expand(DEFAULT_SHARED_CONFIG_FILE)).await?
            }
            None => None,
        };
        Ok(text.map(SecretString::from))
    }

    async fn client_identity(
        &self,
        reader: &mut Reader<'_>,
        environment: &Environment,
        problems: &mut Vec<String>,
    ) -> Option<secrecy::SecretSlice<u8>> {
        // The value may be the key itself in another form, or a bundle with it: it is not shown.
        let mut read = async |name: &'static str, value: &Value<String>, variable: &str| {
            let given = pem(reader.text(name, value, &[variable]).as_deref(), environment).await;
            given.map_err(|reason| format!("{name} is neither PEM nor a file that can be read: {reason}"))
        };
        let cert = keep(read("cert", &self.cert, "OS_CERT").await, problems);
        let key = keep(read("key", &self.key, "OS_KEY").await, problems);
        match (cert?, key?) {
            (Some(cert), Some(key)) => Some(format!("{cert}\n{key}").into_bytes().into()),
            (None, None) => None,
            (Some(_), None) => {
                problems.push("key is missing, although cert is set".into());
                None
            }
            (None, Some(_)) => {
                problems.push("cert is missing, although key is set".into());
                None
            }
        }
    }
}

/// A PEM text given as it is or as a file's path.
///
/// # Errors
/// Why the file cannot be read, without its path.
async fn pem(given: Option<&str>, environment: &Environment) -> Result<Option<String>, String> {
    match given {
        Some(text) if text.contains("-----BEGIN") => Ok(Some(text.to_owned())),
        Some(path) => read_unnamed(&environment.expand(path)).await.map(Some),
        None => Ok(None),
    }
}

/// A role's duration: Go's syntax, or plain seconds as in the environment.
fn role_duration(given: Option<String>, problems: &mut Vec<String>) -> Option<Duration> {
    let text = given?;
    match text.parse().map(Duration::from_secs).or_else(|_| duration::parse(&text)) {
        Ok(duration) => Some(duration),
        Err(problem) => {
            problems.push(format!("assume_role.duration: {problem}"));
            None
        }
    }
}

/// Whether the block itself says something, be it something that only apply will know.
fn is_given(value: &Value<String>) -> bool {
    match value {
        Value::Value(text) => !text.is_empty(),
        Value::Null => false,
        Value::Unknown => true,
    }
}

fn keep<T>(result: Result<T, String>, problems: &mut Vec<String>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

#[cfg(test)]
#[path = "huaweicloud_tests.rs"]
mod tests;
