//! Values: from Terraform's encoding to the provider's types and back.
//!
//! In between lies [`Untyped`], because the encoding and serde disagree in three places: an unknown value is a MessagePack
//! extension of any code; a number that is neither a 64-bit integer nor exactly a double travels as text (`0.1` does);
//! and a state after apply may hold no unknown value at all.

use std::collections::HashMap;

use serde::{Serialize, de::DeserializeOwned};
use tf_provider::{
    AttributePath,
    schema::{Attribute, AttributeType, Block, NestedBlock},
};

use super::{untyped::Untyped, wire::DynamicValue};

/// A value that does not fit the provider's type.
#[derive(Debug)]
pub(super) struct Mismatch {
    /// The attribute at fault, as far as it can be told.
    pub(super) path: AttributePath,
    /// What the decoder says; it may quote nothing of the value.
    pub(super) reason: &'static str,
}

/// The encoding of "nothing there".
pub(super) fn null() -> DynamicValue {
    DynamicValue { msgpack: vec![0xc0], json: Vec::new() }
}

/// Reads a value of `block`'s shape; `None` is null.
pub(super) fn decode<T: DeserializeOwned>(value: Option<&DynamicValue>, block: &Block) -> Result<Option<T>, Mismatch> {
    let unreadable = || Mismatch { path: AttributePath::root(), reason: "the encoding cannot be read" };
    let mut untyped: Untyped = match value {
        Some(value) if !value.msgpack.is_empty() => rmp_serde::from_slice(&value.msgpack).map_err(|_| unreadable())?,
        Some(value) if !value.json.is_empty() => serde_json::from_slice(&value.json).map_err(|_| unreadable())?,
        _ => Untyped::Null,
    };
    if untyped == Untyped::Null {
        return Ok(None);
    }
    read_numbers_of_block(&mut untyped, block);
    typed(&untyped).map(Some).ok_or_else(|| Mismatch {
        path: culprit::<T>(&untyped),
        reason: "the value does not have the expected form (a whole number must not have a fraction nor exceed 64 bits)",
    })
}

/// Writes a value that may hold unknowns: a plan.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<DynamicValue, rmp_serde::encode::Error> {
    let mut untyped = untyped(value)?;
    untyped.write_numbers();
    encoded(&untyped)
}

/// Writes a value that must hold no unknown: a state. One left over becomes null, and its path is in the answer.
pub(super) fn encode_known<T: Serialize>(value: &T) -> Result<(DynamicValue, Vec<String>), rmp_serde::encode::Error> {
    let mut untyped = untyped(value)?;
    untyped.write_numbers();
    let mut replaced = Vec::new();
    untyped.replace_unknown("", &mut replaced);
    Ok((encoded(&untyped)?, replaced))
}

fn untyped<T: Serialize>(value: &T) -> Result<Untyped, rmp_serde::encode::Error> {
    let bytes = rmp_serde::to_vec_named(value)?;
    rmp_serde::from_slice(&bytes).map_err(serde::ser::Error::custom)
}

fn encoded(untyped: &Untyped) -> Result<DynamicValue, rmp_serde::encode::Error> {
    Ok(DynamicValue { msgpack: rmp_serde::to_vec_named(untyped)?, json: Vec::new() })
}

fn typed<T: DeserializeOwned>(untyped: &Untyped) -> Option<T> {
    let bytes = rmp_serde::to_vec_named(untyped).ok()?;
    rmp_serde::from_slice(&bytes).ok()
}

/// The attribute without which the value can be read. An untagged enum's error names no field, so this tries them; it
/// runs only after a failure.
fn culprit<T: DeserializeOwned>(root: &Untyped) -> AttributePath {
    let mut trail: Vec<String> = Vec::new();
    loop {
        let mut probe = root.clone();
        let Some(Untyped::Map(here)) = probe.at(&trail) else { break };
        let names: Vec<_> = here.iter().map(|(name, _)| name.clone()).collect();
        let found = names.into_iter().find(|name| {
            let mut probe = root.clone();
            let without: Vec<_> = trail.iter().chain([name]).cloned().collect();
            if let Some(value) = probe.at(&without) {
                *value = Untyped::Null;
            }
            typed::<T>(&probe).is_some()
        });
        match found {
            Some(name) => trail.push(name),
            None => break,
        }
    }
    trail.into_iter().fold(AttributePath::root(), AttributePath::attribute)
}

fn read_numbers_of_block(value: &mut Untyped, block: &Block) {
    read_numbers_of_attributes(value, &block.attributes);
    let Untyped::Map(entries) = value else { return };
    for (name, nested) in entries {
        match block.blocks.get(name) {
            Some(NestedBlock::Single(inner) | NestedBlock::Group(inner)) => read_numbers_of_block(nested, inner),
            Some(
                NestedBlock::List(inner)
                | NestedBlock::Set(inner)
                | NestedBlock::Map(inner)
                | NestedBlock::Optional(inner),
            ) => nested.each(|element| read_numbers_of_block(element, inner)),
            None => {}
        }
    }
}

fn read_numbers_of_attributes(value: &mut Untyped, attributes: &HashMap<String, Attribute>) {
    let Untyped::Map(entries) = value else { return };
    for (name, value) in entries {
        if let Some(attribute) = attributes.get(name) {
            read_numbers(value, &attribute.attr_type);
        }
    }
}

/// Turns numbers written as text into numbers, wherever the schema says "number".
fn read_numbers(value: &mut Untyped, declared: &AttributeType) {
    match declared {
        AttributeType::Number => {
            if let Untyped::Text(text) = value
                && let Some(number) = number(text)
            {
                *value = number;
            }
        }
        AttributeType::List(inner) | AttributeType::Set(inner) | AttributeType::Map(inner) => {
            value.each(|element| read_numbers(element, inner));
        }
        AttributeType::Object(fields) => {
            let Untyped::Map(entries) = value else { return };
            for (name, value) in entries {
                if let Some(field) = fields.get(name) {
                    read_numbers(value, field);
                }
            }
        }
        AttributeType::Tuple(types) => {
            if let Untyped::List(items) = value {
                items.iter_mut().zip(types).for_each(|(item, declared)| read_numbers(item, declared));
            }
        }
        AttributeType::AttributeSingle(inner) => read_numbers_of_attributes(value, inner),
        AttributeType::AttributeList(inner)
        | AttributeType::AttributeSet(inner)
        | AttributeType::AttributeMap(inner) => {
            value.each(|element| read_numbers_of_attributes(element, inner));
        }
        AttributeType::String | AttributeType::Bool | AttributeType::Any => {}
    }
}

fn number(text: &str) -> Option<Untyped> {
    let integer = text.parse().map(Untyped::Integer);
    integer.or_else(|_| text.parse().map(Untyped::Unsigned)).ok().or_else(|| text.parse().map(Untyped::Float).ok())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fmt};

    use proptest::prelude::*;
    use serde::Deserialize;
    use tf_provider::value::{Value, ValueList, ValueMap, ValueNumber, ValueString};

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Shared {
        id: ValueString<'static>,
        size: ValueNumber,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct State {
        #[serde(flatten)]
        shared: Shared,
        rate: Value<f64>,
        flag: Value<bool>,
        names: ValueList<ValueString<'static>>,
        limits: ValueMap<'static, ValueNumber>,
        nested: Value<Nested>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Nested {
        count: ValueNumber,
    }

    fn attribute(attr_type: AttributeType) -> Attribute {
        Attribute { attr_type, ..Attribute::default() }
    }

    fn block() -> Block {
        let nested = HashMap::from([("count".to_owned(), attribute(AttributeType::Number))]);
        let types = [
            ("id", AttributeType::String),
            ("size", AttributeType::Number),
            ("rate", AttributeType::Number),
            ("flag", AttributeType::Bool),
            ("names", AttributeType::List(Box::new(AttributeType::String))),
            ("limits", AttributeType::Map(Box::new(AttributeType::Number))),
            ("nested", AttributeType::AttributeSingle(nested)),
        ];
        let attributes = types.into_iter().map(|(name, attr_type)| (name.to_owned(), attribute(attr_type))).collect();
        Block { attributes, ..Block::default() }
    }

    fn value<T: Clone + fmt::Debug + 'static>(known: impl Strategy<Value = T> + 'static) -> BoxedStrategy<Value<T>> {
        prop_oneof![2 => known.prop_map(Value::Value), 1 => Just(Value::Null), 1 => Just(Value::Unknown)].boxed()
    }

    fn text() -> BoxedStrategy<ValueString<'static>> {
        value(".{0,12}".prop_map(Into::into))
    }

    prop_compose! {
        fn state()(
            id in text(),
            size in value(any::<i64>()),
            rate in value(prop::num::f64::NORMAL | prop::num::f64::ZERO),
            flag in value(any::<bool>()),
            names in value(prop::collection::vec(text(), 0..4)),
            limits in value(prop::collection::btree_map(".{1,6}".prop_map(Into::into), value(any::<i64>()), 0..4)),
            nested in value(value(any::<i64>()).prop_map(|count| Nested { count })),
        ) -> State {
            State { shared: Shared { id, size }, rate, flag, names, limits, nested }
        }
    }

    proptest! {
        #[test]
        fn every_state_comes_back_as_it_was_sent(state in state()) {
            let sent = encode(&state).unwrap();
            prop_assert_eq!(decode::<State>(Some(&sent), &block()).unwrap(), Some(state));
        }

        #[test]
        fn a_known_encoding_holds_no_unknown_and_names_each_one_it_replaced(state in state()) {
            let (sent, replaced) = encode_known(&state).unwrap();
            let plain: Untyped = rmp_serde::from_slice(&sent.msgpack).unwrap();
            let printed = format!("{plain:?}");
            prop_assert!(!printed.contains("Unknown"));
            let unknown = format!("{:?}", untyped(&state).unwrap()).matches("Unknown").count();
            prop_assert_eq!(replaced.len(), unknown);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(msgpack in prop::collection::vec(any::<u8>(), 0..64)) {
            let value = DynamicValue { msgpack, json: Vec::new() };
            let _ = decode::<State>(Some(&value), &block());
        }
    }

    fn map(entries: &[(&str, &[u8])]) -> DynamicValue {
        let mut msgpack = vec![0x80 | u8::try_from(entries.len()).unwrap()];
        for (name, bytes) in entries {
            msgpack.push(0xa0 | u8::try_from(name.len()).unwrap());
            msgpack.extend(name.bytes());
            msgpack.extend(*bytes);
        }
        DynamicValue { msgpack, json: Vec::new() }
    }

    fn number_block() -> Block {
        let attributes = ["one", "two"].map(|name| (name.to_owned(), attribute(AttributeType::Number)));
        Block { attributes: attributes.into(), ..Block::default() }
    }

    #[test]
    fn an_extension_of_any_code_and_length_is_unknown() {
        let refined = [0xc7, 4, 12, 0x81, 1, 0xc2, 0xc0];
        for encoded in [&[0xd4, 0, 0][..], &[0xc7, 0, 0], &[0xd5, 99, 1, 2], &refined] {
            let sent = map(&[("one", encoded), ("two", &[0xd4, 0, 0])]);
            let state: BTreeMap<String, ValueNumber> = decode(Some(&sent), &number_block()).unwrap().unwrap();
            assert!(state.values().all(Value::is_unknown), "{encoded:x?}: {state:?}");
        }
    }

    #[test]
    fn an_unknown_is_written_as_terraform_writes_it() {
        let sent = encode(&BTreeMap::from([("one", ValueNumber::Unknown)])).unwrap();
        assert_eq!(sent, map(&[("one", &[0xd4, 0, 0])]));
    }

    #[test]
    fn a_number_written_as_text_is_a_number() {
        let sent = map(&[("one", b"\xa30.1"), ("two", b"\xa1\x37")]);
        let state: BTreeMap<String, Value<f64>> = decode(Some(&sent), &number_block()).unwrap().unwrap();
        assert_eq!(state["one"], Value::Value(0.1));
        assert_eq!(state["two"], Value::Value(7.0));
    }

    #[test]
    fn a_fraction_is_written_in_decimal() {
        let sent = encode(&BTreeMap::from([("one", Value::Value(0.1))])).unwrap();
        assert_eq!(sent, map(&[("one", b"\xa30.1")]));
    }

    #[test]
    fn null_in_every_form_is_no_value() {
        let json = DynamicValue { msgpack: Vec::new(), json: b"null".to_vec() };
        for absent in [None, Some(&null()), Some(&json), Some(&DynamicValue::default())] {
            assert!(decode::<State>(absent, &block()).unwrap().is_none());
        }
    }

    #[test]
    fn json_is_read_where_there_is_no_msgpack() {
        let sent = DynamicValue { msgpack: Vec::new(), json: br#"{"one": 3, "two": null}"#.to_vec() };
        let state: BTreeMap<String, ValueNumber> = decode(Some(&sent), &number_block()).unwrap().unwrap();
        assert_eq!(state["one"], Value::Value(3));
        assert!(state["two"].is_null());
    }

    #[test]
    fn a_value_that_does_not_fit_is_blamed_on_its_attribute() {
        let json = |text: &str| DynamicValue { msgpack: Vec::new(), json: text.as_bytes().to_vec() };
        let rest = r#""id":null,"rate":null,"flag":null,"names":null,"limits":null"#;
        let whole = json(&format!(r#"{{"size":1.5,"nested":null,{rest}}}"#));
        let inner = json(&format!(r#"{{"size":1,"nested":{{"count":"x"}},{rest}}}"#));
        let blamed = |value| decode::<State>(Some(&value), &block()).unwrap_err().path.to_string();
        assert_eq!(blamed(whole), "size");
        assert_eq!(blamed(inner), "nested.count");
    }
}
