//! `cargo xtask simulate`: thousands of lives of the framework over a broker in memory, each decided by a seed.

use crate::ahead::Build;
use crate::step::run as program;

/// tokio lets its dice follow a seed only with this.
const FLAGS: &[(&str, &str)] = &[("RUSTFLAGS", "--cfg tokio_unstable")];
const PACKAGE: &[&str] = &["--quiet", "--profile", "simulation", "--package", "eda-simulation"];

/// How to repeat [`check`] alone.
pub(crate) const CHECK_AGAIN: &str =
    "RUSTFLAGS='--cfg tokio_unstable' cargo test --profile simulation --package eda-simulation";

/// Runs the seeds that the options ask for; see `cargo xtask simulate --help`.
pub(crate) fn run(options: &[&str]) -> Result<(), String> {
    let arguments = [&["run", "--locked"], PACKAGE, &["--"], options].concat();
    program(&crate::cargo(), &arguments, FLAGS)
}

/// The tests of the simulation that need the same seed to be the same trace.
pub(crate) fn check() -> Result<(), String> {
    let arguments = [&["test", "--locked"], PACKAGE].concat();
    program(&crate::cargo(), &arguments, FLAGS)
}

pub(crate) fn build() -> Build {
    Build { arguments: [&["build", "--locked"], PACKAGE].concat(), variables: FLAGS }
}

pub(crate) fn build_tests() -> Build {
    Build { arguments: [&["test", "--locked", "--no-run"], PACKAGE].concat(), variables: FLAGS }
}
