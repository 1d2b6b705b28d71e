//! Instructions an event, as callgrind counts them: what twice as many events cost more. Load on the machine changes them
//! little. A program is fifty times slower there, so it meets a broker that is never late.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::options::Options;
use super::program::{Pair, Profiler, Program};
use super::stage::Stage;
use crate::meter::count as number;
use crate::say;
use crate::task::Work;

/// Counts for every row; the profiles of the longer runs stay in the folder, for `callgrind_annotate`.
pub(super) async fn count(options: &Options, url: &str, folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("making {}: {error}", folder.display()))?;
    let stage = Stage::at(url).await?;
    for pair in options.pairs().filter(|pair| pair.work != Work::Memory) {
        let ours = an_event(&stage, Program::Framework(pair.work), &pair, folder).await?;
        let mut line = format!("{:<11} {:<7} {ours:>8} instructions/event", pair.work, pair.queue);
        if let Some(other) = pair.other() {
            let theirs = an_event(&stage, other, &pair, folder).await?;
            let _ = write!(line, "   beside {theirs:>8}   ratio {:.2}", number(ours) / number(theirs));
        }
        say(&line);
    }
    Ok(())
}

/// A tenth of the events, and a fifth: so what a process does once is in neither's difference.
async fn an_event(stage: &Stage, program: Program, pair: &Pair, folder: &Path) -> Result<u64, String> {
    let mut counts = [0; 2];
    let base = pair.work.events() / 10 / 16 * 16;
    for (counted, factor) in counts.iter_mut().zip([1, 2]) {
        let pair = Pair { events: base * factor, ..pair.clone() };
        // in two rows the same program may run
        let (row, queue) = (pair.work, pair.queue);
        let name = format!("{row}-{queue}-{}-{}-{factor}.out", program.name(), program.work());
        let file = folder.join(name);
        stage.run_under(program, &pair, Some(Profiler::Callgrind(file.clone()))).await?;
        *counted = total(&file)?;
    }
    Ok((counts[1] - counts[0].min(counts[1])) / base)
}

/// The last line of a profile that begins so tells the sum.
fn total(file: &Path) -> Result<u64, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("reading {}: {error}", file.display()))?;
    let lines = text.lines().rev();
    let mut sums = lines.filter_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")));
    let sum = sums.next().and_then(|sum| sum.trim().parse().ok());
    sum.ok_or_else(|| format!("{}: valgrind told no sum", file.display()))
}
