//! The operations tool, as a process sees it: the arguments go in; output and exit code come out.
#![cfg(test)]

#[cfg(feature = "rabbit")]
mod broker;
#[cfg(feature = "rabbit")]
mod dead;
mod graph;
#[cfg(all(feature = "journal", feature = "rabbit"))]
mod journal;
#[cfg(feature = "rabbit")]
mod killed;
mod page;
mod publish;
mod support;
#[cfg(feature = "journal")]
mod trace;
#[cfg(feature = "rabbit")]
mod unrouted;

use std::process::Command;

use serde_json::{Value, json};

use self::support::{program, stderr, stdout, tool};

#[test]
fn describe_tells_handlers_and_events() {
    let told = tool(&["describe"]);
    assert_eq!(told.status.code(), Some(0));
    let text = stdout(&told);
    for part in [
        "service billing",
        "handler charge  examples/tool.rs:33",
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
                "line": 33,
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
    let told = Command::new(program()).arg("--help").env("AMQP_URL", "amqp://ada:hunter2@localhost").output();
    let told = told.expect("the example was built with this test");
    assert!(stdout(&told).contains("AMQP_URL") && !stdout(&told).contains("hunter2"), "{}", stdout(&told));
}

#[cfg(feature = "rabbit")]
#[test]
fn a_broker_that_is_away_is_one_sentence() {
    let broker = "amqp://ada:hunter2@127.0.0.1:1?connect_timeout=1s";
    let body = r#"{"order_id": 1, "lines": []}"#;
    for arguments in [
        &["run"][..],
        &["topology", "plan"],
        &["topology", "apply"],
        &["publish", "order.created", body],
        &["tail"],
        &["health"],
        &["dead", "list"],
        &["unrouted", "list"],
    ] {
        let told = tool(&[arguments, &["--broker", broker]].concat());
        let text = stderr(&told);
        assert_eq!(told.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.starts_with("error: no broker answered within 1s"), "{arguments:?}: {text}");
        assert!(text.lines().count() == 1 && !text.contains("hunter2"), "{arguments:?}: {text}");
    }
}

#[test]
fn a_pattern_that_nothing_could_match_is_refused() {
    let unknown = tool(&["tail", "order.craeted"]);
    assert_eq!(unknown.status.code(), Some(1));
    let text = stderr(&unknown);
    assert!(text.starts_with("error: no handler of event `order.craeted`: did you mean `order.created`?"), "{text}");
    let half = tool(&["tail", "order.crea*"]);
    assert_eq!(half.status.code(), Some(1));
    assert!(stderr(&half).contains("as a whole segment of the pattern, found `crea*`"), "{}", stderr(&half));
}

#[test]
fn a_broker_without_operators_says_so() {
    for arguments in [&["topology", "plan"][..], &["tail"], &["health"]] {
        let told = tool(&[arguments, &["--broker", "memory://"]].concat());
        let text = stderr(&told);
        assert_eq!(told.status.code(), Some(1));
        assert!(text.contains("this broker has nothing for operators"), "{arguments:?}: {text}");
    }
}

#[test]
fn what_stands_behind_a_wrong_scheme_is_not_repeated() {
    let text = stderr(&tool(&["health", "--broker", "memory://bob:hunter2@x"]));
    assert!(text.starts_with("error: expected nothing after `memory://`") && !text.contains("hunter2"), "{text}");
}

#[test]
fn a_broker_within_a_process_has_nothing_of_another() {
    let publish = &["publish", "order.created", r#"{"order_id": 1, "lines": []}"#];
    for arguments in [&["dead", "list"][..], &["dead", "replay", "--yes"], &["unrouted", "list"], publish] {
        let told = tool(&[arguments, &["--broker", "memory://"]].concat());
        let text = stderr(&told);
        assert_eq!(told.status.code(), Some(1));
        assert!(text.contains("lives and ends within one process"), "{arguments:?}: {text}");
    }
}

#[test]
fn filters_that_nothing_could_match_are_refused() {
    for (arguments, expected) in [
        (&["--handler", "chrage"][..], "error: no handler `chrage`: did you mean `charge`?"),
        (&["--handler", "billing.chrage"], "error: no handler `billing.chrage`: did you mean `billing.charge`?"),
        (&["--reason", "undecodeable"], "error: no reason `undecodeable`: did you mean `undecodable`"),
        (&["--after", "2026-11-28", "--before", "2026-11-27"], "error: nothing is after"),
        (&["--after", "soon"], "error: invalid value 'soon' for '--after <TIME>': expected a time such as"),
    ] {
        let told = tool(&[&["dead", "list", "--broker", "memory://"], arguments].concat());
        assert_eq!(told.status.code(), Some(1));
        assert!(stderr(&told).starts_with(expected), "{arguments:?}: {}", stderr(&told));
    }
}

#[test]
fn a_graph_is_drawn_in_one_format() {
    let told = tool(&["graph", "--format", "html", "--json"]);
    assert_eq!((told.status.code(), &*stdout(&told)), (Some(1), ""));
    assert!(
        stderr(&told).starts_with("error: `--json` is a format of its own: leave out `--format`"),
        "{}",
        stderr(&told)
    );
}

#[test]
fn completions_name_the_commands() {
    let told = tool(&["completions", "bash"]);
    assert_eq!(told.status.code(), Some(0));
    assert!(stdout(&told).contains("describe") && stdout(&told).contains("graph"));
}

#[cfg(feature = "rabbit")]
#[test]
fn permissions_are_the_command_that_grants_them() {
    let broker = "amqp://ada:hunter2@nowhere.invalid/shop";
    let told = tool(&["permissions", "--broker", broker]);
    let text = stdout(&told);
    assert_eq!(told.status.code(), Some(0), "{}", stderr(&told));
    assert!(text.starts_with("rabbitmqctl set_permissions --vhost 'shop' 'ada' '^("), "{text}");
    assert!(text.contains(r"billing\.charge") && !text.contains("hunter2"), "{text}");
    let told = tool(&["permissions", "--broker", broker, "--json"]);
    let document: Value = serde_json::from_slice(&told.stdout).expect("standard output is one document");
    assert_eq!(document["command"], text.trim_end());
    assert!(document["write"].as_str().is_some_and(|write| write.contains(r"eda\.events|")), "{document}");
    let memory = tool(&["permissions", "--broker", "memory://"]);
    assert_eq!(memory.status.code(), Some(1));
}

#[test]
fn asyncapi_is_one_document_as_json_and_as_yaml() {
    let told = tool(&["asyncapi", "--json"]);
    assert_eq!(told.status.code(), Some(0), "{}", stderr(&told));
    let document: Value = serde_json::from_slice(&told.stdout).expect("standard output is one document");
    assert_eq!(document["asyncapi"], "3.1.0");
    let told = tool(&["asyncapi"]);
    assert_eq!(told.status.code(), Some(0), "{}", stderr(&told));
    assert!(stdout(&told).starts_with("asyncapi: \"3.1.0\"\n"), "{}", stdout(&told));
}
