//! Making a server's text fit to be shown: one line, no control characters, not too long.

/// At most `limit` characters of `text`, each run of blanks and control characters as one blank; `…` says that there was more.
pub(crate) fn sanitise(text: &str, limit: usize) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(limit) {
        None => line,
        Some(_) => line.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// `text` with JSON's escapes of plain characters (`\/`, `\u002b`) undone, wherever they stand.
pub(crate) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after.strip_prefix('u').and_then(|code| code.get(..4));
        let code = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        let (char, left) = match (code, after.strip_prefix('/')) {
            (Some(char), _) => (char, after.get(5..).unwrap_or_default()),
            (None, Some(after)) => ('/', after),
            (None, None) => ('\\', after),
        };
        plain.push(char);
        rest = left;
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_escapes_of_characters_are_undone() {
        for (text, plain) in [
            (r"a\/b\u002Bc\u003d", "a/b+c="),
            (r#"\"a\n\"#, r#"\"a\n\"#),
            (r"\u00", r"\u00"),
            (r"\ud800x", r"\ud800x"),
            ("\\uä41x", "\\uä41x"),
        ] {
            assert_eq!(unescape(text), plain);
        }
    }
}
