//! Runs both programs in turn on a private broker, and tells what came of it.

mod instructions;
mod options;
mod program;
mod row;
mod shares;
mod stage;
mod table;
mod wire;

use std::process::ExitCode;

use rabbit_node::{Node, Options as NodeOptions};

use self::options::Options;
use self::program::{Pair, Program};
use self::row::{Measured, Row};
use self::stage::Stage;
use crate::meter::Sample;
use crate::task::Work;
use crate::{complain, say};

const HELP: &str = "\
usage: cargo xtask bench [OPTION…]

  --rounds R       how often each pair of programs runs; default 3
  --works A,B      of publish, publish-one, consume, seen, chain, latency, handlers, retries, memory; default all
  --queues A,B     of classic, quorum; default both
  --quick          a tenth of the events, but for handlers
  --json FILE      writes the rows, too
  --callgrind DIR  counts instructions instead, which takes valgrind, and leaves the profiles in DIR
  --perf DIR       tells where processor time goes instead, which takes perf, and leaves the profiles in DIR";

/// The whole program.
pub fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["-h" | "--help"] = words.as_slice() {
        say(HELP);
        return ExitCode::SUCCESS;
    }
    match Options::parse(&words).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let node = Node::start(NodeOptions::default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| format!("starting a runtime: {error}"))?;
    if let Some(folder) = &options.callgrind {
        return runtime.block_on(instructions::count(options, &node.url(), folder));
    }
    if let Some(folder) = &options.perf {
        return runtime.block_on(shares::show(options, &node.url(), folder));
    }
    let rows = runtime.block_on(measure(options, &node.url()))?;
    say(&format!("\n{}", table::shown(&rows)));
    if let Some(file) = &options.json {
        let text = serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?;
        std::fs::write(file, text + "\n").map_err(|error| format!("writing {}: {error}", file.display()))?;
    }
    Ok(())
}

/// Rounds are interleaved, so that what changes with time changes all rows alike.
async fn measure(options: &Options, url: &str) -> Result<Vec<Row>, String> {
    let stage = Stage::at(url).await?;
    stage.check_bytes().await?;
    let mut measured: Vec<Measured> = options.pairs().map(Measured::new).collect();
    for round in 0..options.rounds {
        for Measured { pair, rounds } in &mut measured {
            let samples = one_round(&stage, pair, round).await?;
            let told = |sample: &Sample| format!("{:>9.0} events/s {:>7.2} µs", sample.rate(), sample.cpu_us());
            let theirs = samples.1.as_ref().map(|theirs| format!("   beside {}", told(theirs))).unwrap_or_default();
            let (number, of) = (round + 1, options.rounds);
            complain(&format!("round {number}/{of}  {:<11} {:<7} {}{theirs}", pair.work, pair.queue, told(&samples.0)));
            rounds.push(samples);
        }
    }
    Ok(measured.iter().map(Row::of).collect())
}

/// Who is first changes with each round.
async fn one_round(stage: &Stage, pair: &Pair, round: u32) -> Result<row::Samples, String> {
    let framework = Program::Framework(pair.work);
    let Some(other) = pair.other() else { return Ok((stage.run(framework, pair).await?, None)) };
    if round.is_multiple_of(2) {
        let ours = stage.run(framework, pair).await?;
        Ok((ours, Some(stage.run(other, pair).await?)))
    } else {
        let theirs = stage.run(other, pair).await?;
        Ok((stage.run(framework, pair).await?, Some(theirs)))
    }
}

impl Pair {
    /// What the framework's program is compared with.
    fn other(&self) -> Option<Program> {
        match self.work {
            Work::Memory => None,
            Work::Seen | Work::Retries => Some(Program::Framework(Work::Consume)),
            work => Some(Program::Baseline(work)),
        }
    }
}
