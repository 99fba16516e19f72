//! Short words for writing schemas.

use std::collections::HashMap;

use tf_provider::schema::{Attribute, AttributeConstraint, AttributeType, Block, Description, Schema};

/// A schema of version 0 whose root block has these attributes.
pub(crate) fn schema<const N: usize>(description: &str, attributes: [(&str, Attribute); N]) -> Schema {
    Schema {
        version: 0,
        block: Block {
            version: 0,
            attributes: named(attributes),
            blocks: HashMap::new(),
            description: Description::markdown(description),
            deprecated: false,
        },
    }
}

/// An attribute that must be given.
pub(crate) fn required(attr_type: AttributeType, description: &str) -> Attribute {
    attribute(attr_type, AttributeConstraint::Required, description)
}

/// An attribute that may be given.
pub(crate) fn optional(attr_type: AttributeType, description: &str) -> Attribute {
    attribute(attr_type, AttributeConstraint::Optional, description)
}

/// An attribute that may be given and is filled in otherwise.
pub(crate) fn optional_computed(attr_type: AttributeType, description: &str) -> Attribute {
    attribute(attr_type, AttributeConstraint::OptionalComputed, description)
}

/// An attribute that the cloud gives.
pub(crate) fn computed(attr_type: AttributeType, description: &str) -> Attribute {
    attribute(attr_type, AttributeConstraint::Computed, description)
}

/// The same attribute, never shown.
pub(crate) fn sensitive(attribute: Attribute) -> Attribute {
    Attribute { sensitive: true, ..attribute }
}

/// A nested attribute: an object with attributes of its own.
pub(crate) fn object<const N: usize>(attributes: [(&str, Attribute); N]) -> AttributeType {
    AttributeType::AttributeSingle(named(attributes))
}

/// A list of nested objects.
pub(crate) fn list<const N: usize>(attributes: [(&str, Attribute); N]) -> AttributeType {
    AttributeType::AttributeList(named(attributes))
}

fn attribute(attr_type: AttributeType, constraint: AttributeConstraint, description: &str) -> Attribute {
    Attribute {
        attr_type,
        description: Description::markdown(description),
        constraint,
        sensitive: false,
        deprecated: false,
    }
}

fn named<const N: usize>(attributes: [(&str, Attribute); N]) -> HashMap<String, Attribute> {
    attributes.into_iter().map(|(name, attribute)| (name.to_owned(), attribute)).collect()
}
