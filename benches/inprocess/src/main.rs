//! Does one thing so many times, for a harness that counts instructions: `bench-count deliveries|publishes <count>`.
#![expect(clippy::print_stderr, reason = "a program for the terminal")]

use std::process::ExitCode;

use eda_inprocess::Prepared;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<(), String> {
    let [what, count] = words else { return Err("expected `deliveries` or `publishes`, and a number".into()) };
    let count = count.parse().map_err(|_| format!("expected a number, found `{count}`"))?;
    match what.as_str() {
        "deliveries" => Prepared::deliveries(count).handle(),
        "publishes" => Prepared::deliveries(0).publish(count),
        _ => return Err(format!("expected `deliveries` or `publishes`, found `{what}`")),
    }
    Ok(())
}
