//! Names that somebody typed.

use eda_core::{Error, ErrorKind};
pub(crate) use eda_description::matches;

const ALIKE: f64 = 0.8;
const MOST: usize = 3;

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
        format!("there are {}", list(&all))
    };
    Error::new(ErrorKind::Invalid, format!("no {what} `{name}`: {hint}"))
}

fn list(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn the_nearest_names_are_told() {
        let known = ["order.created", "order.shipped", "payment.completed"];
        let told = |name: &str| unknown("event", name, known.into_iter()).to_string();
        assert_eq!(told("order.craeted"), "no event `order.craeted`: did you mean `order.created`, `order.shipped`?");
        assert_eq!(told("xyz"), "no event `xyz`: there are `order.created`, `order.shipped`, `payment.completed`");
        assert_eq!(unknown("event", "a", std::iter::empty()).to_string(), "no event `a`: this app has no event");
    }
}
