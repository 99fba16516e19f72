//! The metadata service a server asks about itself: a temporary key of the agency bound to it.

use std::time::Duration;

use serde_json::json;

use super::switches::Metadata;
use super::{Answer, Call, error, iam};
use crate::simulator::clock::{MICROSECONDS_Z, stamp};
use crate::simulator::message::Reply;

/// Version 2's token.
pub(crate) fn create_token(call: &mut Call<'_>) -> Answer {
    if call.switches().metadata == Metadata::OnlyV1 {
        return Err(Reply::text(404, "text/html", "404 Not Found"));
    }
    let seconds = call.request.header("x-metadata-token-ttl-seconds").and_then(|ttl| ttl.parse::<u64>().ok());
    let Some(seconds) = seconds.filter(|seconds| (1..=21_600).contains(seconds)) else {
        return Err(Reply::text(400, "text/plain", "Bad Request"));
    };
    let token = call.state.hex_id();
    let expires = call.state.clock.now() + Duration::from_secs(seconds);
    call.state.huaweicloud.credentials.metadata_tokens.push((token.clone(), expires));
    Ok(Reply::text(200, "text/plain", token))
}

/// A given token must be right and not have expired; none will do unless only version 2 is spoken.
fn check_token(call: &Call<'_>) -> Result<(), Reply> {
    let tokens = &call.state.huaweicloud.credentials.metadata_tokens;
    let is_welcome = match call.request.header("x-metadata-token") {
        Some(token) => tokens.iter().any(|(known, expires)| known == token && *expires > call.state.clock.now()),
        None => call.switches().metadata != Metadata::OnlyV2,
    };
    if is_welcome { Ok(()) } else { Err(Reply::text(401, "text/plain", "Unauthorized")) }
}

/// A temporary key.
pub(crate) fn security_key(call: &mut Call<'_>) -> Answer {
    check_token(call)?;
    if call.state.config.huaweicloud.metadata_agency.is_none() {
        return Err(error::iam(401, "Please configure Cloud Service Agency first"));
    }
    let key = iam::issue_key(call, Duration::from_secs(3600));
    let credential = json!({
        "access": key.access_key,
        "secret": key.secret_key,
        "securitytoken": key.security_token,
        "expires_at": stamp(call.state.clock.at(key.expires), MICROSECONDS_Z),
    });
    Ok(Reply::json(200, &json!({"credential": credential})))
}

/// Where the server is.
pub(crate) fn meta_data(call: &mut Call<'_>) -> Answer {
    check_token(call)?;
    let config = &call.state.config.huaweicloud;
    let server = call.world().servers.first();
    let body = json!({
        "uuid": server.map(|server| &server.id),
        "name": server.map(|server| &server.name),
        "availability_zone": server.map(|server| &server.availability_zone),
        "region_id": config.regions.first().map(|region| &region.name),
        "project_id": config.regions.first().map(|region| &region.project_id),
    });
    Ok(Reply::json(200, &body))
}
