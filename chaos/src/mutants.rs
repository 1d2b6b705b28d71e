//! Safeguards of the framework, and the run that is red without each: the proof that the checker can fail.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use crate::cluster::Cluster;
use crate::fault::Fault;
use crate::options::Options;
use crate::run::{run_on, start_cluster};

/// A safeguard that `EDA_MUTANT` leaves out, the faults under which that shows, how many of them, and at which rate.
struct Mutant {
    safeguard: &'static str,
    faults: &'static [Fault],
    count: usize,
    rate: u64,
    shows_as: Sign,
}

enum Sign {
    /// One that is off.
    Sum(&'static str),
    /// Something is lost that no handler fails.
    LostGood,
    /// Something is lost, and only at this handler.
    LostAt(&'static str),
    /// Words of it.
    Trouble(&'static str),
}

const fn mutant(safeguard: &'static str, faults: &'static [Fault], count: usize, rate: u64, shows_as: Sign) -> Mutant {
    Mutant { safeguard, faults, count, rate, shows_as }
}

const ALL: [Mutant; 11] = [
    mutant("handle-before-ack", &[Fault::ConsumerKill], 3, 800, Sign::LostGood),
    mutant("returned-before-ack", &[Fault::KilledWhileBlocked], 1, 800, Sign::LostAt("ship")),
    mutant("confirms", &[Fault::Refused], 2, 800, Sign::Sum("lost")),
    mutant("returns", &[Fault::Reset], 1, 800, Sign::Sum("lost")),
    mutant("returns-by-id", &[Fault::LateConfirms], 1, 800, Sign::Sum("lost")),
    mutant("durable-queues", &[Fault::Stop], 1, 400, Sign::Sum("lost")),
    mutant("prefetch", &[Fault::Reset], 1, 800, Sign::Trouble("the broker has [(\"audit.note\", 0)")),
    mutant("at-least-once", &[Fault::RetryGone], 1, 800, Sign::Sum("lost")),
    mutant("copy-before-ack", &[Fault::KilledWhileBlocked], 2, 800, Sign::Sum("lost")),
    mutant("generations", &[Fault::LateAcks], 1, 400, Sign::Sum("lost")),
    mutant("resume", &[Fault::QueueDeleted], 1, 400, Sign::Trouble("queue-deleted: expected the consumers")),
];
/// Each must be red within this time.
const LIMIT: Duration = Duration::from_secs(120);
/// How long each step of a run's end may take: what lacks a safeguard may wait for ever.
const PATIENCE: Duration = Duration::from_secs(8);

/// Runs those of these names, or all, on one broker.
///
/// # Errors
/// The names of those that nothing noticed, or not in time.
pub(crate) async fn run(names: &[&str]) -> Result<(), String> {
    if !eda::mutant::are_possible() {
        return Err(
            "this program has every safeguard: run `chaos-mutant`, which cargo builds with `--features mutants`".into(),
        );
    }
    if let Some(unknown) = names.iter().find(|name| ALL.iter().all(|mutant| mutant.safeguard != **name)) {
        let known: Vec<&str> = ALL.iter().map(|mutant| mutant.safeguard).collect();
        return Err(format!("no such safeguard: {unknown}; they are: {}", known.join(", ")));
    }
    let mut cluster = start_cluster(&Options::default())?;
    if names.is_empty() {
        cluster = leave_nothing_out(cluster).await?;
    }
    let mut unnoticed = Vec::new();
    let mut lines = String::new();
    for mutant in ALL.iter().filter(|mutant| names.is_empty() || names.contains(&mutant.safeguard)) {
        println!("without {} …", mutant.safeguard);
        let (line, is_noticed);
        (cluster, line, is_noticed) = leave_out(mutant, cluster).await?;
        if !is_noticed {
            unnoticed.push(mutant.safeguard);
        }
        lines.push_str(&line);
    }
    println!("{lines}");
    if unnoticed.is_empty() {
        return Ok(());
    }
    Err(format!("nothing noticed that these safeguards were missing: {}", unnoticed.join(", ")))
}

/// The rig itself loses nothing: so it is for want of a safeguard that a run is red. Under each of the faults that they are
/// seen by; on so few events what comes twice is not compared with its limit.
async fn leave_nothing_out(mut cluster: Cluster) -> Result<Cluster, String> {
    println!("with every safeguard …");
    let faults: BTreeSet<Fault> = ALL.iter().flat_map(|mutant| mutant.faults).copied().collect();
    let (fault_count, faults) = (faults.len(), faults.into_iter().collect());
    let options = Options { events: 3_200, rate: 800, fault_count, seed: 1, faults, ..Options::default() };
    block_in_place(|| cluster.renew("without-nothing"))?;
    let (report, cluster) = run_on(cluster, options, None).await?;
    if report.off().iter().any(|sum| *sum != "dup_rate") {
        return Err(format!("a run with every safeguard is red:\n{}", report.table()));
    }
    Ok(cluster)
}

async fn leave_out(mutant: &Mutant, mut cluster: Cluster) -> Result<(Cluster, String, bool), String> {
    let Mutant { safeguard, faults, count, rate, shows_as } = mutant;
    let mut options = Options { events: 2 * rate, rate: *rate, fault_count: *count, seed: 1, ..Options::default() };
    options.faults = faults.to_vec();
    options.patience = PATIENCE;
    options.until = match shows_as {
        Sign::Sum(_) | Sign::LostGood | Sign::LostAt(_) => None,
        Sign::Trouble(words) => Some(words),
    };
    block_in_place(|| cluster.renew(&format!("without-{safeguard}")))?;
    let began = Instant::now();
    let (report, cluster) = run_on(cluster, options, Some(safeguard)).await?;
    let (took, off) = (began.elapsed(), report.off());
    let is_off = match shows_as {
        // what is still on its way is not lost
        Sign::Sum(_) | Sign::LostGood | Sign::LostAt(_) if !report.has_run_dry() => false,
        Sign::Sum(sum) => off.contains(sum),
        Sign::LostGood => report.findings.lost_good > 0,
        Sign::LostAt(handler) => {
            let lost = report.findings.samples.iter().filter(|sample| sample.starts_with("lost"));
            let lost: Vec<_> = lost.collect();
            off.contains(&"lost") && !lost.is_empty() && lost.iter().all(|sample| sample.ends_with(handler))
        }
        Sign::Trouble(words) => report.troubles.iter().any(|trouble| trouble.contains(words)),
    };
    let is_noticed = is_off && took < LIMIT;
    let verdict = if is_noticed { "red" } else { "NOT AS EXPECTED" };
    let mut line = format!(
        "{safeguard:<18} {verdict}: {}; lost {}, after {:.0} s\n",
        if off.is_empty() { "nothing off".to_owned() } else { off.join(", ") },
        report.findings.lost,
        took.as_secs_f64(),
    );
    if !is_noticed {
        line.push_str(&report.table());
    }
    println!("{line}");
    Ok((cluster, line, is_noticed))
}
