//! Any value that Terraform can encode, before or after it has a type.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
    ser::SerializeMap,
};

/// Anything that Terraform can encode.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Untyped {
    Null,
    Unknown,
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    /// Only inside a value of dynamic type.
    Bytes(Vec<u8>),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Untyped {
    /// The value behind a trail of attribute names.
    pub(super) fn at(&mut self, trail: &[String]) -> Option<&mut Self> {
        let Some((first, rest)) = trail.split_first() else { return Some(self) };
        let Self::Map(entries) = self else { return None };
        entries.iter_mut().find(|(name, _)| name == first)?.1.at(rest)
    }

    /// A fraction is written in decimal: Terraform reads it with more digits than a double has, and so gets back the very
    /// number that the configuration says.
    pub(super) fn write_numbers(&mut self) {
        match self {
            Self::Float(number) if number.is_finite() => *self = Self::Text(number.to_string()),
            Self::List(items) => items.iter_mut().for_each(Self::write_numbers),
            Self::Map(entries) => entries.iter_mut().for_each(|(_, value)| value.write_numbers()),
            _ => {}
        }
    }

    pub(super) fn replace_unknown(&mut self, path: &str, replaced: &mut Vec<String>) {
        match self {
            Self::Unknown => {
                replaced.push(path.to_owned());
                *self = Self::Null;
            }
            Self::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    item.replace_unknown(&format!("{path}[{index}]"), replaced);
                }
            }
            Self::Map(entries) => {
                for (name, value) in entries {
                    let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    value.replace_unknown(&below, replaced);
                }
            }
            _ => {}
        }
    }

    pub(super) fn each(&mut self, visit: impl FnMut(&mut Self)) {
        match self {
            Self::List(items) => items.iter_mut().for_each(visit),
            Self::Map(entries) => entries.iter_mut().map(|(_, value)| value).for_each(visit),
            _ => {}
        }
    }
}

impl Serialize for Untyped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            // The name makes rmp-serde write an extension; Terraform ignores the payload.
            Self::Unknown => serializer.serialize_newtype_struct("_ExtStruct", &(0_i8, Payload(&[0]))),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (name, value) in entries {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

struct Payload<'a>(&'a [u8]);

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for Untyped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UntypedVisitor)
    }
}

struct UntypedVisitor;

impl<'de> Visitor<'de> for UntypedVisitor {
    type Value = Untyped;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a Terraform value")
    }

    fn visit_unit<E>(self) -> Result<Untyped, E> {
        Ok(Untyped::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Untyped, E> {
        Ok(Untyped::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Untyped, E> {
        Ok(Untyped::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Untyped, E> {
        Ok(i64::try_from(value).map_or(Untyped::Unsigned(value), Untyped::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Untyped, E> {
        Ok(Untyped::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Untyped, E> {
        Ok(Untyped::Text(value.to_owned()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Untyped, E> {
        Ok(Untyped::Bytes(value.to_owned()))
    }

    /// An extension, of whatever code: code 0 is a plain unknown value, 12 one with refinements.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Untyped, D::Error> {
        <(i8, IgnoredAny)>::deserialize(deserializer)?;
        Ok(Untyped::Unknown)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Untyped, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Untyped::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Untyped, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Untyped::Map(entries))
    }
}
