//! Who is calling: signatures and tokens, checked the way the gateway does before any service sees the request.

use std::collections::HashMap;
use std::time::Duration;

use super::error;
use super::signature::{self, Authorization, Rejection};
use super::switches::WrongProject;
use crate::simulator::clock::{MICROSECONDS_Z, stamp};
use crate::simulator::message::{Reply, Request};
use crate::simulator::store::State;

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Nothing; the handler may.
    Open,
    /// A valid signature or token.
    Account,
    /// The same, for the project in the path.
    Project,
}

/// Who is calling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The only project a token is good for.
    pub(crate) project_id: Option<String>,
}

/// A token that IAM gave.
#[derive(Clone)]
pub(crate) struct IssuedToken {
    pub(crate) token: String,
    pub(crate) project_id: Option<String>,
    pub(crate) expires: Duration,
}

/// A temporary key that IAM, STS or the metadata service gave.
#[derive(Clone)]
pub(crate) struct IssuedKey {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) security_token: String,
    pub(crate) expires: Duration,
}

/// Credentials that did not come from the configuration, and the failures of all.
#[derive(Default)]
pub(crate) struct Issued {
    pub(crate) tokens: Vec<IssuedToken>,
    pub(crate) keys: Vec<IssuedKey>,
    /// Those of the metadata service, and when they expire.
    pub(crate) metadata_tokens: Vec<(String, Duration)>,
    /// Wrong signatures in a row by access key, and until when the key is locked.
    failures: HashMap<String, (u32, Duration)>,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tokens and {} keys", self.tokens.len(), self.keys.len())
    }
}

/// Lets a request in, or gives the reply that keeps it out.
pub(crate) fn admit(
    state: &mut State,
    request: &Request,
    guard: Guard,
    service: &str,
    project_id: Option<&str>,
    request_id: &str,
) -> Result<(), Reply> {
    if guard == Guard::Open {
        return Ok(());
    }
    let caller = if let Some(token) = request.header("x-auth-token") {
        by_token(state, token).map_err(|reason| error::unauthenticated(&reason, request_id))?
    } else if let Some(header) = request.header("authorization") {
        by_signature(state, request, header).map_err(|reason| error::unauthenticated(&reason, request_id))?
    } else {
        return Err(error::unauthenticated("x-auth-token not found", request_id));
    };
    if let Some(wanted) = project_id {
        let is_foreign = caller.project_id.as_ref().is_some_and(|own| own != wanted);
        let is_unknown = state.config.huaweicloud.region_of(wanted).is_none();
        if guard == Guard::Project && (is_foreign || is_unknown) {
            return Err(wrong_project(state, service));
        }
    }
    Ok(())
}

/// A token, from the configuration or issued here.
pub(crate) fn by_token(state: &State, token: &str) -> Result<Caller, String> {
    if let Some(known) = state.config.huaweicloud.tokens.iter().find(|known| known.token.expose() == token) {
        return Ok(Caller { project_id: known.project_id.clone() });
    }
    let issued = state.huaweicloud.credentials.tokens.iter().find(|issued| issued.token == token);
    match issued {
        None => Err("decrypt token fail".to_owned()),
        Some(issued) if issued.expires <= state.clock.now() => {
            Err(format!("token expires, expires_at:{}", stamp(state.clock.at(issued.expires), MICROSECONDS_Z)))
        }
        Some(issued) => Ok(Caller { project_id: issued.project_id.clone() }),
    }
}

fn by_signature(state: &mut State, request: &Request, header: &str) -> Result<Caller, String> {
    const WRONG: &str = "verify aksk signature fail";
    let authorization = Authorization::parse(header).ok_or_else(|| WRONG.to_owned())?;
    let now = state.clock.now();
    let failures = &state.huaweicloud.credentials.failures;
    if failures.get(&authorization.access_key).is_some_and(|(_, locked_until)| *locked_until > now) {
        return Err("AK access failed to reach the limit,forbidden".to_owned());
    }
    let secret = secret_key(state, &authorization.access_key, request.header("x-security-token"))?;
    match signature::verify(request, &authorization, &secret, state.clock.wall()) {
        Ok(()) => {
            state.huaweicloud.credentials.failures.remove(&authorization.access_key);
            Ok(Caller::default())
        }
        Err(Rejection::Expired) => Err("signature expired".to_owned()),
        Err(Rejection::Mismatch { canonical_request }) => {
            let limit = state.config.huaweicloud.lock_after_bad_signatures;
            let (count, locked_until) =
                state.huaweicloud.credentials.failures.entry(authorization.access_key).or_default();
            *count += 1;
            if limit.is_some_and(|limit| *count > limit) {
                (*count, *locked_until) = (0, now + super::KEY_LOCK);
            }
            Err(format!("{WRONG}, canonicalRequest:{}", canonical_request.replace('\n', "|")))
        }
    }
}

/// The secret of an access key, if the session token that came along is the right one.
fn secret_key(state: &State, access_key: &str, session: Option<&str>) -> Result<String, String> {
    let unknown = || "Get secretKey failed".to_owned();
    let config = &state.config.huaweicloud;
    if let Some(known) = config.access_keys.iter().find(|known| known.access_key == access_key) {
        let wanted = known.security_token.as_ref().map(|token| token.expose());
        let fits = wanted == session;
        return if fits { Ok(known.secret_key.expose().to_owned()) } else { Err(unknown()) };
    }
    let keys = &state.huaweicloud.credentials.keys;
    let issued = keys.iter().find(|key| key.access_key == access_key).ok_or_else(unknown)?;
    if session != Some(&issued.security_token) {
        return Err(unknown());
    }
    if issued.expires <= state.clock.now() {
        return Err(format!("token expires, expires_at:{}", stamp(state.clock.at(issued.expires), MICROSECONDS_Z)));
    }
    Ok(issued.secret_key.clone())
}

fn wrong_project(state: &State, service: &str) -> Reply {
    match service {
        "ecs" => match state.config.huaweicloud.switches.wrong_project {
            WrongProject::Ecs0023 => {
                error::ecs(400, "Ecs.0023", "project_id in token mismatches with project_id in url.")
            }
            WrongProject::Common0018 => {
                error::ecs(400, "Common.0018", "The project ID in the URL is different from that in the token.")
            }
        },
        "evs" => error::evs(400, "EVS.0001", "invalid tenant id!"),
        _ => error::modelarts(403, "ModelArts.6407", "No permission for the project."),
    }
}
