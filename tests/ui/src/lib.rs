//! The compiler's words: each file in `mistakes` holds one mistake, is named after it, and gives one error. In those named
//! `…-registered` a service subscribes the handler, as in a program: what was told at the handler is not told again.
//!
//! The texts are those of one compiler, since rustc's own lines differ between versions: another one says other words about
//! the same mistakes, and is not compared. To move on, change the version here and in the workflow, run
//! `TRYBUILD=overwrite cargo test -p eda-ui`, and look at what has changed.

#![cfg(test)]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Whose words they are.
const COMPILER: &str = "rustc 1.95.";

/// What rustc says at length in its own words, and why that is better than fewer words of ours.
const LONGER: &[(&str, usize, &str)] = &[
    ("handler-rc-across-await", 22, "rustc names the value, its type and the await: nobody else knows them"),
    (
        "service-with-handler-as-value",
        16,
        "rustc shows the method and a line without the argument, then asks for `::<…>`",
    ),
    ("handler-publishes-unlisted-event", 18, "rustc shows a method's bound and the type that does not meet it"),
    ("handler-publishes-event-not-in-tuple", 18, "as above"),
];

/// What is more than one mistake.
const SEVERAL: &[(&str, usize, &str)] =
    &[("service-without-state-for-two", 2, "each type that the state lacks is told, as each needs a field")];

#[test]
#[expect(clippy::print_stdout, reason = "who looks at the output should know that nothing was compared")]
fn mistakes_are_told() {
    let compiler = Command::new("rustc").arg("--version").output().expect("cargo has found one, too").stdout;
    let compiler = String::from_utf8_lossy(&compiler);
    if !compiler.starts_with(COMPILER) {
        println!("not compared: the texts are those of {COMPILER}*, and this is {compiler}");
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("mistakes/*.rs");
}

#[test]
fn one_mistake_is_one_short_error() {
    let mut told = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("mistakes")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "stderr") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        // subscribing a handler tells nothing more
        let case = name.strip_suffix("-registered").unwrap_or(name);
        let listed = |list: &[(&str, usize, &str)]| list.iter().find(|(other, ..)| *other == case).map(|(_, n, _)| *n);
        let expected = listed(SEVERAL).unwrap_or(1);
        // with an empty line between two
        let limit = (listed(LONGER).unwrap_or(12) + 1) * expected - 1;
        let errors = text.lines().filter(|line| line.starts_with("error")).count();
        let warnings = text.lines().filter(|line| line.starts_with("warning")).count();
        assert_eq!((errors, warnings), (expected, 0), "{name} is told as:\n{text}");
        assert!(text.lines().count() <= limit, "{name} takes more than {limit} lines:\n{text}");
        told += 1;
    }
    assert!(told > 100, "only {told} mistakes are told");
}
