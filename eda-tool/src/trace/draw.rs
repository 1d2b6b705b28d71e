//! The tree for a person.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use eda_journal::Entry;

use super::tree::{Event, Tree, What, place};
use crate::text::printable;

/// Deeper nodes are not indented further: a chain that long goes in a circle.
const DEEPEST: usize = 60;

pub(super) fn tree(tree: &Tree<'_>, correlation: &str, missing: u64) -> String {
    let began = tree.nodes.iter().filter_map(|node| time(tree, node.what)).min();
    let mut text = format!("correlation {}", printable(correlation));
    if let Some(began) = began {
        // writing to a string can't fail
        let _ = write!(text, ", from {}", humantime::format_rfc3339_millis(began));
    }
    text.push('\n');
    // whether a line goes on at each depth
    let mut goes_on: Vec<bool> = Vec::new();
    for node in &tree.nodes {
        let depth = node.depth.min(DEEPEST);
        goes_on.truncate(depth);
        for is_open in goes_on.iter().skip(1) {
            text.push_str(if *is_open { "│  " } else { "   " });
        }
        if depth > 0 {
            text.push_str(if node.is_last { "└─ " } else { "├─ " });
        }
        goes_on.resize(depth, false);
        goes_on.push(!node.is_last);
        let after =
            time(tree, node.what).zip(began).map(|(time, began)| time.duration_since(began).unwrap_or_default());
        match node.what {
            What::Event(index) => event(&mut text, tree.event(index), after),
            What::Attempt(entry) => attempt(&mut text, entry, after),
        }
    }
    if missing > 0 {
        let _ = writeln!(text, "the journals lack {missing} lines, which were dropped: there may have been more");
    }
    text
}

fn time(tree: &Tree<'_>, what: What<'_>) -> Option<SystemTime> {
    match what {
        What::Event(index) => tree.event(index).known().map(|entry| entry.time),
        What::Attempt(entry) => Some(entry.time),
    }
}

fn event(text: &mut String, event: &Event<'_>, after: Option<Duration>) {
    let known = event.known();
    let part = |part: for<'e> fn(&'e Entry<'e>) -> Option<&'e str>| printable(known.and_then(part).unwrap_or("?"));
    let version = known.and_then(|entry| entry.version).map_or_else(String::new, |version| format!(" v{version}"));
    let id = part(|entry| entry.id.as_deref());
    let _ = write!(text, "{}{version} {id}{}", part(|entry| entry.event.as_deref()), offset(after));
    let Some(first) = event.published.first() else {
        text.push_str(" no journal has its publishing\n");
        return;
    };
    let _ = write!(text, " published by {}", printable(first.service.as_deref().unwrap_or("?")));
    if event.published.len() > 1 {
        let _ = write!(text, ", {} times", event.published.len());
    }
    let outcome = event.published.iter().find(|entry| entry.outcome == "confirmed").unwrap_or(first);
    if outcome.outcome != "confirmed" {
        let _ = write!(text, ", {}{}", printable(&outcome.outcome), why(outcome));
    }
    text.push('\n');
}

fn attempt(text: &mut String, entry: &Entry<'_>, after: Option<Duration>) {
    let place = place(entry);
    let handler = place.as_deref().or(entry.service.as_deref());
    let _ = write!(text, "{}", printable(handler.unwrap_or("?")));
    if let Some(attempt) = entry.attempt {
        let _ = write!(text, " attempt {attempt}");
    }
    let _ = write!(text, "{} {}", offset(after), printable(&entry.outcome));
    if let Some(wait) = entry.retry_after_ms {
        let _ = write!(text, " in {}", humantime::format_duration(Duration::from_millis(wait)));
    }
    if let Some(took) = entry.took_us {
        let _ = write!(text, " after {:.1?}", Duration::from_micros(took));
    }
    let _ = writeln!(text, "{}", why(entry));
}

fn why(entry: &Entry<'_>) -> String {
    let parts: Vec<_> = entry.reason.iter().chain(&entry.error).map(|part| printable(part)).collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(": ")) }
}

fn offset(after: Option<Duration>) -> String {
    after.map_or_else(String::new, |after| format!(" +{:.3}s", after.as_secs_f64()))
}
