//! `cargo xtask bench`: what the framework costs beside lapin by hand; `cargo xtask scale`: how that changes with what grows;
//! `cargo xtask letters`: what the tool takes with many dead letters.

use crate::install;
use crate::step::run as program;

/// Builds all its programs for release, and runs the one that runs the others.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    start("bench", arguments)
}

pub(crate) fn scale(arguments: &[&str]) -> Result<(), String> {
    start("bench-scale", arguments)
}

pub(crate) fn letters(arguments: &[&str]) -> Result<(), String> {
    start("bench-letters", arguments)
}

fn start(name: &str, arguments: &[&str]) -> Result<(), String> {
    if !matches!(arguments, ["--help"]) {
        install::ensure()?;
    }
    let package = ["--quiet", "--release", "--locked", "--package", "eda-bench"];
    program(&crate::cargo(), &[&["build"], &package[..], &["--bins"]].concat(), &[])?;
    if name == "bench" {
        let seen = ["--features", "telemetry", "--bin", "bench-seen"];
        program(&crate::cargo(), &[&["build"], &package[..], &seen].concat(), &[])?;
    }
    let words = [&["run"], &package[..], &["--bin", name, "--"], arguments].concat();
    program(&crate::cargo(), &words, &[])
}
