//! Device names, as Linux counts them on.

/// The first name that is not taken: one letter from `b` on, because the boot volume has `a`, and then two.
pub(crate) fn next_free(prefix: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let one = (b'b'..=b'z').map(|letter| char::from(letter).to_string());
    let two = (b'a'..=b'z')
        .flat_map(|first| (b'a'..=b'z').map(move |second| format!("{}{}", char::from(first), char::from(second))));
    let mut names = one.chain(two).map(|letters| format!("{prefix}{letters}"));
    names.find(|name| !is_taken(name)).unwrap_or_else(|| format!("{prefix}zz"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_letter_is_followed_by_two_until_there_are_none() {
        let after = |taken: usize| {
            let mut names: Vec<String> = Vec::new();
            for _ in 0..taken {
                names.push(next_free("/dev/vd", |name| names.iter().any(|known| known == name)));
            }
            next_free("/dev/vd", |name| names.iter().any(|known| known == name))
        };
        assert_eq!([after(0), after(24), after(25), after(51)], ["/dev/vdb", "/dev/vdz", "/dev/vdaa", "/dev/vdba"]);
        assert_eq!(next_free("/dev/sd", |_| true), "/dev/sdzz");
    }
}
