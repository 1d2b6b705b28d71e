//! Many seeds on all cores, and what became of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::saved::SAVED;
use crate::seed::{self, Report};

#[derive(Default)]
struct Total {
    seeds: u64,
    confirmed: u64,
    effects: u64,
    parked: u64,
    duplicates: u64,
    excused: u64,
    early: u64,
    faults: u64,
    fewest_faults: Option<u64>,
    over_the_limit: u64,
    longest: Duration,
    failed: Vec<(u64, u64, String)>,
}

/// Tells whether all is well.
pub(crate) fn run(arguments: &Arguments) -> bool {
    let began = Instant::now();
    let mut jobs: Vec<(u64, u64)> = if arguments.seeds > 1 { SAVED.to_vec() } else { Vec::new() };
    jobs.extend((arguments.first..arguments.first + arguments.seeds).map(|seed| (seed, arguments.events)));
    let (next, total) = (AtomicU64::new(0), Mutex::new(Total::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((seed, events)) =
                    usize::try_from(next.fetch_add(1, Ordering::Relaxed)).ok().and_then(|at| jobs.get(at))
                {
                    let report = seed::run(*seed, *events, arguments.trace);
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    total.add(*seed, *events, &report);
                    let (every, all) = (100.max(jobs.len() / 10), jobs.len());
                    if total.seeds.is_multiple_of(every as u64) {
                        println!(
                            "{} of {all} seeds, {} failed, {:.0} s",
                            total.seeds,
                            total.failed.len(),
                            began.elapsed().as_secs_f64()
                        );
                    }
                }
            });
        }
    });
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    total.tell(began.elapsed());
    total.failed.is_empty()
}

impl Total {
    fn add(&mut self, seed: u64, events: u64, report: &Report) {
        self.seeds += 1;
        self.faults += report.tally.faults;
        self.fewest_faults =
            Some(self.fewest_faults.map_or(report.tally.faults, |least| least.min(report.tally.faults)));
        self.over_the_limit += report.tally.over_the_limit;
        self.longest = self.longest.max(report.settled_after);
        if !report.trace.is_empty() {
            println!("{}trace of seed {seed}: {:016x}", report.trace, report.hash);
        }
        match &report.outcome {
            Ok(summary) => {
                self.confirmed += summary.confirmed;
                self.effects += summary.effects;
                self.parked += summary.parked;
                self.duplicates += summary.duplicates;
                self.excused += summary.excused;
                self.early += summary.early;
            }
            Err(error) => {
                println!("seed {seed} failed:\n{error}\nagain: {}", again(seed, events));
                self.failed.push((seed, events, error.clone()));
            }
        }
    }

    fn tell(&self, took: Duration) {
        let Self { seeds, confirmed, effects, parked, duplicates, excused, early, faults, over_the_limit, .. } = self;
        println!(
            "{seeds} seeds in {:.1} s: {confirmed} events confirmed, {effects} effects, {parked} parked, {duplicates} \
             duplicates, {excused} gone with a queue that was deleted, {early} parked early, {faults} faults ({} at least), \
             {over_the_limit} over the delivery limit; at rest after {:?} of virtual time at most",
            took.as_secs_f64(),
            self.fewest_faults.unwrap_or_default(),
            self.longest,
        );
        for (seed, events, error) in self.failed.iter().take(20) {
            println!("seed {seed}: {}; again: {}", error.lines().next().unwrap_or_default(), again(*seed, *events));
        }
        if !self.failed.is_empty() {
            println!("{} of {seeds} seeds failed", self.failed.len());
        }
    }
}

fn again(seed: u64, events: u64) -> String {
    format!("cargo xtask simulate --seeds 1 --first {seed} --events {events} --trace")
}
