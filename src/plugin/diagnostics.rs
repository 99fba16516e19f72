//! Diagnostics: how this server makes its own, and how all of them go on the wire.

use std::borrow::Cow;

use tf_provider::{AttributePath, AttributePathStep, Diagnostic, Diagnostics};

use super::wire;

/// An error of this server's own making.
///
/// Built from its fields: `Diagnostic::new` appends a backtrace when one is switched on, which is no text for people.
pub(super) fn error(
    summary: impl Into<Cow<'static, str>>,
    detail: impl Into<Cow<'static, str>>,
    attribute: AttributePath,
) -> Diagnostic {
    Diagnostic { summary: summary.into(), detail: detail.into(), attribute }
}

/// An error that is the provider's fault and that a user can only report.
pub(super) fn bug(type_name: &str, what: impl std::fmt::Display) -> Diagnostic {
    let detail = format!("{type_name}: {what}. This is a bug in the provider; please report it.");
    error("The provider answered wrongly", detail, AttributePath::root())
}

/// Errors first, then warnings, each in the order they were added.
pub(super) fn to_wire(diags: Diagnostics) -> Vec<wire::Diagnostic> {
    let errors = diags.errors.into_iter().map(|diagnostic| (wire::Severity::Error, diagnostic));
    let warnings = diags.warnings.into_iter().map(|diagnostic| (wire::Severity::Warning, diagnostic));
    errors
        .chain(warnings)
        .map(|(severity, diagnostic)| wire::Diagnostic {
            severity: severity.into(),
            summary: diagnostic.summary.into_owned(),
            detail: diagnostic.detail.into_owned(),
            attribute: (!diagnostic.attribute.steps.is_empty()).then(|| path_to_wire(diagnostic.attribute)),
        })
        .collect()
}

pub(super) fn path_to_wire(path: AttributePath) -> wire::AttributePath {
    let selector = |step| match step {
        AttributePathStep::Attribute(name) => wire::Selector::AttributeName(name.into_owned()),
        AttributePathStep::Key(key) => wire::Selector::ElementKeyString(key.into_owned()),
        AttributePathStep::Index(index) => wire::Selector::ElementKeyInt(index),
    };
    let steps = path.steps.into_iter().map(|step| wire::Step { selector: Some(selector(step)) });
    wire::AttributePath { steps: steps.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_go_before_warnings_and_a_path_keeps_its_steps() {
        let path = AttributePath::new("timeouts").key("create").index(3);
        let mut diags = Diagnostics::default();
        diags.add_warning(error("first added", "a warning", AttributePath::root()));
        diags.add_error(error("second added", "an error", path));

        let sent = to_wire(diags);

        let severities: Vec<_> = sent.iter().map(wire::Diagnostic::severity).collect();
        assert_eq!(severities, [wire::Severity::Error, wire::Severity::Warning]);
        assert_eq!(sent[1].attribute, None, "no path is no attribute, not an empty path");
        let steps: Vec<_> = sent[0].attribute.clone().unwrap().steps.into_iter().map(|step| step.selector).collect();
        assert_eq!(
            steps,
            [
                Some(wire::Selector::AttributeName("timeouts".to_owned())),
                Some(wire::Selector::ElementKeyString("create".to_owned())),
                Some(wire::Selector::ElementKeyInt(3)),
            ]
        );
    }
}
