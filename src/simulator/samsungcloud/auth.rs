//! Who is calling: the checks before any service sees a request.

use super::error::Refusal;
use super::signature::{self, Rejection, Rules};
use crate::simulator::message::Request;
use crate::simulator::store::State;

/// What a route asks of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Nothing.
    Open,
    /// A signature; a version would mean nothing.
    Signed,
    /// A signature and a version that is served.
    Versioned,
}

/// Whether a request has anything that could tell who sent it. Without, the gateway knows no route at all.
pub(crate) fn is_anonymous(request: &Request) -> bool {
    ["scp-accesskey", "scp-signature", "scp-timestamp"].iter().all(|name| request.header(name).is_none())
}

/// Checks the signature.
pub(crate) fn admit(state: &State, request: &Request) -> Result<(), Refusal> {
    let config = &state.config.samsungcloud;
    let given = request.header("scp-accesskey").unwrap_or_default();
    let key = config.access_keys.iter().find(|key| key.access_key == given);
    let key = key.ok_or(Refusal::Unauthorized("The access key is not valid."))?;
    let now = state.clock.wall().unix_timestamp_nanos() / 1_000_000;
    let rules = Rules {
        scheme: &config.scheme,
        window: config.signature_window,
        account: config.switches.account_in_signature,
    };
    signature::verify(request, key.secret_key.expose(), now, rules).map_err(|rejection| {
        Refusal::Unauthorized(match rejection {
            Rejection::Incomplete => "An authentication header is missing or not valid.",
            Rejection::Expired => "The timestamp is not valid or too far from the present time.",
            Rejection::Mismatch => "The signature does not match.",
        })
    })
}
