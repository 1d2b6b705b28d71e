//! Routing keys made of fields, and patterns that take keys.

use eda_core::event::{KeyPart, is_valid_name, partition_key, routing_key as key_of};
use eda_core::{Policy, Subscription};

use super::texts;

/// No field adds a segment, a wildcard or a line to a key, so the key always matches its event's binding; a pattern takes
/// what AMQP says that it takes.
///
/// # Panics
/// Where that does not hold.
pub fn routing_key(input: &[u8]) {
    let texts = texts(input);
    let field = |at: usize| texts.get(at).cloned().unwrap_or_default();
    let (one, other) = (field(0), field(1));
    for (parts, binding) in [
        (&["order.", ".created"][..], "order.*.created"),
        (&["", ".order.", ".created"], "*.order.*.created"),
        (&["order.created.", ""], "order.created.*"),
        (&["", ""], "*"),
    ] {
        let fields: [&dyn KeyPart; 2] = [&one, &other];
        let key = key_of(parts, &fields[..parts.len() - 1]);
        assert!(takes(binding, &key), "{binding} does not take {key}");
        let is_harmless = |letter: char| letter.is_ascii_alphanumeric() || "._-%".contains(letter);
        assert!(key.chars().all(is_harmless), "{key}");
    }
    assert_eq!(partition_key(&one).as_deref(), Some(&*one));
    assert_eq!(is_valid_name(&one), is_name(&one), "{one}");
    for (pattern, key) in [(&one, &other), (&other, &one)] {
        assert_eq!(takes(pattern, key), reference(pattern, key), "`{pattern}` and `{key}`");
    }
}

fn takes(binding: &str, key: &str) -> bool {
    let subscription = Subscription {
        service: "fuzz".into(),
        queue: "fuzz".into(),
        declare: true,
        bindings: vec![binding.to_owned()],
        policy: Policy::default(),
    };
    subscription.takes(key)
}

fn is_name(text: &str) -> bool {
    let is_segment = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
    };
    text.len() <= 200 && text.split('.').all(is_segment)
}

/// Segment by segment, with all places that a pattern may have come to: slow, and plain to see.
fn reference(pattern: &str, key: &str) -> bool {
    let segments = |text: &str| text.split('.').filter(|_| !text.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (pattern, key) = (segments(pattern), segments(key));
    let past_hashes = |places: &mut Vec<bool>| {
        for (at, wanted) in pattern.iter().enumerate() {
            places[at + 1] |= places[at] && wanted == "#";
        }
    };
    let mut places = vec![false; pattern.len() + 1];
    places[0] = true;
    past_hashes(&mut places);
    for segment in &key {
        let mut next = vec![false; pattern.len() + 1];
        for (at, wanted) in pattern.iter().enumerate().filter(|(at, _)| places[*at]) {
            if wanted == "#" {
                next[at] = true;
            } else if wanted == "*" || wanted == segment {
                next[at + 1] = true;
            }
        }
        past_hashes(&mut next);
        places = next;
    }
    places[pattern.len()]
}
