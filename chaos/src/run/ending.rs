//! The end of a run: publishers finish, queues run dry, dead letters are read, consumers stop, nothing is left behind.

use std::time::{Duration, Instant};

use super::processes::DRAIN;
use super::screen::Screen;
use super::{MEASURED_WITHIN, PUBLISHERS, Run, parked};
use crate::books::{Findings, Gauge, HANDLERS};
use crate::report::{DID_NOT_RUN_DRY, Report, Versions};

/// A few files, tasks and megabytes that a runtime keeps after it has been busy.
const KEPT: Gauge = Gauge { files: 4, tasks: 4, kilobytes: 40_000 };
/// So many tasks of a process that publishes are what is in the air, and no leak.
const IN_THE_AIR: u64 = 40;
/// How long queues may take to run dry at least, however impatient a run is: what is still there is not lost.
const DRY: Duration = Duration::from_secs(30);
/// How long it may take until what was for a moment only, as a channel or a burst of events, is seen to be gone.
const CALM: Duration = Duration::from_secs(15);

impl Run {
    pub(super) async fn come_home(&mut self) -> Result<Findings, String> {
        if self.options.fault_count == 0 {
            self.steady = self.books.steady();
            for grown in self.steady.clone().iter().filter(|steady| steady.has_grown()) {
                self.trouble(format!("{} has grown from {:?} to {:?}", grown.worker, grown.early, grown.late));
            }
        }
        "publishers stop".clone_into(&mut self.now_doing);
        self.wait(MEASURED_WITHIN).await?;
        let (publishers, consumers) = (self.fleet.of(&PUBLISHERS), self.fleet.of(&HANDLERS));
        self.look_for_leaks(&publishers, Gauge { tasks: IN_THE_AIR, ..KEPT }).await?;
        let connections = 2 * (consumers.len() + publishers.len());
        let channels = 2 * consumers.len() + publishers.len();
        self.look_for_connections((connections, channels)).await?;
        for publisher in publishers {
            self.stop(publisher, self.options.patience).await?;
        }
        "queues run dry".clone_into(&mut self.now_doing);
        if let Err(error) = self.until_empty(3, self.options.patience.max(DRY)).await {
            self.trouble(error);
        }
        self.check_consumers("at the end", Duration::from_secs(15)).await;
        self.wait(MEASURED_WITHIN).await?;
        self.look_for_leaks(&consumers, KEPT).await?;
        self.look_for_connections((2 * consumers.len(), 2 * consumers.len())).await?;
        "dead letters are read".clone_into(&mut self.now_doing);
        self.read_parked().await?;
        "consumers stop".clone_into(&mut self.now_doing);
        for consumer in &consumers {
            self.terminate(*consumer);
        }
        for consumer in consumers {
            self.until_ended(consumer, "TERM", DRAIN.min(self.options.patience)).await?;
        }
        self.read()?;
        Ok(self.books.findings())
    }

    pub(super) fn report(&mut self, findings: Findings) -> Report {
        let report = Report::new(
            &self.options,
            Versions { commit: &self.commit, rabbitmq: self.cluster.version() },
            self.began.elapsed(),
            findings,
            std::mem::take(&mut self.recoveries),
            std::mem::take(&mut self.troubles),
            std::mem::take(&mut self.steady),
        );
        Screen::say("");
        report
    }

    /// SIGTERM, and an end in good order.
    async fn stop(&mut self, worker: usize, limit: Duration) -> Result<(), String> {
        self.terminate(worker);
        self.until_ended(worker, "TERM", limit).await
    }

    /// Until all queues that a handler or a wait is to empty have nothing ready and nothing unacked, so many times in a row.
    pub(super) async fn until_empty(&mut self, times: u32, limit: Duration) -> Result<(), String> {
        let (began, mut in_a_row) = (Instant::now(), 0);
        loop {
            let queues = self.blocking(|run| run.cluster.queues());
            self.wait(Duration::from_millis(200)).await?;
            let full = match queues {
                Ok(queues) => {
                    let is_full = |queue: &crate::cluster::Queue| {
                        queue.unacked > 0 || (queue.ready > 0 && !parked::is_for_dead_letters(&queue.name))
                    };
                    queues.into_iter().filter(is_full).collect()
                }
                Err(error) if began.elapsed() > limit => return Err(error),
                Err(_) => {
                    in_a_row = 0;
                    continue;
                }
            };
            in_a_row = if Vec::is_empty(&full) { in_a_row + 1 } else { 0 };
            if in_a_row == times {
                return Ok(());
            }
            if began.elapsed() > limit {
                return Err(format!("{DID_NOT_RUN_DRY} within {limit:?}: {full:?}"));
            }
        }
    }

    /// Each process uses within this time no more than before the first fault, but for what it may keep.
    async fn look_for_leaks(&mut self, workers: &[usize], kept: Gauge) -> Result<(), String> {
        let (began, limit) = (Instant::now(), CALM.min(self.options.patience));
        loop {
            let leaks: Vec<String> = workers.iter().filter_map(|worker| self.leak(*worker, kept)).collect();
            if leaks.is_empty() {
                return Ok(());
            }
            if began.elapsed() >= limit {
                for leak in leaks {
                    self.trouble(leak);
                }
                return Ok(());
            }
            self.wait(Duration::from_millis(200)).await?;
        }
    }

    fn leak(&self, worker: usize, kept: Gauge) -> Option<String> {
        let name = self.fleet.workers[worker].name;
        let (before, after) = (self.used_before.get(name).copied()?, self.books.gauge(name)?);
        let is_more = after.files > before.files + kept.files
            || after.tasks > before.tasks + kept.tasks
            || after.kilobytes > before.kilobytes + kept.kilobytes;
        is_more.then(|| format!("leak: {name} used {before:?} before, {after:?} at the end"))
    }

    /// The broker has so many connections and channels within the same time.
    async fn look_for_connections(&mut self, expected: (usize, usize)) -> Result<(), String> {
        let (began, limit) = (Instant::now(), CALM.min(self.options.patience));
        loop {
            // a node that is busy answers later
            let found = self.blocking(|run| run.cluster.connections());
            if found.as_ref() == Ok(&expected) {
                return Ok(());
            }
            if began.elapsed() >= limit {
                self.trouble(format!("leak: expected {expected:?} connections and channels, the broker has {found:?}"));
                return Ok(());
            }
            self.wait(Duration::from_millis(200)).await?;
        }
    }

    async fn read_parked(&mut self) -> Result<(), String> {
        let url = self.cluster.url();
        let queues = self.blocking(|run| run.cluster.queues())?;
        for queue in queues.iter().filter(|queue| parked::is_for_dead_letters(&queue.name)) {
            for record in parked::take(&url, &queue.name).await? {
                self.ledger.write(&record);
                self.books.enter("control", record);
            }
        }
        Ok(())
    }
}
