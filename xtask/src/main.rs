//! Development commands: `cargo xtask test`, `simulate`, `chaos`, `bench`, `scale`, `letters`, `build-times`, `count`, `fuzz`, `broker`, `python`, `tidy`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod bench;
mod broker;
mod browser;
mod build_times;
mod chaos;
mod collector;
mod count;
mod fuzz;
mod install;
mod python;
mod simulate;
mod step;
mod test;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
usage: cargo xtask <command>

  test [FILTER…]   everything that must pass: format, tidy, clippy, tests, docs; with filters, only the tests they name
  simulate         seeds: each a life of the framework over a broker in memory that fails; --help tells the options
  broker           a private RabbitMQ node until Ctrl-C
  chaos [OPTION…]  faults under load: nothing may be lost; --help tells more, --release builds it faster to run
  bench [OPTION…]  what the framework costs beside lapin by hand; --help tells more
  scale [OPTION…]  the same over bodies, concurrency, handlers, processes and backlogs, as plots; --help tells more
  letters          what the tool takes with a hundred thousand dead letters; --help tells more
  build-times      how long a service, an edited handler and many events take to build; --rounds N, 3 if not given
  count            instructions of a delivery and a publish, without a broker; --write records them
  fuzz             all fuzz targets, two at a time, a minute each; `--seconds N` for another time
  python           a Python with what the tests' Python programs import
  tidy             the rules that rustc and clippy don't know

AMQP_URL           tests use this broker instead of a private node
EDA_PYTHON         tests use this Python, which has pika, instead of one in target
EDA_COLLECTOR      tests send traces to this `rotel-agent`, instead of one in target
EDA_PROMTOOL       metrics are checked with this `promtool`
EDA_RABBITMQ_BIN   folder that holds rabbitmq-server and rabbitmqctl
EDA_RABBITMQ_4_BIN the same of a RabbitMQ 4: then `test` runs the transport's tests and the chaos run on it, too";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["simulate", options @ ..] => simulate::run(options),
        ["chaos", options @ ..] => chaos::run(options),
        ["count", options @ ..] => count::run(options),
        ["bench", options @ ..] => bench::run(options),
        ["scale", options @ ..] => bench::scale(options),
        ["letters", options @ ..] => bench::letters(options),
        ["build-times", options @ ..] => build_times::run(options),
        [] | ["-h" | "--help" | "help", ..] | [_, "-h" | "--help"] => {
            println!("{HELP}");
            Ok(())
        }
        ["test", filters @ ..] => test::run(filters),
        ["broker"] => broker::run(),
        ["fuzz", options @ ..] => fuzz::command(options),
        ["python"] => python::run(),
        ["tidy"] => tidy::run(),
        _ => Err(format!("no such command: {}\n\n{HELP}", words.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The cargo that runs this program.
fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}

/// The root of the repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
