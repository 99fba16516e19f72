//! Calls of IAM and STS: projects by name, tokens for a password, temporary keys of an agency.
//!
//! All are safe to repeat, and none of their answers is ever shown: they hold secrets.

use std::time::{Duration, SystemTime};

use http::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    client::{Auth, Call, Reply, Sender},
    config::AssumeRole,
    credential::{AccessKey, Credential, Domain, Issued, Login, User},
    endpoint::Service,
    error::{Error, Subject},
};
use crate::{budget::Budget, transport::ErrorKind};

/// Which project a token is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Scope {
    Id(String),
    Name(String),
}

/// The project called `name`, which for a region's own project is the region's name.
///
/// `GET /v3/projects?name=…`, `KeystoneListProjects`, "Querying Project Information Based on the Specified Criteria".
pub(super) async fn keystone_list_projects(
    sender: &Sender,
    budget: &Budget,
    region: &str,
    name: &str,
    auth: Auth<'_>,
) -> Result<String, Error> {
    #[derive(Deserialize)]
    struct Projects {
        projects: Vec<Project>,
    }
    #[derive(Deserialize)]
    struct Project {
        id: String,
        name: Option<String>,
    }
    let call = Call::new("KeystoneListProjects", Service::Iam, Method::GET, ["v3", "projects"]);
    let call = call.query("name", name).about(Subject::Identity);
    let reply = sender.send(budget, region, &call, auth).await?;
    let mut projects = reply.decode::<Projects>()?.projects;
    projects.retain(|project| project.name.as_deref().is_none_or(|found| found == name));
    let count = projects.len();
    match projects.pop() {
        Some(project) if count == 1 => Ok(project.id),
        found => {
            let many = if found.is_some() { format!("{count} projects are") } else { "no project is".to_owned() };
            let text = format!("{many} called {name:?} in region {region}: set project_id, or check the region's name");
            Err(Error::refused(call.operation, ErrorKind::Configuration, text))
        }
    }
}

/// A token for a user and a password, valid in `region` only.
///
/// `POST /v3/auth/tokens?nocatalog=true`, `KeystoneCreateUserTokenByPassword`, "Obtaining a User Token Through Password Authentication".
pub(super) async fn keystone_create_user_token_by_password(
    sender: &Sender,
    budget: &Budget,
    region: &str,
    login: &Login,
    scope: &Scope,
    now: SystemTime,
) -> Result<Issued, Error> {
    #[derive(Deserialize)]
    struct Body {
        token: Token,
    }
    #[derive(Deserialize)]
    struct Token {
        expires_at: String,
    }
    let password = login.password.expose_secret();
    let user = match &login.user {
        User::Id(id) => json!({ "id": id, "password": password }),
        User::Name(name, Domain::Name(domain)) => {
            json!({ "name": name, "password": password, "domain": { "name": domain } })
        }
        User::Name(name, Domain::Id(domain)) => {
            json!({ "name": name, "password": password, "domain": { "id": domain } })
        }
    };
    let project = match scope {
        Scope::Id(id) => json!({ "id": id }),
        Scope::Name(name) => json!({ "name": name }),
    };
    let auth = json!({ "identity": { "methods": ["password"], "password": { "user": user } }, "scope": { "project": project } });
    let call =
        post("KeystoneCreateUserTokenByPassword", Service::Iam, &["v3", "auth", "tokens"], &json!({ "auth": auth }));
    let reply = sender.send(budget, region, &call.query("nocatalog", "true"), Auth::Login(&login.password)).await?;
    let expires_at = timestamp(&reply.decode::<Body>()?.token.expires_at);
    match (reply.header("x-subject-token"), expires_at) {
        (Some(token), Some(expires_at)) => {
            Ok(Issued::until(Credential::Token(SecretString::from(token)), now, expires_at))
        }
        (None, _) => Err(reply.malformed("the answer has no X-Subject-Token")),
        (Some(_), None) => Err(reply.malformed("the token has no readable expiry")),
    }
}

/// Temporary keys of an agency: STS where the account's id is known, else IAM.
pub(super) async fn assume(
    sender: &Sender,
    budget: &Budget,
    region: &str,
    role: &AssumeRole,
    credential: &Credential,
    now: SystemTime,
) -> Result<Issued, Error> {
    let auth = Auth::Fixed(credential);
    let seconds = role.duration.as_ref().map(Duration::as_secs);
    let set = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    if set(&role.domain_id) {
        assume_agency(sender, budget, region, role, seconds, auth, now).await
    } else {
        create_temporary_access_key_by_agency(sender, budget, region, role, seconds, auth, now).await
    }
}

/// `POST /v3.0/OS-CREDENTIAL/securitytokens`, `CreateTemporaryAccessKeyByAgency`, "Obtaining Temporary Access Keys and Security
/// Tokens of an IAM User" (through an agency).
async fn create_temporary_access_key_by_agency(
    sender: &Sender,
    budget: &Budget,
    region: &str,
    role: &AssumeRole,
    seconds: Option<u64>,
    auth: Auth<'_>,
    now: SystemTime,
) -> Result<Issued, Error> {
    let mut assume_role = json!({ "agency_name": role.agency_name, "domain_name": role.domain_name });
    if let Some(seconds) = seconds {
        assume_role["duration_seconds"] = seconds.into();
    }
    let body = json!({ "auth": { "identity": { "methods": ["assume_role"], "assume_role": assume_role } } });
    let path = ["v3.0", "OS-CREDENTIAL", "securitytokens"];
    let reply = sender
        .send(budget, region, &post("CreateTemporaryAccessKeyByAgency", Service::Iam, &path, &body), auth)
        .await?;
    issued(&reply, reply.decode::<SecurityKey>()?.credential.into_key(), now)
}

/// `POST /v5/agencies/assume` of STS, `AssumeAgency`, "Obtaining Temporary Security Credentials by Assuming an Agency". How the
/// answer calls the expiry is not documented where we looked; two names are read, and the time that was asked for if there is none.
async fn assume_agency(
    sender: &Sender,
    budget: &Budget,
    region: &str,
    role: &AssumeRole,
    seconds: Option<u64>,
    auth: Auth<'_>,
    now: SystemTime,
) -> Result<Issued, Error> {
    #[derive(Deserialize)]
    struct Body {
        credentials: Keys,
    }
    #[derive(Deserialize)]
    struct Keys {
        access_key_id: String,
        secret_access_key: SecretString,
        security_token: SecretString,
        #[serde(alias = "expires_at")]
        expiration: Option<String>,
    }
    const DEFAULT_SECONDS: u64 = 3600;
    let seconds = seconds.unwrap_or(DEFAULT_SECONDS);
    let agency_urn = format!("iam::{}:agency:{}", role.domain_id.as_deref().unwrap_or_default(), role.agency_name);
    let body = json!({ "agency_urn": agency_urn, "agency_session_name": "cloudvolume", "duration_seconds": seconds });
    let call = post("AssumeAgency", Service::Sts, &["v5", "agencies", "assume"], &body);
    let reply = sender.send(budget, region, &call, auth).await?;
    let keys = reply.decode::<Body>()?.credentials;
    let expires_at = keys.expiration.as_deref().and_then(timestamp).unwrap_or(now + Duration::from_secs(seconds));
    let key = AccessKey {
        access_key: keys.access_key_id,
        secret_key: keys.secret_access_key,
        security_token: Some(keys.security_token),
    };
    Ok(Issued::until(Credential::AccessKey(key), now, expires_at))
}

/// The answer of IAM and of the metadata service to who asks for temporary keys.
#[derive(Deserialize)]
pub(super) struct SecurityKey {
    pub(super) credential: TemporaryKey,
}

/// Temporary keys.
#[derive(Deserialize)]
pub(super) struct TemporaryKey {
    access: String,
    secret: SecretString,
    securitytoken: SecretString,
    expires_at: String,
}

impl TemporaryKey {
    /// The keys and when they expire; `None` where that cannot be read.
    pub(super) fn into_key(self) -> Option<(AccessKey, SystemTime)> {
        let expires_at = timestamp(&self.expires_at)?;
        let key =
            AccessKey { access_key: self.access, secret_key: self.secret, security_token: Some(self.securitytoken) };
        Some((key, expires_at))
    }
}

fn issued(reply: &Reply, key: Option<(AccessKey, SystemTime)>, now: SystemTime) -> Result<Issued, Error> {
    let (key, expires_at) = key.ok_or_else(|| reply.malformed("the keys have no readable expiry"))?;
    Ok(Issued::until(Credential::AccessKey(key), now, expires_at))
}

fn post<'a>(operation: &'static str, service: Service, path: &[&'a str], body: &Value) -> Call<'a> {
    Call::new(operation, service, Method::POST, path.iter().copied())
        .body(body)
        .about(Subject::Identity)
        .idempotent()
        .secret()
}

fn timestamp(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(SystemTime::from)
}
