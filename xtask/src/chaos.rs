//! `cargo xtask chaos`: proves under faults that nothing is lost.

use crate::install;
use crate::step::run as program;

/// So much as every change has to stand: twelve faults of six kinds, in about two minutes.
pub(crate) const GATE: &[&str] = &[
    "--events",
    "20000",
    "--fault-count",
    "12",
    "--faults",
    "reset,late-confirms,kill,close-connections,consumer-kill,memory-alarm",
    "--rate",
    "250",
    "--minutes",
    "4",
];

/// Builds the program and runs it; `--release` is for cargo, the rest for the program.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    if !arguments.contains(&"--rabbitmq-bin") && !matches!(arguments, ["--list" | "--help"]) {
        install::ensure()?;
    }
    program(&crate::cargo(), &words(arguments), &[])
}

/// The same as arguments of cargo.
pub(crate) fn words<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["run", "--quiet", "--locked", "--package", "eda-chaos", "--bin", "chaos"];
    words.extend(arguments.contains(&"--release").then_some("--release"));
    words.push("--");
    words.extend(arguments.iter().filter(|argument| **argument != "--release"));
    words
}
