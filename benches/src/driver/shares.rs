//! Where the processor time of an event goes, as `perf` sees it: by samples, so with the kernel's share and all threads, and at
//! nearly the speed of a run that nobody looks at.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::options::Options;
use super::program::{Pair, Profiler, Program, output_of};
use super::stage::Stage;
use crate::say;

/// Groups of functions, each with what their names have in them; the first that fits counts.
const GROUPS: [(&str, &[&str]); 7] = [
    ("kernel", &["[k]"]),
    ("allocator", &["malloc", "free", "realloc", "calloc", "_int_", "unlink_chunk", "tcache"]),
    ("copies", &["memmove", "memcpy", "memset"]),
    ("JSON", &["serde_json", "serde_core", "serde::"]),
    ("ours", &["eda_", "eda::", "bench_"]),
    ("lapin", &["lapin", "amq_protocol", "async_rs", "nom::", "cookie_factory"]),
    ("tokio", &["tokio", "mio::"]),
];

/// Runs both programs of every row once; the profiles stay in the folder, for `perf report`.
pub(super) async fn show(options: &Options, url: &str, folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("making {}: {error}", folder.display()))?;
    let stage = Stage::at(url).await?;
    for pair in options.pairs() {
        for program in [Some(Program::Framework(pair.work)), pair.other()].into_iter().flatten() {
            say(&line(&stage, &pair, program, folder).await?);
        }
    }
    Ok(())
}

/// Microseconds an event of each group.
async fn line(stage: &Stage, pair: &Pair, program: Program, folder: &Path) -> Result<String, String> {
    let file = folder.join(format!("{}-{}-{}-{}.perf", pair.work, pair.queue, program.name(), program.work()));
    let sample = stage.run_under(program, pair, Some(Profiler::Perf(file.clone()))).await?;
    let file = file.display().to_string();
    let report = output_of("perf", &["report", "--stdio", "--quiet", "--sort=symbol", "--input", &file])?;
    let what = format!("{} of {}", program.name(), program.work());
    let mut line = format!("{:<11} {:<7} {what:<22} {:>7.1} µs:", pair.work, pair.queue, sample.cpu_us());
    for (group, share) in shares(&report) {
        let _ = write!(line, "  {group} {:.1}", share * sample.cpu_us());
    }
    Ok(line)
}

/// The part of each group, and of all else.
fn shares(report: &str) -> Vec<(&'static str, f64)> {
    let mut shares: Vec<_> = GROUPS.iter().map(|(name, _)| (*name, 0.0)).chain([("else", 0.0)]).collect();
    for line in report.lines() {
        let Some((percent, symbol)) = line.trim().split_once('%') else { continue };
        let Ok(percent) = percent.parse::<f64>() else { continue };
        let found = GROUPS.iter().position(|(_, words)| words.iter().any(|word| symbol.contains(word)));
        shares[found.unwrap_or(GROUPS.len())].1 += percent / 100.0;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn each_function_counts_for_one_group() {
        let report = "\
            # samples\n\
            \n    40.00%  [k] finish_task_switch\n    30.00%  [.] <lapin::channel::Channel as eda_rabbit::wire::Channel>::ack\n\
            \n    20.00%  [.] _int_malloc\n    10.00%  [.] main\n";
        let shares: Vec<_> = shares(report).into_iter().filter(|(_, share)| *share > 0.0).collect();
        assert_eq!(shares, [("kernel", 0.4), ("allocator", 0.2), ("ours", 0.3), ("else", 0.1)]);
    }
}
