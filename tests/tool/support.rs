//! Runs the example as a process.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

pub(crate) fn tool(arguments: &[&str]) -> Output {
    let output = Command::new(program()).args(arguments).env_remove("AMQP_URL").output();
    output.expect("`cargo test` builds the example; with `--test tool`, run `cargo build --example tool` before")
}

/// Cargo builds the examples with the tests, into the folder beside theirs.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test is a file");
    let folder = test.parent().and_then(Path::parent).expect("tests are in `deps`");
    folder.join("examples").join(format!("tool{}", std::env::consts::EXE_SUFFIX))
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn described(name: &str, description: &Value) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("json");
    std::fs::write(&file, description.to_string()).expect("the folder is ours");
    file
}

pub(crate) fn service(name: &str, handler: &str, takes: &str, emits: &str) -> Value {
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
