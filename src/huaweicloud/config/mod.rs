//! What a user may set, as plain data, and what becomes of it once every part has been checked.

mod profile;

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    credential::{AccessKey, Domain, Login, Source, User},
    endpoint::{self, Endpoints, Overrides},
};
use crate::config_error::{ConfigError, Problem};

/// Where an ECS finds its own credentials.
const METADATA: &str = "http://169.254.169.254";
/// How long an assumed agency's keys may live, in seconds.
const ROLE_SECONDS: std::ops::RangeInclusive<u64> = 900..=86400;

/// Everything that can be configured, each field with the name that the vendor's provider gives it. An empty text counts as
/// not set. Files and the environment are read by the caller.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The region, e.g. `cn-north-4`; a profile's own is used where this is not set.
    pub region: Option<String>,
    /// The domain of the cloud, `myhuaweicloud.com` where not set (`myhuaweicloud.eu` for its regions in Europe).
    pub cloud: Option<String>,
    /// Whether IAM is asked at the region's host (the default) or, if `false`, at the one without a region.
    pub regional: Option<bool>,
    /// URLs of single services.
    pub endpoints: EndpointConfig,
    /// The URL of IAM, with or without `/v3`; `endpoints.iam` wins.
    pub auth_url: Option<String>,
    /// Whether plain `http://` is allowed to hosts other than this machine.
    pub insecure: bool,
    /// The id of an access key (AK).
    pub access_key: Option<String>,
    /// The secret of an access key (SK).
    pub secret_key: Option<SecretString>,
    /// The session token of a temporary access key.
    pub security_token: Option<SecretString>,
    /// A token of IAM; it is used as it is and not renewed.
    pub token: Option<SecretString>,
    /// The name of an IAM user.
    pub user_name: Option<String>,
    /// The id of an IAM user, instead of name and account.
    pub user_id: Option<String>,
    /// The IAM user's password.
    pub password: Option<SecretString>,
    /// The name of the account (domain).
    pub domain_name: Option<String>,
    /// The id of the account (domain).
    pub domain_id: Option<String>,
    /// The id of the project in the region; looked up by name where not set.
    pub project_id: Option<String>,
    /// The name of the project in the region; the region's own name where not set.
    pub project_name: Option<String>,
    /// Agencies to assume, one after the other, each with the keys of the one before.
    pub assume_role: Vec<AssumeRole>,
    /// The text of KooCLI's configuration file (`~/.hcloud/config.json`).
    pub shared_config: Option<SecretString>,
    /// The profile to use from it, instead of its `current`.
    pub profile: Option<String>,
    /// Where the metadata service of an ECS is, for tests.
    pub metadata_endpoint: Option<String>,
}

/// URLs that replace the vendor's; `https://` is added where there is no scheme. They serve the configured region only,
/// except those of IAM and STS.
#[derive(Clone, Debug, Default)]
pub struct EndpointConfig {
    /// Elastic Cloud Server.
    pub ecs: Option<String>,
    /// Elastic Volume Service.
    pub evs: Option<String>,
    /// ModelArts.
    pub modelarts: Option<String>,
    /// Identity and Access Management.
    pub iam: Option<String>,
    /// Security Token Service.
    pub sts: Option<String>,
}

/// An agency to assume. With the id of its account STS is asked, with the name IAM.
#[derive(Clone, Debug, Default)]
pub struct AssumeRole {
    /// The agency's name.
    pub agency_name: String,
    /// The name of the account that made the agency.
    pub domain_name: Option<String>,
    /// The id of the account that made the agency.
    pub domain_id: Option<String>,
    /// How long the keys shall live, 15 minutes to 24 hours; the vendor's own default where not set.
    pub duration: Option<Duration>,
}

/// A checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) endpoints: Endpoints,
    pub(super) source: Source,
    pub(super) roles: Vec<AssumeRole>,
    pub(super) project_id: Option<String>,
    pub(super) project_name: Option<String>,
}

impl Settings {
    /// Checks everything there is to check without a network.
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        let mut check = Checker::default();
        let profile = check.profile(config);
        let roles = if config.assume_role.is_empty() { profile.roles.clone() } else { config.assume_role.clone() };
        for (index, role) in roles.iter().enumerate() {
            check.role(index, role);
        }
        let text = |given: &Option<String>, profile: Option<String>| given_text(given).map(str::to_owned).or(profile);
        let endpoints = check.endpoints(config, text(&config.region, profile.region));
        let project_id = text(&config.project_id, profile.project_id);
        if project_id.as_deref().is_some_and(|id| !id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')) {
            check.problem("project_id", "may hold letters, digits and hyphens only");
        }
        match check.source(config, profile.source) {
            Some(source) if check.problems.is_empty() => {
                Ok(Self { endpoints, source, roles, project_id, project_name: text(&config.project_name, None) })
            }
            Some(_) | None => Err(ConfigError { problems: check.problems }),
        }
    }
}

/// Collects problems while the parts of a configuration are read.
#[derive(Default)]
struct Checker {
    problems: Vec<Problem>,
}

impl Checker {
    fn problem(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(Problem::new(field, reason));
    }

    /// A profile counts only where the configuration itself has no credential, as with the vendor's provider.
    fn profile(&mut self, config: &Config) -> profile::Profile {
        let own = [&config.token, &config.secret_key, &config.password]
            .into_iter()
            .any(|secret| given_secret(secret).is_some());
        let own = own || given_text(&config.access_key).is_some();
        match given_secret(&config.shared_config) {
            Some(text) if !own => match profile::parse(text.expose_secret(), given_text(&config.profile)) {
                Ok(profile) => return profile,
                Err(reason) => self.problem("shared_config_file", reason),
            },
            None if !own && given_text(&config.profile).is_some() => {
                self.problem("profile", "is set, but there is no shared_config_file to take it from");
            }
            Some(_) | None => {}
        }
        profile::Profile::default()
    }

    /// Token, then access key, then user and password, then the profile, then the ECS this runs on. What is begun must be whole.
    ///
    /// `None` only together with a problem.
    fn source(&mut self, config: &Config, profile: Option<Source>) -> Option<Source> {
        if let Some(token) = given_secret(&config.token) {
            return Some(Source::Token(token.clone()));
        }
        let key = (given_text(&config.access_key), given_secret(&config.secret_key));
        let security_token = given_secret(&config.security_token);
        match key {
            (Some(access_key), Some(secret_key)) => {
                return Some(Source::AccessKey(AccessKey {
                    access_key: access_key.to_owned(),
                    secret_key: secret_key.clone(),
                    security_token: security_token.cloned(),
                }));
            }
            (Some(_), None) => self.problem("secret_key", "is missing, although access_key is set"),
            (None, Some(_)) => self.problem("access_key", "is missing, although secret_key is set"),
            (None, None) if security_token.is_some() => {
                self.problem("access_key", "and secret_key are missing, although security_token is set");
            }
            (None, None) => {}
        }
        if let Some(login) = self.login(config) {
            return Some(Source::Password(login));
        }
        profile.or_else(|| self.metadata(config).map(Source::Metadata))
    }

    fn login(&mut self, config: &Config) -> Option<Login> {
        let (name, id) = (given_text(&config.user_name), given_text(&config.user_id));
        let password = given_secret(&config.password);
        let user = match (id, name) {
            (Some(id), _) => Some(User::Id(id.to_owned())),
            (None, Some(name)) => match (given_text(&config.domain_name), given_text(&config.domain_id)) {
                (Some(domain), _) => Some(User::Name(name.to_owned(), Domain::Name(domain.to_owned()))),
                (None, Some(id)) => Some(User::Name(name.to_owned(), Domain::Id(id.to_owned()))),
                (None, None) => {
                    self.problem("domain_name", "(the account) is missing, although user_name is set");
                    None
                }
            },
            (None, None) => {
                if password.is_some() {
                    self.problem("user_name", "is missing, although password is set");
                }
                return None;
            }
        };
        if password.is_none() {
            let begun = if id.is_some() { "user_id" } else { "user_name" };
            self.problem("password", format!("is missing, although {begun} is set"));
        }
        Some(Login { user: user?, password: password?.clone() })
    }

    fn metadata(&mut self, config: &Config) -> Option<Url> {
        let text = given_text(&config.metadata_endpoint).unwrap_or(METADATA);
        // No credential of ours goes there, so that plain http is no danger.
        endpoint::parse(text, true).map_err(|reason| self.problem("metadata_endpoint", reason)).ok()
    }

    fn role(&mut self, index: usize, role: &AssumeRole) {
        if role.agency_name.trim().is_empty() {
            self.problem(format!("assume_role[{index}].agency_name"), "is missing");
        }
        if given_text(&role.domain_name).is_none() && given_text(&role.domain_id).is_none() {
            self.problem(
                format!("assume_role[{index}].domain_name"),
                "is missing, and so is domain_id: one of them is needed",
            );
        }
        if role.duration.is_some_and(|duration| !ROLE_SECONDS.contains(&duration.as_secs())) {
            self.problem(format!("assume_role[{index}].duration"), "must be from 900 seconds to 24 hours");
        }
    }

    fn endpoints(&mut self, config: &Config, region: Option<String>) -> Endpoints {
        match &region {
            None => self.problem("region", "is missing"),
            Some(region) if !endpoint::is_region(region) => {
                self.problem("region", format!("{region:?} is not a region's name"));
            }
            Some(_) => {}
        }
        // As with the region: no more than the end of a host name.
        let cloud = given_text(&config.cloud).map(str::to_owned);
        if cloud.as_deref().is_some_and(|cloud| !cloud.split('.').all(endpoint::is_region)) {
            self.problem("cloud", "is not a domain name");
        }
        let given = &config.endpoints;
        let overrides = Overrides {
            ecs: self.endpoint(config, "endpoints.ecs", &given.ecs),
            evs: self.endpoint(config, "endpoints.evs", &given.evs),
            modelarts: self.endpoint(config, "endpoints.modelarts", &given.modelarts),
            iam: self.endpoint(config, "endpoints.iam", &given.iam).or_else(|| self.auth_url(config)),
            sts: self.endpoint(config, "endpoints.sts", &given.sts),
        };
        Endpoints {
            region: region.unwrap_or_default(),
            cloud,
            regional_iam: config.regional.unwrap_or(true),
            overrides,
        }
    }

    fn endpoint(&mut self, config: &Config, field: &str, given: &Option<String>) -> Option<Url> {
        endpoint::parse(given_text(given)?, config.insecure).map_err(|reason| self.problem(field, reason)).ok()
    }

    /// `auth_url` names the version as well, which every path of ours begins with.
    fn auth_url(&mut self, config: &Config) -> Option<Url> {
        let mut url = self.endpoint(config, "auth_url", &config.auth_url)?;
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/v3.0").or_else(|| path.strip_suffix("/v3")).unwrap_or(path).to_owned();
        url.set_path(&path);
        Some(url)
    }
}

/// A text, unless it is empty.
fn given_text(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

/// A secret, unless it is empty.
fn given_secret(secret: &Option<SecretString>) -> Option<&SecretString> {
    secret.as_ref().filter(|secret| !secret.expose_secret().trim().is_empty())
}

#[cfg(test)]
mod tests;
