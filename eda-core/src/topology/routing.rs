//! Topic routing as RabbitMQ has it (AMQP 0-9-1 §3.1.3.3): `*` is one segment, `#` any number, also none.

/// A binding's pattern, divided once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<String>);

impl Pattern {
    pub(crate) fn new(pattern: &str) -> Self {
        Self(segments(pattern).map(str::to_owned).collect())
    }

    pub(crate) fn matches(&self, routing_key: &str) -> bool {
        matches(&self.0, &segments(routing_key).collect::<Vec<_>>())
    }
}

/// An empty text has no segment, where a dot alone has two that are empty.
fn segments(text: &str) -> impl Iterator<Item = &str> {
    text.split('.').filter(move |_| !text.is_empty())
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

    const KEYS: [&str; 19] = [
        "",
        "a",
        ".",
        "..",
        "a.",
        ".a",
        "a.b",
        "a..b",
        "a.b.b",
        "a.x.b",
        "a.x.y.b",
        "a.c",
        "a.b.c",
        "a.a",
        "*",
        "#",
        "a.*",
        "b",
        "a.b.b.x.b",
    ];

    /// What queues bound by these patterns got of [`KEYS`] on RabbitMQ 3.10.8.
    const TAKEN: [(&str, &[&str]); 18] = [
        ("*", &["a", "*", "#", "b"]),
        ("", &[""]),
        ("a.#", &["a", "a.", "a.b", "a..b", "a.b.b", "a.x.b", "a.x.y.b", "a.c", "a.b.c", "a.a", "a.*", "a.b.b.x.b"]),
        ("a.#.b", &["a.b", "a..b", "a.b.b", "a.x.b", "a.x.y.b", "a.b.b.x.b"]),
        ("a.#.#.b", &["a.b", "a..b", "a.b.b", "a.x.b", "a.x.y.b", "a.b.b.x.b"]),
        ("#.a", &["a", ".a", "a.a"]),
        ("#.b", &["a.b", "a..b", "a.b.b", "a.x.b", "a.x.y.b", "b", "a.b.b.x.b"]),
        ("#.b.#", &["a.b", "a..b", "a.b.b", "a.x.b", "a.x.y.b", "a.b.c", "b", "a.b.b.x.b"]),
        ("#.a.#.a", &["a.a"]),
        ("*.*", &[".", "a.", ".a", "a.b", "a.c", "a.a", "a.*"]),
        ("a.*", &["a.", "a.b", "a.c", "a.a", "a.*"]),
        ("a.*.b", &["a..b", "a.b.b", "a.x.b"]),
        ("a.*.#.c", &["a.b.c"]),
        ("a..b", &["a..b"]),
        (".", &["."]),
        ("*.", &[".", "a."]),
        ("a.", &["a."]),
        ("order.created", &[]),
    ];

    #[test]
    fn patterns_take_what_they_take_on_rabbitmq() {
        for (pattern, expected) in TAKEN {
            let compiled = Pattern::new(pattern);
            let taken: Vec<_> = KEYS.into_iter().filter(|key| compiled.matches(key)).collect();
            assert_eq!(taken, expected, "{pattern}");
        }
    }

    #[test]
    fn a_hash_takes_the_empty_key_and_a_star_does_not() {
        for pattern in ["#", "#.#"] {
            assert!(KEYS.iter().all(|key| Pattern::new(pattern).matches(key)), "{pattern}");
        }
        for pattern in ["*.#", "#.*", "#.*.#"] {
            assert!(KEYS[1..].iter().all(|key| Pattern::new(pattern).matches(key)), "{pattern}");
            assert!(!Pattern::new(pattern).matches(""), "{pattern}");
        }
        let two_or_more = Pattern::new("*.#.*");
        assert!(KEYS.iter().all(|key| two_or_more.matches(key) == key.contains('.')));
    }

    #[test]
    fn a_hostile_pattern_is_answered_at_once() {
        let (pattern, key) = (["#.a"; 60].join("."), ["a"; 120].join("."));
        assert!(Pattern::new(&pattern).matches(&key));
        assert!(!Pattern::new(&format!("{pattern}.b")).matches(&key));
    }
}
