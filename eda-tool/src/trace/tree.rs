//! The events of a business process as a tree: under an event those who handled it, under them what they published.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use eda_core::EventId;
use eda_journal::{Entry, Kind};
use serde_json::{Value, json};

/// Nodes in the order in which they are told.
pub(super) struct Tree<'a> {
    events: Vec<Event<'a>>,
    pub(super) nodes: Vec<Node<'a>>,
}

pub(super) struct Node<'a> {
    /// How many nodes are above it.
    pub(super) depth: usize,
    /// Whether no other node of the same parent follows.
    pub(super) is_last: bool,
    pub(super) what: What<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum What<'a> {
    /// Which of the tree's events.
    Event(usize),
    Attempt(&'a Entry<'a>),
}

/// An event and all that is written of it.
#[derive(Default)]
pub(super) struct Event<'a> {
    pub(super) published: Vec<&'a Entry<'a>>,
    handled: Vec<&'a Entry<'a>>,
}

impl<'a> Event<'a> {
    /// What tells its name and its ids.
    pub(super) fn known(&self) -> Option<&'a Entry<'a>> {
        self.published.first().or(self.handled.first()).copied()
    }
}

/// A journal may lack the lines of so many events that a handler published before one: that one is still known as its own.
const MISSING: u32 = 8;

/// A node, and the events under it that its kind does not tell.
type Open<'a> = (What<'a>, Vec<usize>);

impl<'a> Tree<'a> {
    /// `entries` are in the order of time.
    pub(super) fn of(entries: &'a [Entry<'a>]) -> Self {
        let mut events: Vec<Event<'a>> = Vec::new();
        let mut by_id: HashMap<&str, usize> = HashMap::new();
        for entry in entries {
            let known = entry.id.as_deref().and_then(|id| by_id.get(id).copied());
            let index = known.unwrap_or_else(|| {
                events.push(Event::default());
                events.len() - 1
            });
            if let Some(id) = entry.id.as_deref() {
                by_id.insert(id, index);
            }
            let list = match entry.kind {
                Kind::Handled => &mut events[index].handled,
                _ => &mut events[index].published,
            };
            list.push(entry);
        }
        let (roots, children) = families(&events, &by_id);
        let nodes = in_order(&events, roots, &children);
        Self { events, nodes }
    }

    pub(super) fn event(&self, index: usize) -> &Event<'a> {
        &self.events[index]
    }

    /// Everything, flat and in the order of the tree.
    pub(super) fn document(&self, correlation: &str, missing: u64, problems: &[String], more_problems: u64) -> Value {
        let nodes = self.nodes.iter().map(|node| match node.what {
            What::Event(index) => {
                let event = self.event(index);
                let known = event.known();
                json!({
                    "depth": node.depth,
                    "event": known.and_then(|entry| entry.event.as_deref()),
                    "version": known.and_then(|entry| entry.version),
                    "id": known.and_then(|entry| entry.id.as_deref()),
                    "causation_id": known.and_then(|entry| entry.causation_id.as_deref()),
                    "published": event.published,
                })
            }
            What::Attempt(entry) => json!({ "depth": node.depth, "attempt": entry }),
        });
        let nodes: Vec<_> = nodes.collect();
        json!({
            "correlation_id": correlation,
            "nodes": nodes,
            "missing": missing,
            "problems": problems,
            "more_problems": more_problems,
        })
    }
}

/// Events that no known event has caused, and what each event has caused. In journals that somebody forged, events can cause
/// each other: the first of them counts as a root then.
fn families(events: &[Event<'_>], by_id: &HashMap<&str, usize>) -> (Vec<usize>, Vec<Vec<usize>>) {
    let cause = |event: &Event<'_>| {
        let id = event.known().and_then(|entry| entry.causation_id.as_deref())?;
        by_id.get(id).copied()
    };
    let causes: Vec<_> = events.iter().map(cause).collect();
    let mut children = vec![Vec::new(); events.len()];
    for (index, cause) in causes.iter().enumerate() {
        if let Some(cause) = cause {
            children[*cause].push(index);
        }
    }
    let mut roots: Vec<_> = (0..events.len()).filter(|index| causes[*index].is_none()).collect();
    let mut is_reached = vec![false; events.len()];
    for root in &roots {
        reach(*root, &children, &mut is_reached);
    }
    for index in 0..events.len() {
        if !is_reached[index] {
            if let Some(cause) = causes[index] {
                children[cause].retain(|child| *child != index);
            }
            roots.push(index);
            reach(index, &children, &mut is_reached);
        }
    }
    (roots, children)
}

fn reach(root: usize, children: &[Vec<usize>], is_reached: &mut [bool]) {
    let mut next = vec![root];
    while let Some(index) = next.pop() {
        if !std::mem::replace(&mut is_reached[index], true) {
            next.extend(&children[index]);
        }
    }
}

/// Depth first, without recursion: a chain of events can be long.
fn in_order<'a>(events: &[Event<'a>], roots: Vec<usize>, children: &[Vec<usize>]) -> Vec<Node<'a>> {
    let mut nodes = Vec::new();
    let mut open: Vec<(usize, bool, Open<'a>)> = Vec::new();
    let begin = |open: &mut Vec<_>, depth: usize, below: Vec<Open<'a>>| {
        for (place, node) in below.into_iter().rev().enumerate() {
            open.push((depth, place == 0, node));
        }
    };
    begin(&mut open, 0, roots.into_iter().map(|root| (What::Event(root), Vec::new())).collect());
    while let Some((depth, is_last, (what, effects))) = open.pop() {
        nodes.push(Node { depth, is_last, what });
        let below = match what {
            What::Event(index) => attributed(events, index, &children[index]),
            What::Attempt(_) => effects.into_iter().map(|effect| (What::Event(effect), Vec::new())).collect(),
        };
        begin(&mut open, depth + 1, below);
    }
    nodes
}

/// The attempts to handle an event, with what each has published; then what no attempt is known for. Which handler published
/// an event is known from its id, which is derived from the handler's name; the attempt is the first that ended later.
fn attributed<'a>(events: &[Event<'a>], cause: usize, effects: &[usize]) -> Vec<Open<'a>> {
    let attempts = &events[cause].handled;
    let publishers = publishers(events, cause, effects);
    let mut told: Vec<Open<'a>> = attempts.iter().map(|attempt| (What::Attempt(attempt), Vec::new())).collect();
    let mut others = Vec::new();
    for effect in effects {
        let entry = events[*effect].known();
        let publisher = entry.and_then(|entry| publishers.get(entry.id.as_deref()?));
        let is_its = |attempt: &Entry<'_>| publisher.is_some() && place(attempt).as_ref() == publisher;
        let ended_later = |attempt: &Entry<'_>| entry.is_some_and(|entry| attempt.time >= entry.time);
        let first = attempts.iter().position(|attempt| is_its(attempt) && ended_later(attempt));
        match first.or_else(|| attempts.iter().rposition(|attempt| is_its(attempt))) {
            Some(at) => told[at].1.push(*effect),
            None => others.push((What::Event(*effect), Vec::new())),
        }
    }
    told.extend(others);
    told
}

/// By id of an event, the handler that published it.
fn publishers(events: &[Event<'_>], cause: usize, effects: &[usize]) -> HashMap<String, String> {
    let mut publishers = HashMap::new();
    let Some(id) = events[cause].known().and_then(|entry| entry.id.as_deref()).map(EventId::from) else {
        return publishers;
    };
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for effect in effects {
        *counts.entry(name(&events[*effect])).or_default() += 1;
    }
    let handlers: BTreeSet<_> = events[cause].handled.iter().filter_map(|attempt| place(attempt)).collect();
    for handler in handlers {
        for (event, count) in &counts {
            for ordinal in 0..*count + MISSING {
                publishers.insert(EventId::derived(&id, &handler, event, ordinal).to_string(), handler.clone());
            }
        }
    }
    publishers
}

fn name<'a>(event: &Event<'a>) -> &'a str {
    event.known().and_then(|entry| entry.event.as_deref()).unwrap_or_default()
}

/// Such as `billing.charge`.
pub(super) fn place(entry: &Entry<'_>) -> Option<String> {
    Some(format!("{}.{}", entry.service.as_deref()?, entry.handler.as_deref()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stands_under_its_attempt_where_the_line_of_an_earlier_one_is_missing() {
        let cause = EventId::from("7");
        let second = EventId::derived(&cause, "billing.charge", "order.paid", 1).to_string();
        let lines = [
            r#""kind":"published","event":"order.placed","id":"7","outcome":"confirmed""#.to_owned(),
            format!(
                r#""kind":"published","event":"order.paid","id":"{second}","causation_id":"7","outcome":"confirmed""#
            ),
            r#""kind":"handled","id":"7","service":"billing","handler":"charge","attempt":1,"outcome":"handled""#
                .to_owned(),
        ];
        let line = |rest| format!(r#"{{"journal":1,"time":"2026-01-31T12:00:00Z",{rest}}}"#);
        let entries = lines.map(|rest| Entry::parse(line(rest).as_bytes()).expect("it is a line"));
        let tree = Tree::of(&entries);
        let told: Vec<_> = tree.nodes.iter().map(|node| (node.depth, matches!(node.what, What::Attempt(_)))).collect();
        assert_eq!(told, [(0, false), (1, true), (2, false)]);
    }
}
