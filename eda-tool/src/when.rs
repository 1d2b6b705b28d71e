//! Times that somebody typed.

use std::time::{Duration, SystemTime};

use eda_core::envelope;

/// Reads a time of day in UTC unless it says otherwise, a day, or how long ago.
///
/// # Errors
/// What was expected.
pub(crate) fn parse(text: &str) -> Result<SystemTime, String> {
    let ago = |duration: Duration| SystemTime::now().checked_sub(duration);
    let zoned = |text: &str| envelope::read_time(text).or_else(|| envelope::read_time(&format!("{text}Z")));
    let day = || envelope::read_time(&format!("{text}T00:00:00Z"));
    let minute = || (text.len() == "2026-11-28T14:30".len()).then(|| zoned(&format!("{text}:00"))).flatten();
    let found = zoned(text).or_else(minute).or_else(day);
    let found = found.or_else(|| ago(humantime::parse_duration(text).ok()?));
    found.ok_or_else(|| {
        "expected a time such as `2026-11-28T14:30:00Z`, `2026-11-28 14:30` or `2026-11-28` in UTC, or how long ago, \
         such as `90m` or `2days`"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let at = |text| humantime::parse_rfc3339(text).map_err(|error| error.to_string());
        for (text, expected) in [
            ("2026-11-28T14:30:00Z", "2026-11-28T14:30:00Z"),
            ("2026-11-28T14:30:00.500Z", "2026-11-28T14:30:00.500Z"),
            ("2026-11-28T15:30:00+01:00", "2026-11-28T14:30:00Z"),
            ("2026-11-28 14:30:00", "2026-11-28T14:30:00Z"),
            ("2026-11-28 14:30", "2026-11-28T14:30:00Z"),
            ("2026-11-28", "2026-11-28T00:00:00Z"),
        ] {
            assert_eq!(parse(text), at(expected), "{text}");
        }
        let (before, found) = (SystemTime::now(), parse("1h").expect("it is a duration"));
        let hour = Duration::from_secs(3_600);
        assert!(found >= before - hour && found <= SystemTime::now() - hour, "{found:?}");
        assert!(parse("soon").is_err_and(|text| text.starts_with("expected a time")));
    }
}
