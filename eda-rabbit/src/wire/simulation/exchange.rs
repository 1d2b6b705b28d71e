//! Exchanges: which queues a routing key leads to.

use std::collections::{BTreeMap, BTreeSet};

use crate::topology::{self, ExchangeKind};

#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) kind: ExchangeKind,
    pub(super) alternate: Option<String>,
    /// Patterns without wildcards by their key, as most are.
    exact: BTreeMap<String, BTreeSet<String>>,
    patterns: BTreeSet<(String, String)>,
}

impl Exchange {
    pub(super) fn new(declared: &topology::Exchange) -> Self {
        let alternate = declared.alternate.map(str::to_owned);
        Self { kind: declared.kind, alternate, exact: BTreeMap::new(), patterns: BTreeSet::new() }
    }

    pub(super) fn bind(&mut self, queue: &str, key: &str) {
        if self.kind == ExchangeKind::Topic && key.contains(['*', '#']) {
            self.patterns.insert((key.to_owned(), queue.to_owned()));
        } else {
            self.exact.entry(key.to_owned()).or_default().insert(queue.to_owned());
        }
    }

    pub(super) fn unbind_all(&mut self, queue: &str) -> bool {
        let before = self.patterns.len();
        self.patterns.retain(|(_, bound)| bound != queue);
        let mut removed = self.patterns.len() != before;
        for queues in self.exact.values_mut() {
            removed |= queues.remove(queue);
        }
        removed
    }

    pub(super) fn route(&self, key: &str) -> BTreeSet<&str> {
        let mut queues = BTreeSet::new();
        if self.kind == ExchangeKind::Fanout {
            queues.extend(self.exact.values().flatten().map(String::as_str));
        } else if let Some(bound) = self.exact.get(key) {
            queues.extend(bound.iter().map(String::as_str));
        }
        for (pattern, queue) in &self.patterns {
            if fits(&pattern.split('.').collect::<Vec<_>>(), &key.split('.').collect::<Vec<_>>()) {
                queues.insert(queue);
            }
        }
        queues
    }
}

/// AMQP 0-9-1 §3.1.3.3: `*` is one word, `#` any number.
fn fits(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern, key) {
        ([], []) => true,
        (["#", rest @ ..], _) => fits(rest, key) || (!key.is_empty() && fits(pattern, &key[1..])),
        (["*", rest @ ..], [_, words @ ..]) => fits(rest, words),
        ([word, rest @ ..], [first, words @ ..]) => word == first && fits(rest, words),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_amqp_says() {
        let fits = |pattern: &str, key: &str| {
            fits(&pattern.split('.').collect::<Vec<_>>(), &key.split('.').collect::<Vec<_>>())
        };
        assert!(fits("#", "a.b") && fits("a.#", "a") && fits("a.*", "a.b") && fits("a.#.c", "a.b.b.c"));
        assert!(!fits("a.*", "a") && !fits("a", "a.b") && !fits("*.b", "a.c"));
    }
}
