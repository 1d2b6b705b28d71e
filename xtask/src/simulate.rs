//! `cargo xtask simulate`: thousands of lives of the framework over a broker in memory, each decided by a seed.

use crate::step::run as program;

/// tokio lets its dice follow a seed only with this.
const FLAGS: (&str, &str) = ("RUSTFLAGS", "--cfg tokio_unstable");
const PACKAGE: &[&str] = &["--quiet", "--locked", "--profile", "simulation", "--package", "eda-simulation"];

/// How to repeat [`check`] alone.
pub(crate) const CHECK_AGAIN: &str =
    "RUSTFLAGS='--cfg tokio_unstable' cargo test --profile simulation --package eda-simulation";

/// Runs the seeds that the options ask for; see `cargo xtask simulate --help`.
pub(crate) fn run(options: &[&str]) -> Result<(), String> {
    let mut arguments = vec!["run"];
    arguments.extend(PACKAGE);
    arguments.push("--");
    arguments.extend(options);
    program(&cargo(), &arguments, &[FLAGS])
}

/// The tests of the simulation that need the same seed to be the same trace.
pub(crate) fn check() -> Result<(), String> {
    let mut arguments = vec!["test"];
    arguments.extend(PACKAGE);
    program(&cargo(), &arguments, &[FLAGS])
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}
