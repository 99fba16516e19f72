//! Reading values whose type differs between the vendor's pages, SDKs and answers.
//!
//! One field may be a boolean here and a text there, a number or a text, null or missing. What cannot be made sense of
//! counts as not told; what is needed and not there is an error of the whole answer.

use std::collections::BTreeMap;

use serde::{Deserialize as _, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// A boolean, whether written as one, as text or as a number.
pub(in crate::huaweicloud) fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(value) => Some(value),
        Value::String(text) if text.eq_ignore_ascii_case("true") || text == "1" => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") || text == "0" => Some(false),
        Value::Number(number) => number.as_i64().map(|number| number != 0),
        _ => None,
    })
}

/// A whole number, whether written as one or as text.
pub(in crate::huaweicloud) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// A text without blanks around it; null and an empty text are none.
pub(in crate::huaweicloud) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// A list; null is an empty one.
pub(in crate::huaweicloud) fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A map of texts; other values as JSON, null as an empty text.
pub(in crate::huaweicloud) fn texts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let map: BTreeMap<String, Value> = Option::deserialize(deserializer)?.unwrap_or_default();
    let text = |value| match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        value => value.to_string(),
    };
    Ok(map.into_iter().map(|(key, value)| (key, text(value))).collect())
}
