//! Durations as people write them: `200ms`, `30s`, `5m`, `1h`.

const UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// The milliseconds of one duration. The error says what to write.
pub(crate) fn millis(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    match (number.parse::<u64>(), factor) {
        (Ok(0), Some(_)) => Err("a duration is longer than zero".to_owned()),
        (Ok(number), Some(factor)) if number.checked_mul(factor).is_some_and(|millis| millis <= YEAR) => {
            Ok(number * factor)
        }
        (_, Some(_)) if digits > 0 => Err(format!("`{text}` is more than a year")),
        _ => Err(format!("`{text}` is no duration: write a number and `ms`, `s`, `m` or `h`, such as `200ms`")),
    }
}

/// The milliseconds of `first..last`.
pub(crate) fn range(text: &str) -> Result<(u64, u64), String> {
    let Some((first, last)) = text.split_once("..") else {
        return Err(format!(
            "`{text}` is no range of durations: write the first and the last wait, such as `200ms..30s`"
        ));
    };
    let (first, last) = (first.trim(), last.trim());
    let (from, to) = (millis(first)?, millis(last)?);
    if from > to {
        return Err(format!("the first wait, `{first}`, is longer than the last, `{last}`: write `{last}..{first}`"));
    }
    Ok((from, to))
}

const YEAR: u64 = 365 * 24 * 3_600_000;

#[cfg(test)]
mod tests {
    use super::{millis, range};

    #[test]
    fn units_are_understood() {
        assert_eq!(millis("200ms"), Ok(200));
        assert_eq!(millis("30s"), Ok(30_000));
        assert_eq!(millis("5m"), Ok(300_000));
        assert_eq!(millis("1h"), Ok(3_600_000));
        assert_eq!(range("200ms..30s"), Ok((200, 30_000)));
        assert_eq!(range("1s .. 1s"), Ok((1_000, 1_000)));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in ["", "s", "30", "30 s", "-1s", "1.5s", "30sec", "1s2s", "0s", "99999999999999999999s", "9000h"] {
            assert!(millis(text).is_err(), "{text}");
        }
        for text in ["", "..", "1s", "1s..", "..1s", "2s..1s", "1s...2s"] {
            assert!(range(text).is_err(), "{text}");
        }
    }
}
