//! The registry's pages, made of a schema and of the files under `examples/`.

use std::{fmt::Write as _, fs, path::Path};

use tf_provider::schema::Schema;

use crate::schema::schema_section;

/// `docs/index.md`, with what else there is to read: `resources` as (type, description), `guides` as (file, title).
pub(crate) fn provider_page(
    schema: &Schema,
    examples: &Path,
    resources: &[(&str, &str)],
    guides: &[(String, String)],
) -> String {
    let description = &schema.block.description.content;
    let mut page = front_matter("cloudvolume Provider", "", description);
    let _ = write!(page, "# cloudvolume Provider\n\n{description}\n\n## Resources\n\n");
    for (name, description) in resources {
        let _ = writeln!(page, "- [`{name}`](resources/{}.md): {}", short(name), first_sentence(description));
    }
    if !guides.is_empty() {
        page.push_str("\n## Guides\n\n");
    }
    for (file, title) in guides {
        let _ = writeln!(page, "- [{title}](guides/{file})");
    }
    page.push('\n');
    example(&mut page, "## Example Usage", "", "terraform", &examples.join("provider/provider.tf"));
    page.push_str(include_str!("permissions.md"));
    page + &schema_section(&schema.block)
}

/// `docs/resources/<name>.md`.
pub(crate) fn resource_page(name: &str, schema: &Schema, examples: &Path) -> String {
    let description = &schema.block.description.content;
    let folder = examples.join("resources").join(name);
    let mut page = front_matter(&format!("{name} Resource - cloudvolume"), subcategory(name), description);
    let _ = write!(page, "# {name} (Resource)\n\n{description}\n\n");
    let with = "With the `required_providers` entry of [the provider's page](../index.md#example-usage):\n\n";
    example(&mut page, "## Example Usage", with, "terraform", &folder.join("resource.tf"));
    page += &schema_section(&schema.block);
    page.push('\n');
    let how = "The [`terraform import` command](https://developer.hashicorp.com/terraform/cli/commands/import) takes the id:\n\n";
    example(&mut page, "## Import", how, "shell", &folder.join("import.sh"));
    page + AFTER_IMPORT
}

/// What every resource's page ends with.
const AFTER_IMPORT: &str = "\
An `import` block takes the same id. Imported are the pair and what the cloud tells; `on_destroy`, `timeouts` and the other settings take effect
with the next apply, in place. A pair that is attached already when the resource is created is adopted, with a warning.

See also [Unmounting, and what destroying does](../guides/unmounting.md) and [When something goes wrong](../guides/when-something-goes-wrong.md).
";

/// A type's name without the provider's: the registry names its pages so.
pub(crate) fn short(name: &str) -> &str {
    name.trim_start_matches("cloudvolume_")
}

fn subcategory(name: &str) -> &'static str {
    match short(name).split('_').next() {
        Some("huaweicloud") => "Huawei Cloud",
        Some("samsungcloud") => "Samsung Cloud Platform",
        _ => "",
    }
}

fn front_matter(title: &str, subcategory: &str, description: &str) -> String {
    let summary = description.split("\n\n").next().unwrap_or_default().replace('`', "");
    let summary = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    format!(
        "---\npage_title: \"{title}\"\nsubcategory: \"{subcategory}\"\ndescription: |-\n  {summary}\n---\n\n\
         <!-- written by `make generate` from the schema and examples/: change those -->\n\n"
    )
}

fn first_sentence(text: &str) -> String {
    let line = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    match line.split_once(". ") {
        Some((sentence, _)) => format!("{sentence}."),
        None => line,
    }
}

/// A section that shows a file.
///
/// # Panics
/// Where the file is missing: a page without its example is not worth publishing.
fn example(page: &mut String, heading: &str, introduction: &str, language: &str, file: &Path) {
    let code = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let _ = write!(page, "{heading}\n\n{introduction}```{language}\n{}\n```\n\n", code.trim_end());
}
