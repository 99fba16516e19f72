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
