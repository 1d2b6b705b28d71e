//! What the guide and the dashboard say is what is recorded.

use std::collections::BTreeSet;

use eda_core::telemetry::metrics::{Kind, LIST, Metric};
use serde_json::Value;

pub(crate) const DASHBOARD: &str = include_str!("../../../docs/grafana.json");
pub(crate) const GUIDE: &str = include_str!("../../../docs/guides/observability.md");

/// Everything in a text that looks like a metric of ours, with what Prometheus adds to histograms.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let ours = |word: &&str| word.starts_with("eda_") || word.starts_with("messaging_");
    words.filter(ours).filter(|word| !is_label(word)).collect()
}

fn is_label(word: &str) -> bool {
    LIST.iter().any(|metric| metric.labels.contains(&word))
}

fn find(word: &str) -> Option<&'static Metric> {
    LIST.iter().find(|metric| match metric.kind {
        Kind::Histogram => {
            word.strip_prefix(metric.name).is_some_and(|rest| ["_bucket", "_sum", "_count"].contains(&rest))
        }
        _ => word == metric.name,
    })
}

/// Every text under this key.
pub(crate) fn texts<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == key => found.push(text),
                    member => texts(member, key, found),
                }
            }
        }
        Value::Array(members) => members.iter().for_each(|member| texts(member, key, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_asks_for_metrics_that_there_are_and_misses_none() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("it is JSON");
    let mut queries = Vec::new();
    texts(&dashboard, "expr", &mut queries);
    assert!(queries.len() > 15, "{queries:?}");
    texts(&dashboard, "definition", &mut queries);
    let mut shown = BTreeSet::new();
    for query in queries {
        let asked = metrics(query);
        assert!(!asked.is_empty(), "{query}");
        for word in asked {
            let metric = find(word).unwrap_or_else(|| panic!("no such metric: {word} in {query}"));
            shown.insert(metric.name);
        }
    }
    assert_eq!(shown, LIST.iter().map(|metric| metric.name).collect());
}

#[test]
fn the_dashboard_asks_for_labels_that_there_are() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("it is JSON");
    let mut queries = Vec::new();
    texts(&dashboard, "expr", &mut queries);
    for query in queries {
        let labels =
            query.split("by (").skip(1).filter_map(|rest| rest.split(')').next()).flat_map(|list| list.split(", "));
        for label in labels.filter(|label| *label != "le") {
            let asked: Vec<_> = metrics(query).into_iter().filter_map(find).collect();
            assert!(asked.iter().all(|metric| metric.labels.contains(&label)), "{label} in {query}");
        }
    }
}

#[test]
fn the_guide_explains_every_metric_with_its_labels() {
    for metric in LIST {
        let row = GUIDE.lines().find(|line| line.starts_with(&format!("| `{}` |", metric.name)));
        let row = row.unwrap_or_else(|| panic!("no row for {}", metric.name));
        let labels = row.split('|').nth(2).expect("a column of labels");
        let own = metric.labels.iter().filter(|label| !label.starts_with("messaging_"));
        let own: Vec<_> = own.map(|label| format!("`{label}`")).collect();
        assert_eq!(labels.trim(), own.join(", "), "{}", metric.name);
    }
    let alerts = GUIDE.lines().filter(|line| line.starts_with("| ") && line.contains('('));
    for word in alerts.flat_map(metrics).filter(|word| !LIST.iter().any(|metric| metric.name == *word)) {
        assert!(find(word).is_some(), "no such metric: {word}");
    }
}
