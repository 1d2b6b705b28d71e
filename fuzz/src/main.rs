//! One target from the command line.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use eda_fuzz::{Fuzz, target};

const USAGE: &str = "expected: TARGET [--seconds N] [--seed S] [--replay FILE], with one of the targets envelope, headers, \
                     url, routing_key";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let [name, options @ ..] = arguments else { return Err(USAGE.into()) };
    let (_, target) = target::ALL.into_iter().find(|(known, _)| known == name).ok_or(USAGE)?;
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let mut seed = since.map_or(0, |since| u64::from(since.subsec_nanos()));
    let (mut time, mut corpus) = (Duration::from_secs(60), Fuzz::corpus(name)?);
    for option in options.chunks(2) {
        match option {
            [option, value] if option == "--seconds" => {
                time = Duration::from_secs(value.parse().map_err(|_| format!("{USAGE}; `{value}` is no number"))?);
            }
            [option, value] if option == "--seed" => {
                seed = value.parse().map_err(|_| format!("{USAGE}; `{value}` is no number"))?;
            }
            [option, file] if option == "--replay" => {
                corpus = vec![std::fs::read(file).map_err(|error| format!("{file}: {error}"))?];
                time = Duration::ZERO;
            }
            _ => return Err(USAGE.into()),
        }
    }
    let outcome = Fuzz { target, corpus, time, seed }.run();
    let failed = match outcome {
        Ok(report) => {
            println!("{name}: {} inputs in {time:?} with seed {seed}, all well", report.inputs);
            return Ok(());
        }
        Err(failed) => failed,
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz").join(name);
    let file = failed.write(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let file = file.display();
    Err(format!("{name}: {}\nagain: cargo run -p eda-fuzz -- {name} --replay {file}\nseed {seed}", failed.why))
}
