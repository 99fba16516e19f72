//! HMAC-SHA256, with which both clouds' requests are signed.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The code of a text, to be written out or, in constant time, compared.
pub(crate) fn mac(secret_key: &str, text: &str) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length; there is no error to handle")]
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret_key.as_bytes()).expect("a key of any length");
    mac.update(text.as_bytes());
    mac
}
