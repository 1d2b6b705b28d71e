//! `graph`: what is drawn, marked and found.

use serde_json::{Value, json};

use crate::support::{described, service, stderr, stdout, tool};

#[test]
fn graph_draws_and_marks() {
    let told = tool(&["graph"]);
    assert_eq!(told.status.code(), Some(0));
    let expected = "flowchart LR\n  n0([\"order.created\"])\n  n1([\"payment.completed\"])\n  n2[/\"billing\"/]\n  \
                    n3[\"billing.charge\"]\n  n2 --> n0\n  n0 --> n3\n  n3 --> n1\n  \
                    classDef marked stroke:#c00,stroke-width:3px\n  class n1 marked\n";
    assert_eq!(stdout(&told), expected);
    let dot = stdout(&tool(&["graph", "--format", "dot"]));
    assert!(dot.starts_with("digraph events {") && dot.contains("n1 [label=\"payment.completed\""), "{dot}");
}

#[test]
fn graph_check_fails_where_nobody_handles_an_event() {
    let told = tool(&["graph", "--check"]);
    assert_eq!(
        (told.status.code(), stderr(&told)),
        (Some(1), "found: nobody handles `payment.completed`\n".to_owned())
    );
}

#[test]
fn merged_descriptions_make_one_graph() {
    let mut shipping = service("shipping", "ship", "payment.completed", "order.shipped");
    shipping["services"][0]["handlers"][0]["takes"]["version"] = json!(2);
    let shipping = described("shipping", &shipping);
    let archive = described("archive", &service("archive", "keep", "order.shipped", "order.created"));
    let both = [shipping.to_str(), archive.to_str()].map(|path| path.expect("a path of ours is UTF-8"));
    let told = tool(&["graph", "--check", "--merge", both[0], both[1]]);
    let cycle = "found: a cycle: `order.created` → `billing.charge` → `payment.completed` → `shipping.ship` → \
                 `order.shipped` → `archive.keep` → `order.created`\n";
    assert_eq!((told.status.code(), stderr(&told)), (Some(1), cycle.to_owned()));

    let waiting = described("waiting", &service("waiting", "wait", "parcel.lost", "order.created"));
    let told = tool(&["graph", "--check", "--merge", &waiting.to_string_lossy()]);
    let nobody = "nobody publishes `parcel.lost`, which `waiting.wait` takes";
    assert!(told.status.code() == Some(1) && stderr(&told).contains(nobody), "{}", stderr(&told));
}

#[test]
fn graph_check_fails_where_an_event_is_newer_than_its_handler() {
    let mut newer = service("web", "pay", "payment.completed", "order.created");
    newer["services"][0]["handlers"][0]["emits"][0]["version"] = json!(2);
    let newer = described("newer-version", &newer);
    let told = tool(&["graph", "--check", "--merge", &newer.to_string_lossy()]);
    let outdated = "`order.created` is published in version 2, and `billing.charge` knows up to version 1";
    assert!(told.status.code() == Some(1) && stderr(&told).contains(outdated), "{}", stderr(&told));
}

#[test]
fn a_newer_description_is_refused_with_both_versions() {
    let newer = described("newer", &json!({ "format": "eda.description", "version": 7, "shape": "unknown" }));
    let told = tool(&["graph", "--merge", &newer.to_string_lossy()]);
    let text = stderr(&told);
    assert_eq!(told.status.code(), Some(1));
    assert!(text.contains("version 7") && text.contains("version 1") && text.contains("newer.json"), "{text}");
}

#[test]
fn what_is_found_is_told_as_json_too() {
    let told = tool(&["graph", "--check", "--json"]);
    let document: Value = serde_json::from_slice(&told.stdout).expect("standard output is one document");
    let expected = json!([{
        "kind": "unhandled", "nodes": ["payment.completed"], "text": "nobody handles `payment.completed`"
    }]);
    assert_eq!((told.status.code(), &document["findings"]), (Some(1), &expected));
    let nodes = document["nodes"].as_array().expect("a list");
    assert!(nodes.contains(&json!({ "id": 3, "kind": "handler", "name": "billing.charge" })), "{nodes:?}");
}
