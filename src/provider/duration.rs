//! Durations as practitioners write them: Go's syntax, `90s`, `10m`, `1h30m`, `1.5h`.

use std::time::Duration;

/// Reads a duration in Go's syntax: decimal numbers, each with a unit (`ns`, `us`, `µs`, `ms`, `s`, `m`, `h`), one after
/// another. Signs are not accepted: no timeout of ours can be negative.
///
/// # Errors
/// A sentence that says what is wrong and what is expected.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("{text:?} is not a duration: write numbers with units, such as \"90s\", \"10m\" or \"1h30m\"");
    let mut rest = text;
    let mut total = 0.0_f64;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        total += number
            * match unit {
                "ns" => 1e-9,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return Err(wrong()),
            };
        rest = tail;
    }
    Duration::try_from_secs_f64(total).map_err(|_| wrong())
}

/// Reads a timeout: a duration of at least a second and at most a week.
///
/// # Errors
/// A sentence that says what is wrong and what is expected.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, String> {
    let duration = parse(text)?;
    if duration < Duration::from_secs(1) || duration > Duration::from_secs(7 * 24 * 3600) {
        return Err(format!("{text:?} is out of range: a timeout is between \"1s\" and \"168h\""));
    }
    Ok(duration)
}

/// A duration for people: `850 ms`, `2.3 s`, `45 s`, `10 m 5 s`.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..=9 => format!("{:.1} s", duration.as_secs_f64()),
        10..=59 => format!("{seconds} s"),
        _ if seconds.is_multiple_of(60) => format!("{} m", seconds / 60),
        _ => format!("{} m {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read() {
        for (text, millis) in [
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            ("250ms", 250),
            ("1m0.5s", 60_500),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_named() {
        for text in ["", "10", "m", "10 m", "10x", "-5s", "1..2s", "9e9h", "1m 30s", "10minutes"] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(&format!("{text:?}")) && error.contains("1h30m"), "{error}");
        }
    }

    #[test]
    fn a_timeout_has_bounds() {
        assert!(parse_timeout("0s").unwrap_err().contains("out of range"));
        assert!(parse_timeout("999h").unwrap_err().contains("out of range"));
        assert_eq!(parse_timeout("1s"), Ok(Duration::from_secs(1)));
    }

    #[test]
    fn durations_read_well() {
        let texts: Vec<_> = [850, 2_340, 45_900, 600_000, 605_000].map(|ms| human(Duration::from_millis(ms))).into();
        assert_eq!(texts, ["850 ms", "2.3 s", "45 s", "10 m", "10 m 5 s"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,24}") {
            let _ = parse(&text);
        }
    }
}
