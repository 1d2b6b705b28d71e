//! What it costs to be told of: the framework's own path without a broker, with nobody listening and with everybody.
//!
//! `cargo run --release -p eda-bench --features telemetry --bin bench-telemetry` runs each way in a process of its own, in
//! turn, and prints the best round of each: nanoseconds for an event.
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::io;
use std::process::{Command, ExitCode};
use std::time::Instant;

use eda_bench::complain;
use eda_bench::meter::record_metrics;
use eda_inprocess::Prepared;

const EVENTS: u32 = 100_000;
const ROUNDS: usize = 7;
/// Who listens: the word, whether numbers are recorded, and what is let through to a log that is thrown away.
const WAYS: [(&str, bool, Option<&str>); 4] = [
    ("nobody", false, None),
    ("log at info", false, Some("info")),
    ("metrics, log at info", true, Some("info")),
    ("metrics, log at info, spans", true, Some("info,eda::process=debug,eda::publish=debug")),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match &words[..] {
        [] => compare(),
        [way] => measure(way),
        _ => Err("expected nothing".into()),
    };
    done.map_or_else(
        |error| {
            complain(&error);
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn compare() -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| format!("finding this program: {error}"))?;
    println!("{:<30} {:>12} {:>12}", "who listens", "delivery ns", "publish ns");
    let mut best = [[u64::MAX; 2]; WAYS.len()];
    for _ in 0..ROUNDS {
        for ((way, ..), best) in WAYS.iter().zip(&mut best) {
            let output = Command::new(&program).arg(way).output().map_err(|error| format!("starting it: {error}"))?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let numbers = text.split_whitespace().map(str::parse).collect::<Result<Vec<u64>, _>>();
            let numbers = numbers.map_err(|error| format!("expected numbers, found `{text}`: {error}"))?;
            best.iter_mut().zip(numbers).for_each(|(best, number)| *best = number.min(*best));
        }
    }
    for ((way, ..), [delivery, publish]) in WAYS.iter().zip(best) {
        println!("{way:<30} {delivery:>12} {publish:>12}");
    }
    Ok(())
}

fn measure(way: &str) -> Result<(), String> {
    let known = WAYS.iter().find(|(known, ..)| *known == way);
    let (_, is_recorded, filter) = known.ok_or_else(|| format!("expected no argument, found `{way}`"))?;
    if *is_recorded {
        record_metrics()?;
    }
    if let Some(filter) = filter {
        tracing_subscriber::fmt().with_env_filter(*filter).with_writer(io::sink).init();
    }
    let nanoseconds = |work: &dyn Fn()| {
        work();
        let begin = Instant::now();
        work();
        begin.elapsed().as_nanos() / u128::from(EVENTS)
    };
    let count = EVENTS as usize;
    let publish = nanoseconds(&|| Prepared::deliveries(0).publish(count));
    // what is handled is made beforehand
    let prepared = [Prepared::deliveries(count), Prepared::deliveries(count)];
    let mut took = u128::MAX;
    for mut prepared in prepared {
        let begin = Instant::now();
        prepared.handle();
        took = took.min(begin.elapsed().as_nanos() / u128::from(EVENTS));
    }
    println!("{took} {publish}");
    Ok(())
}
