//! Topic routing as AMQP 0-9-1 §3.1.3.3 has it: `*` is one segment, `#` any number, also none.

/// A binding's pattern, divided once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<String>);

impl Pattern {
    pub(super) fn new(pattern: &str) -> Self {
        Self(pattern.split('.').map(str::to_owned).collect())
    }

    pub(super) fn matches(&self, routing_key: &str) -> bool {
        // most bindings are an event's plain name: no segments to look at
        let segments: Vec<_> = routing_key.split('.').collect();
        matches(&self.0, &segments)
    }
}

/// Iterative, with one place to come back to: the last `#`. So hostile patterns cost no more than length × length.
fn matches(pattern: &[String], segments: &[&str]) -> bool {
    let (mut at, mut segment) = (0, 0);
    let mut last_hash: Option<(usize, usize)> = None;
    while segment < segments.len() {
        match pattern.get(at).map(String::as_str) {
            Some("#") => {
                last_hash = Some((at, segment));
                at += 1;
            }
            Some(wanted) if wanted == "*" || wanted == segments[segment] => {
                at += 1;
                segment += 1;
            }
            _ => match &mut last_hash {
                Some((hash, taken)) => {
                    *taken += 1;
                    (at, segment) = (*hash + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| rest == "#")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_topic_exchange_does() {
        for (pattern, key, expected) in [
            ("order.created", "order.created", true),
            ("order.created", "order.created.eu", false),
            ("order.*", "order.created", true),
            ("order.*", "order", false),
            ("order.*", "order.a.b", false),
            ("*.created", "order.created", true),
            ("#", "", true),
            ("#", "a.b.c", true),
            ("order.#", "order", true),
            ("order.#", "order.a.b", true),
            ("order.#", "orders.a", false),
            ("#.created", "created", true),
            ("#.created", "a.b.created", true),
            ("#.created", "a.b.created.c", false),
            ("a.#.b", "a.b", true),
            ("a.#.b", "a.x.y.b", true),
            ("a.#.b", "a.b.b", true),
            ("a.#.b", "a.x", false),
            ("#.#", "", true),
            ("*.#", "a", true),
            ("*.#", "a.b", true),
            ("#.*.#", "a", true),
            ("a.*.#.c", "a.b.c", true),
            ("a.*.#.c", "a.c", false),
            ("a..b", "a..b", true),
            ("a.*.b", "a..b", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(key), expected, "{pattern} {key}");
        }
    }
}
