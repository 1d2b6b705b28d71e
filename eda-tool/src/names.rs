//! Names that somebody typed.

use eda_core::{Error, ErrorKind};
pub(crate) use eda_description::matches;

const ALIKE: f64 = 0.8;
const MOST: usize = 3;
/// How many are told where none is near.
const ALL: usize = 10;

/// Whether some routing key matches both patterns.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    let segments = |pattern: &'_ str| {
        let mut segments: Vec<_> = pattern.split('.').map(str::to_owned).collect();
        // two in a row say no more than one, and cost more
        segments.dedup_by(|one, other| *one == "#" && *other == "#");
        segments
    };
    meet(&segments(one), &segments(other))
}

fn meet(one: &[String], other: &[String]) -> bool {
    let Some((first, rest)) = one.split_first() else { return other.iter().all(|segment| segment == "#") };
    let Some((second, others)) = other.split_first() else { return one.iter().all(|segment| segment == "#") };
    match (first.as_str(), second.as_str()) {
        ("#", _) | (_, "#") => meet(rest, other) || meet(one, others),
        (first, second) => (first == second || first == "*" || second == "*") && meet(rest, others),
    }
}

/// There is no such thing: with the nearest names, or with all where none is near.
pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let mut known: Vec<_> = known.map(|known| (strsim::jaro_winkler(name, known), known)).collect();
    known.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    known.dedup();
    let near: Vec<_> = known.iter().take_while(|(alike, _)| *alike > ALIKE).take(MOST).map(|(_, name)| *name).collect();
    let hint = if !near.is_empty() {
        format!("did you mean {}?", list(&near))
    } else if known.is_empty() {
        format!("this app has no {what}")
    } else {
        let mut all: Vec<_> = known.iter().map(|(_, name)| *name).collect();
        all.sort_unstable();
        let more = match all.len().saturating_sub(ALL) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        all.truncate(ALL);
        format!("there are {}{more}", list(&all))
    };
    Error::new(ErrorKind::Invalid, format!("no {what} `{name}`: {hint}"))
}

fn list(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{overlap, unknown};

    #[test]
    fn patterns_overlap_where_one_key_matches_both() {
        for (one, other) in [
            ("order.created", "order.created"),
            ("order.*", "order.created"),
            ("order.#", "order.created"),
            ("#", "order.created"),
            ("#.created", "order.#"),
            ("*.*", "order.#"),
            ("order.#", "order"),
            ("#.a.#", "*.*"),
            ("a.#.b", "#.c.b"),
        ] {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in
            [("oder.#", "order.created"), ("order.*", "order"), ("*", "#.a.b"), ("a.#", "b.#"), ("a.*.c", "a.b.d")]
        {
            assert!(!overlap(one, other) && !overlap(other, one), "{one} {other}");
        }
    }

    #[test]
    fn the_nearest_names_are_told() {
        let known = ["order.created", "order.shipped", "payment.completed"];
        let told = |name: &str| unknown("event", name, known.into_iter()).to_string();
        assert_eq!(told("order.craeted"), "no event `order.craeted`: did you mean `order.created`, `order.shipped`?");
        assert_eq!(told("xyz"), "no event `xyz`: there are `order.created`, `order.shipped`, `payment.completed`");
        assert_eq!(unknown("event", "a", std::iter::empty()).to_string(), "no event `a`: this app has no event");
    }
}
