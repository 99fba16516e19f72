//! IAM and STS: tokens, projects, the account, and temporary keys of an agency.

use std::time::Duration;

use serde_json::{Value, json};

use super::auth::{self, IssuedKey, IssuedToken};
use super::switches::{IamError, StsExpiryKey};
use super::{Answer, Call, error};
use crate::simulator::clock::{MICROSECONDS_Z, stamp};
use crate::simulator::message::Reply;

/// `POST /v3/auth/tokens`: by password, or by agency for somebody who has a token.
pub(crate) fn create_token(call: &mut Call<'_>) -> Answer {
    let identity = call.body["auth"]["identity"].clone();
    let method = identity["methods"][0].as_str().unwrap_or_default().to_owned();
    let user = match method.as_str() {
        "password" => by_password(call, &identity["password"]["user"])?,
        "assume_role" => {
            let token = call.request.header("x-auth-token").unwrap_or_default();
            auth::by_token(call.state, token).map_err(|_| error::iam(401, "The X-Auth-Token is invalid!"))?;
            agency(call, &identity["assume_role"]).map_err(|text| error::iam(403, text))?
        }
        _ => return Err(error::iam(400, "The request body is invalid")),
    };
    let scope = call.body["auth"]["scope"].clone();
    let project = scoped_project(call, &scope)?;
    let issued = call.state.clock.now();
    let expires = issued + call.state.config.huaweicloud.token_lifetime;
    let token = format!("MII{}{}", call.state.hex_id(), call.state.hex_id());
    let project_id = project.as_ref().map(|(id, _)| id.clone());
    call.state.huaweicloud.credentials.tokens.push(IssuedToken { token: token.clone(), project_id, expires });
    let config = &call.state.config.huaweicloud;
    let domain = json!({"id": config.domain_id, "name": config.domain_name});
    let mut body = json!({
        "methods": [method],
        "issued_at": stamp(call.state.clock.at(issued), MICROSECONDS_Z),
        "expires_at": stamp(call.state.clock.at(expires), MICROSECONDS_Z),
        "catalog": [],
        "roles": [{"id": "0", "name": "te_admin"}],
        "user": {"id": user.0, "name": user.1, "domain": domain, "password_expires_at": ""},
    });
    match project {
        Some((id, name)) => body["project"] = json!({"id": id, "name": name, "domain": domain}),
        None => body["domain"] = domain.clone(),
    }
    if method == "assume_role" {
        body["assumed_by"] = json!({"user": {
            "id": "b0000000000000000000000000000001", "name": "practitioner", "domain": domain,
            "password_expires_at": "",
        }});
    }
    Ok(Reply::json(201, &json!({"token": body})).with_header("X-Subject-Token", token))
}

/// Id and name of the user whose password it is.
fn by_password(call: &Call<'_>, given: &Value) -> Result<(String, String), Reply> {
    let config = &call.state.config.huaweicloud;
    let is_here =
        |domain: &Value| domain["name"] == config.domain_name.as_str() || domain["id"] == config.domain_id.as_str();
    let by_name = |name: &str| given["name"] == name && is_here(&given["domain"]);
    let user = config.users.iter().find(|user| given["id"] == user.id.as_str() || by_name(&user.name));
    let user = user.filter(|user| given["password"] == user.password.expose());
    let user = user.ok_or_else(|| error::iam(401, "The username or password is wrong."))?;
    Ok((user.id.clone(), user.name.clone()))
}

/// Id and name of the agency's user, if there is such an agency in this account.
fn agency(call: &Call<'_>, given: &Value) -> Result<(String, String), &'static str> {
    let config = &call.state.config.huaweicloud;
    let name = given["agency_name"].as_str().unwrap_or_default();
    let is_here =
        given["domain_name"] == config.domain_name.as_str() || given["domain_id"] == config.domain_id.as_str();
    if is_here && config.agencies.iter().any(|agency| agency == name) {
        Ok(("b0000000000000000000000000000009".to_owned(), format!("{}/{name}", config.domain_name)))
    } else {
        Err("You have no right to do this action")
    }
}

/// Id and name of the project a token is wanted for; none for the whole account.
fn scoped_project(call: &Call<'_>, scope: &Value) -> Result<Option<(String, String)>, Reply> {
    let config = &call.state.config.huaweicloud;
    let wanted = &scope["project"];
    if !wanted.is_object() {
        return Ok(None);
    }
    let is_wanted =
        |region: &&super::Region| wanted["id"] == region.project_id.as_str() || wanted["name"] == region.name.as_str();
    let found = config.regions.iter().find(is_wanted);
    let found = found.ok_or_else(|| error::iam(401, "The token must be created in the right project."))?;
    Ok(Some((found.project_id.clone(), found.name.clone())))
}

/// `KeystoneListProjects`.
pub(crate) fn list_projects(call: &mut Call<'_>) -> Answer {
    let config = &call.state.config.huaweicloud;
    let query = |name: &str| call.request.query_value(name);
    let (name, domain, parent) = (query("name"), query("domain_id"), query("parent_id"));
    let is_wanted = |value: &Option<String>, given: &str| value.as_ref().is_none_or(|value| value == given);
    let own = is_wanted(&domain, &config.domain_id) && is_wanted(&parent, &config.domain_id);
    let base = "https://iam.localdomain/v3/projects";
    let links = |own: String| json!({"self": own, "next": null, "previous": null});
    let regions = config.regions.iter().filter(|region| own && is_wanted(&name, &region.name));
    let projects: Vec<_> = regions
        .map(|region| {
            json!({
                "id": region.project_id,
                "name": region.name,
                "domain_id": config.domain_id,
                "parent_id": config.domain_id,
                "enabled": true,
                "is_domain": false,
                "description": "",
                "links": links(format!("{base}/{}", region.project_id)),
            })
        })
        .collect();
    Ok(Reply::json(200, &json!({"links": links(base.to_owned()), "projects": projects})))
}

/// `KeystoneListAuthDomains`.
pub(crate) fn list_domains(call: &mut Call<'_>) -> Answer {
    let config = &call.state.config.huaweicloud;
    let base = "https://iam.localdomain/v3";
    let domain = json!({
        "id": config.domain_id,
        "name": config.domain_name,
        "enabled": true,
        "description": "",
        "links": {"self": format!("{base}/domains/{}", config.domain_id)},
    });
    Ok(Reply::json(200, &json!({"domains": [domain], "links": {"self": format!("{base}/auth/domains")}})))
}

/// An error of a `v3.0` call, in the envelope the switch says.
fn refuse(call: &Call<'_>, status: u16, code: &str, text: &str) -> Reply {
    match call.switches().iam_error {
        IamError::Keystone => error::iam(status, text),
        IamError::Nested => error::ecs(status, code, text),
        IamError::Flat => error::modelarts(status, code, text),
    }
}

/// Seconds a temporary key is wanted for, if they are allowed.
fn duration(given: &Value) -> Option<Duration> {
    let seconds = if given.is_null() { 900 } else { given.as_u64()? };
    (900..=86_400).contains(&seconds).then(|| Duration::from_secs(seconds))
}

/// `CreateTemporaryAccessKeyByAgency`, and the same by token.
pub(crate) fn create_temporary_key(call: &mut Call<'_>) -> Answer {
    let identity = call.body["auth"]["identity"].clone();
    let options = match identity["methods"][0].as_str() {
        Some("assume_role") => {
            let role = &identity["assume_role"];
            agency(call, role).map_err(|text| refuse(call, 403, "IAM.0002", text))?;
            role
        }
        Some("token") => {
            let id = identity["token"]["id"].as_str().or_else(|| call.request.header("x-auth-token"));
            auth::by_token(call.state, id.unwrap_or_default())
                .map_err(|_| refuse(call, 401, "IAM.0001", "The token is invalid."))?;
            &identity["token"]
        }
        _ => return Err(refuse(call, 400, "IAM.0011", "The request body is invalid.")),
    };
    let lifetime = duration(&options["duration_seconds"]);
    let lifetime = lifetime.ok_or_else(|| refuse(call, 400, "IAM.0011", "duration_seconds must be 900 to 86400."))?;
    let key = issue_key(call, lifetime);
    let expires_at = stamp(call.state.clock.at(key.expires), MICROSECONDS_Z);
    let credential = json!({
        "access": key.access_key, "secret": key.secret_key, "securitytoken": key.security_token, "expires_at": expires_at,
    });
    Ok(Reply::json(201, &json!({"credential": credential})))
}

/// Makes a temporary key that signs from now on.
pub(crate) fn issue_key(call: &mut Call<'_>, lifetime: Duration) -> IssuedKey {
    let key = IssuedKey {
        access_key: format!("HST{}", call.state.hex_id().to_uppercase().get(..17).unwrap_or_default()),
        secret_key: call.state.hex_id(),
        security_token: format!("gQpjbi1{}", call.state.hex_id()),
        expires: call.state.clock.now() + lifetime,
    };
    call.state.huaweicloud.credentials.keys.push(key.clone());
    key
}

/// STS v5: the agency is named by its urn, `iam::<domain id>:agency:<name>`.
pub(crate) fn assume_agency(call: &mut Call<'_>) -> Answer {
    let config = &call.state.config.huaweicloud;
    let urn = call.body["agency_urn"].as_str().unwrap_or_default();
    let name = urn.strip_prefix(&format!("iam::{}:agency:", config.domain_id));
    if call.body["agency_session_name"].as_str().is_none_or(str::is_empty) {
        return Err(error::modelarts(400, "STS.0001", "agency_session_name is required."));
    }
    if name.is_none_or(|name| !config.agencies.iter().any(|agency| agency == name)) {
        return Err(error::modelarts(403, "STS.0002", "The agency cannot be assumed."));
    }
    let lifetime = duration(&call.body["duration_seconds"]);
    let lifetime =
        lifetime.ok_or_else(|| error::modelarts(400, "STS.0001", "duration_seconds must be 900 to 86400."))?;
    let key = issue_key(call, lifetime);
    let expiry_key = match call.switches().sts_expiry_key {
        StsExpiryKey::Expiration => "expiration",
        StsExpiryKey::ExpiresAt => "expires_at",
    };
    let credentials = json!({
        "access_key_id": key.access_key,
        "secret_access_key": key.secret_key,
        "security_token": key.security_token,
        expiry_key: stamp(call.state.clock.at(key.expires), MICROSECONDS_Z),
    });
    Ok(Reply::json(200, &json!({"credentials": credentials})))
}

/// STS v5: whose credentials these are.
pub(crate) fn caller_identity(call: &mut Call<'_>) -> Answer {
    let config = &call.state.config.huaweicloud;
    let user = config.users.first().map_or("", |user| user.name.as_str());
    let urn = format!("iam::{}:user:{user}", config.domain_id);
    Ok(Reply::json(200, &json!({"account_id": config.domain_id, "principal_urn": urn, "principal_id": user})))
}
