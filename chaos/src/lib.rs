//! Proves under faults that nothing is lost: private brokers, a network that can be bad, real processes that use the
//! framework as users do, ledgers of what they saw, and a checker that adds it up.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod chance;
mod ledger;
mod options;
mod proxy;
mod worker;
mod steady;
mod books;
mod cluster;
mod fleet;
mod fault;
mod report;
mod run;
mod mutants;
mod sums;

use std::process::ExitCode;

use self::options::Options;

const HELP: &str = "\
usage: chaos [OPTION…]
       chaos sums DIR                      adds up the ledgers of a red run again, as JSON
       chaos-mutant mutants [SAFEGUARD…]   leaves out one safeguard after the other: every run must be red

  --events N           at least so many events are confirmed (20000)
  --fault-count N      so many faults, one after the other (10); 0 for a steady load, under which nothing may grow
  --check-every N      after so many faults the broker's consumers are counted (1)
  --faults KIND,…      only these kinds, taken in turn; without it, all that fit
  --minutes M          at most so long, or it is a failure (10)
  --nodes 1|3          brokers (1)
  --rate N             events a second, over all publishers (400)
  --seed N             what chance decides (from the clock)
  --rabbitmq-bin DIR   folder that holds rabbitmq-server and rabbitmqctl
  --json FILE          the report as JSON
  --markdown FILE      the report for people
  --list               the kinds of faults";

/// Takes the arguments of the program: control of a run, or one of its processes.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("starting: {error}")),
    };
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["worker", ..] => match runtime.block_on(worker::run(&arguments[1..])) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
        ["mutants", names @ ..] => match runtime.block_on(mutants::run(names)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
        ["sums", folder] => match sums::sums(folder.as_ref()) {
            Ok(findings) => {
                println!("{}", serde_json::to_string_pretty(&findings).unwrap_or_default());
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error),
        },
        ["-h" | "--help"] => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        ["--list"] => {
            println!("{}", fault::list());
            ExitCode::SUCCESS
        }
        _ => match Options::parse(&words).and_then(|options| runtime.block_on(run::run(options))) {
            Ok(report) if report.is_green() => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(error) => failed(&error),
        },
    }
}

fn failed(error: &str) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}
