//! The operations tool, as a process sees it: the arguments go in; output and exit code come out.
#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

#[test]
fn describe_tells_handlers_and_events() {
    let told = tool(&["describe"]);
    assert_eq!(told.status.code(), Some(0));
    let text = stdout(&told);
    for part in [
        "service billing",
        "handler charge  examples/tool.rs:24",
        "Charges the card once per order.",
        "takes   order.created v1",
        "emits   payment.completed v2",
        "queue   billing.charge",
        "policy  5 retries after 200ms to 30s, 5m for an attempt, 16 at a time",
        "A customer has placed an order.",
    ] {
        assert!(text.contains(part), "`{part}` is missing:\n{text}");
    }
}

#[test]
fn describe_as_json_keeps_its_format() {
    let told = tool(&["describe", "--json"]);
    let found: Value = serde_json::from_slice(&told.stdout).expect("standard output is one document");
    let expected = json!({
        "format": "eda.description",
        "version": 1,
        "services": [{
            "name": "billing",
            "handlers": [{
                "name": "charge",
                "doc": "Charges the card once per order.",
                "file": "examples/tool.rs",
                "line": 24,
                "takes": { "name": "order.created", "version": 1 },
                "accepts": [],
                "binding": "order.created",
                "emits": [{ "name": "payment.completed", "version": 2 }],
                "queue": "billing.charge",
                "policy": {
                    "retries": 5, "backoff_first_ms": 200, "backoff_last_ms": 30_000, "timeout_ms": 300_000,
                    "concurrency": 16, "prefetch": null
                },
            }],
            "publishes": [{ "name": "order.created", "version": 1 }],
        }],
        "events": [
            { "name": "order.created", "version": 1, "doc": "A customer has placed an order.", "binding": "order.created" },
            {
                "name": "payment.completed", "version": 2, "doc": "The customer's bank has paid.",
                "binding": "payment.completed"
            },
        ],
    });
    assert_eq!(found, expected);
}

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
    let shipping = described("shipping", &service("shipping", "ship", "payment.completed", "order.shipped"));
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
fn a_newer_description_is_refused_with_both_versions() {
    let newer = described("newer", &json!({ "format": "eda.description", "version": 7, "shape": "unknown" }));
    let told = tool(&["graph", "--merge", &newer.to_string_lossy()]);
    let text = stderr(&told);
    assert_eq!(told.status.code(), Some(1));
    assert!(text.contains("version 7") && text.contains("version 1") && text.contains("newer.json"), "{text}");
}

#[test]
fn wrong_arguments_are_told_apart_from_a_broker_that_is_away() {
    let wrong = tool(&["descrbe"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(stderr(&wrong).contains("'describe'"), "{}", stderr(&wrong));
    let unnamed = tool(&["run"]);
    assert_eq!(unnamed.status.code(), Some(1));
    assert!(stderr(&unnamed).contains("add `--broker"), "{}", stderr(&unnamed));
    let help = tool(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(stdout(&help).contains("describe"), "{}", stdout(&help));
}

#[test]
fn help_shows_no_password() {
    let told = Command::new(program()).arg("--help").env("EDA_BROKER", "amqp://ada:hunter2@localhost").output();
    let told = told.expect("the example was built with this test");
    assert!(stdout(&told).contains("EDA_BROKER") && !stdout(&told).contains("hunter2"), "{}", stdout(&told));
}

#[cfg(feature = "rabbit")]
#[test]
fn a_broker_that_is_away_is_one_sentence() {
    let told = tool(&["run", "--broker", "amqp://ada:hunter2@127.0.0.1:1"]);
    let text = stderr(&told);
    assert_eq!(told.status.code(), Some(2), "{text}");
    assert!(text.lines().count() == 1 && !text.contains("hunter2"), "{text}");
}

#[test]
fn completions_name_the_commands() {
    let told = tool(&["completions", "bash"]);
    assert_eq!(told.status.code(), Some(0));
    assert!(stdout(&told).contains("describe") && stdout(&told).contains("graph"));
}

fn tool(arguments: &[&str]) -> Output {
    let output = Command::new(program()).args(arguments).env_remove("EDA_BROKER").output();
    output.expect("`cargo test` builds the example; with `--test tool`, run `cargo build --example tool` before")
}

/// Cargo builds the examples with the tests, into the folder beside theirs.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test is a file");
    let folder = test.parent().and_then(Path::parent).expect("tests are in `deps`");
    folder.join("examples").join(format!("tool{}", std::env::consts::EXE_SUFFIX))
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn described(name: &str, description: &Value) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("json");
    std::fs::write(&file, description.to_string()).expect("the folder is ours");
    file
}

fn service(name: &str, handler: &str, takes: &str, emits: &str) -> Value {
    let event = |name: &str| json!({ "name": name, "version": 1 });
    json!({
        "format": "eda.description",
        "version": 1,
        "services": [{
            "name": name,
            "handlers": [{
                "name": handler, "doc": "", "file": "src/lib.rs", "line": 1, "takes": event(takes), "accepts": [],
                "binding": takes, "emits": [event(emits)], "queue": format!("{name}.{handler}"),
                "policy": {
                    "retries": 1, "backoff_first_ms": 1, "backoff_last_ms": 1, "timeout_ms": 1, "concurrency": 1,
                    "prefetch": null
                },
            }],
            "publishes": [],
        }],
        "events": [],
    })
}
