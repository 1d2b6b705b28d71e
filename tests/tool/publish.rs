//! `publish`: what is refused before a broker is asked.

use serde_json::{Value, json};

use crate::support::{stderr, stdout, tool};

#[test]
fn an_unknown_event_is_answered_with_the_nearest_names() {
    let told = tool(&["publish", "order.craeted", "{}"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(
        stderr(&told).starts_with("error: no event `order.craeted`: did you mean `order.created`?"),
        "{}",
        stderr(&told)
    );
    let version = tool(&["publish", "payment.completed", "{}", "--event-version", "9"]);
    assert!(stderr(&version).contains("`payment.completed` has no version 9: there is 2"), "{}", stderr(&version));
}

#[test]
fn json_that_does_not_fit_is_told_by_path_and_by_what_was_expected() {
    for (body, expected) in [
        (
            r#"{"order_id": 1, "lines": [{"article": "hat", "count": 1}, {"article": "cap", "count": "two"}]}"#,
            "lines[1].count: invalid type: string \"two\", expected u32",
        ),
        (r#"{"order_id": 1, "lines": [{"count": 1}]}"#, "lines[0]: missing field `article`"),
        (r#"{"lines": []}"#, "missing field `order_id`"),
        ("{", "EOF while parsing an object at line 1 column 1"),
        ("[1, []]", "invalid type: sequence, expected struct OrderCreated"),
    ] {
        let told = tool(&["publish", "order.created", body]);
        let text = stderr(&told);
        assert_eq!(told.status.code(), Some(1));
        assert!(text.contains("the body is no `order.created` of version 1") && text.contains(expected), "{text}");
    }
}

#[test]
fn the_docs_show_what_is_told() {
    let docs = include_str!("../../docs/operations.md");
    let body = r#"{"order_id": 1, "lines": [{"article": "cap", "count": "two"}]}"#;
    let shown =
        format!("$ billing publish order.created '{body}'\n{}", stderr(&tool(&["publish", "order.created", body])));
    assert!(docs.contains(&shown), "docs/operations.md does not show:\n{shown}");
}

#[test]
fn a_dry_run_needs_no_broker() {
    let told = tool(&["publish", "order.created", r#"{"order_id": 1, "lines": []}"#, "--dry-run", "--json"]);
    let mut document: Value = serde_json::from_slice(&told.stdout).expect("standard output is one document");
    assert!(document["id"].take().is_string(), "{document}");
    let expected = json!({
        "event": "order.created", "version": 1, "id": null, "routing_key": "order.created", "published": false
    });
    assert_eq!(document, expected);
    let text = stdout(&tool(&["publish", "order.created", r#"{"order_id": 1, "lines": []}"#, "--dry-run"]));
    assert!(text.starts_with("this can be published as order.created v1 "), "{text}");
}
