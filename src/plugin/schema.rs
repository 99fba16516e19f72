//! Schemas on the wire: `tf_provider`'s schema turned into the protocol's, always in the same order.

use std::collections::HashMap;

use tf_provider::schema::{
    Attribute, AttributeConstraint, AttributeType, Block, Description, NestedBlock, Schema, StringKind,
};

use super::wire;

pub(super) fn to_wire(schema: &Schema) -> wire::Schema {
    wire::Schema { version: schema.version, block: Some(block(&schema.block)) }
}

fn block(block: &Block) -> wire::Block {
    let mut block_types: Vec<_> = block.blocks.iter().map(|(name, nested)| nested_block(name, nested)).collect();
    block_types.sort_by(|one, other| one.type_name.cmp(&other.type_name));
    wire::Block {
        version: block.version,
        attributes: attributes(&block.attributes),
        block_types,
        description: block.description.content.clone(),
        description_kind: description_kind(&block.description),
        deprecated: block.deprecated,
    }
}

fn nested_block(name: &str, nested: &NestedBlock) -> wire::NestedBlock {
    // A maximum of zero means "no maximum".
    let (nesting, inner, min_items, max_items) = match nested {
        NestedBlock::Single(inner) => (wire::Nesting::Single, inner, 1, 1),
        NestedBlock::List(inner) => (wire::Nesting::List, inner, 0, 0),
        NestedBlock::Set(inner) => (wire::Nesting::Set, inner, 0, 0),
        NestedBlock::Map(inner) => (wire::Nesting::Map, inner, 0, 0),
        NestedBlock::Group(inner) => (wire::Nesting::Group, inner, 0, 0),
        NestedBlock::Optional(inner) => (wire::Nesting::List, inner, 0, 1),
    };
    wire::NestedBlock {
        type_name: name.to_owned(),
        block: Some(block(inner)),
        nesting: nesting.into(),
        min_items,
        max_items,
    }
}

fn attributes(attributes: &HashMap<String, Attribute>) -> Vec<wire::Attribute> {
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    sorted.into_iter().map(|(name, declared)| attribute(name, declared)).collect()
}

fn attribute(name: &str, declared: &Attribute) -> wire::Attribute {
    let constraint = &declared.constraint;
    let nested_type = nested_type(&declared.attr_type);
    wire::Attribute {
        name: name.to_owned(),
        // Terraform rejects an attribute that has both.
        r#type: if nested_type.is_none() { declared.attr_type.to_string().into_bytes() } else { Vec::new() },
        description: declared.description.content.clone(),
        required: *constraint == AttributeConstraint::Required,
        optional: matches!(constraint, AttributeConstraint::Optional | AttributeConstraint::OptionalComputed),
        computed: matches!(constraint, AttributeConstraint::Computed | AttributeConstraint::OptionalComputed),
        sensitive: declared.sensitive,
        description_kind: description_kind(&declared.description),
        deprecated: declared.deprecated,
        nested_type,
    }
}

fn nested_type(declared: &AttributeType) -> Option<wire::Object> {
    let (nesting, inner) = match declared {
        AttributeType::AttributeSingle(inner) => (wire::Nesting::Single, inner),
        AttributeType::AttributeList(inner) => (wire::Nesting::List, inner),
        AttributeType::AttributeSet(inner) => (wire::Nesting::Set, inner),
        AttributeType::AttributeMap(inner) => (wire::Nesting::Map, inner),
        AttributeType::String
        | AttributeType::Number
        | AttributeType::Bool
        | AttributeType::List(_)
        | AttributeType::Set(_)
        | AttributeType::Map(_)
        | AttributeType::Object(_)
        | AttributeType::Tuple(_)
        | AttributeType::Any => return None,
    };
    Some(wire::Object { attributes: attributes(inner), nesting: nesting.into() })
}

fn description_kind(description: &Description) -> i32 {
    match description.kind {
        StringKind::Plain => wire::StringKind::Plain.into(),
        StringKind::Markdown => wire::StringKind::Markdown.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(attr_type: AttributeType, constraint: AttributeConstraint) -> Attribute {
        Attribute { attr_type, constraint, description: Description::markdown("**why**"), ..Attribute::default() }
    }

    fn with_attributes<const N: usize>(list: [(&str, Attribute); N]) -> Block {
        let attributes = list.into_iter().map(|(name, attribute)| (name.to_owned(), attribute)).collect();
        Block { attributes, ..Block::default() }
    }

    #[test]
    fn attributes_are_sorted_and_carry_constraint_type_and_flags() {
        let list_of_strings = AttributeType::List(Box::new(AttributeType::String));
        let mut token = declared(AttributeType::String, AttributeConstraint::Computed);
        (token.sensitive, token.deprecated) = (true, true);
        let root = with_attributes([
            ("zone", declared(AttributeType::String, AttributeConstraint::Required)),
            ("tags", declared(list_of_strings, AttributeConstraint::OptionalComputed)),
            ("token", token),
        ]);

        let sent = to_wire(&Schema { version: 7, block: root });

        let attributes = sent.block.unwrap().attributes;
        let names: Vec<_> = attributes.iter().map(|attribute| attribute.name.as_str()).collect();
        let types: Vec<_> =
            attributes.iter().map(|attribute| String::from_utf8(attribute.r#type.clone()).unwrap()).collect();
        let flags: Vec<_> = attributes.iter().map(|a| (a.required, a.optional, a.computed)).collect();
        assert_eq!(sent.version, 7);
        assert_eq!(names, ["tags", "token", "zone"]);
        assert_eq!(types, [r#"["list","string"]"#, r#""string""#, r#""string""#]);
        assert_eq!(flags, [(false, true, true), (false, false, true), (true, false, false)]);
        assert!(attributes[1].sensitive && attributes[1].deprecated && !attributes[0].sensitive);
        assert_eq!(attributes[0].description_kind(), wire::StringKind::Markdown);
    }

    #[test]
    fn a_nested_attribute_has_a_nested_type_and_no_type() {
        let inner = with_attributes([("create", declared(AttributeType::String, AttributeConstraint::Optional))]);
        let timeouts = declared(AttributeType::AttributeSingle(inner.attributes), AttributeConstraint::Optional);

        let sent = to_wire(&Schema { version: 0, block: with_attributes([("timeouts", timeouts)]) });

        let timeouts = &sent.block.unwrap().attributes[0];
        let nested = timeouts.nested_type.as_ref().unwrap();
        assert!(timeouts.r#type.is_empty());
        assert_eq!(nested.nesting(), wire::Nesting::Single);
        assert_eq!(nested.attributes[0].name, "create");
    }

    #[test]
    fn a_block_that_may_be_left_out_is_a_list_of_at_most_one() {
        let blocks = HashMap::from([("endpoints".to_owned(), NestedBlock::Optional(with_attributes([])))]);

        let sent = to_wire(&Schema { version: 0, block: Block { blocks, ..Block::default() } });

        let nested = &sent.block.unwrap().block_types[0];
        assert_eq!((nested.nesting(), nested.min_items, nested.max_items), (wire::Nesting::List, 0, 1));
    }
}
