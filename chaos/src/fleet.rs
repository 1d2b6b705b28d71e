//! The processes of a run, each behind a network of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::ledger::{Record, Tail};
use crate::proxy::Proxy;

/// Names, roles, and the share of the rate in quarters.
const WORKERS: [(&str, &str, u64); 6] = [
    ("publisher-1", "publisher", 3),
    ("strict-1", "strict", 1),
    ("book-1", "book", 0),
    ("book-2", "book", 0),
    ("audit-1", "audit", 0),
    ("ship-1", "ship", 0),
];

/// glibc keeps up to twice the largest piece that it ever gave back, for good: after a block with thousands of publishes waiting
/// that was 40 MB, the same for eighteen minutes without a fault. What is looked for is what the program keeps.
const GIVE_BACK: [(&str, &str); 2] = [("MALLOC_TRIM_THRESHOLD_", "131072"), ("MALLOC_ARENA_MAX", "2")];
/// How long handlers take in a process that was slowed down.
pub(crate) const SLOWED_DOWN: Duration = Duration::from_secs(6);

#[derive(Debug)]
pub(crate) struct Fleet {
    pub workers: Vec<Worker>,
    folder: PathBuf,
    program: PathBuf,
    mutant: Option<String>,
}

/// A process that can be begun again, with the files of all its lives.
#[derive(Debug)]
pub(crate) struct Worker {
    pub name: &'static str,
    pub role: &'static str,
    pub proxies: Vec<Proxy>,
    url: String,
    rate: u64,
    process: Option<Child>,
    lives: u32,
    tails: Vec<Tail>,
}

impl Fleet {
    /// Networks for everyone, and nobody yet. `mutant` is the safeguard that their framework leaves out.
    pub(crate) async fn new(
        folder: &Path,
        ports: &[u16],
        vhost: &str,
        rate: u64,
        mutant: Option<&str>,
    ) -> Result<Self, String> {
        let mut workers = Vec::new();
        for (number, (name, role, share)) in WORKERS.into_iter().enumerate() {
            let mut proxies = Vec::new();
            for port in ports {
                proxies.push(Proxy::to(*port).await?);
            }
            // each begins at another broker
            let hosts: Vec<String> = (0..ports.len())
                .map(|host| format!("127.0.0.1:{}", proxies[(host + number) % ports.len()].port()))
                .collect();
            let url = format!("amqp://guest:guest@{}/{vhost}", hosts.join(","));
            let rate = rate * share / 4;
            workers.push(Worker { name, role, proxies, url, rate, process: None, lives: 0, tails: Vec::new() });
        }
        let program = std::env::current_exe().map_err(|error| format!("finding this program: {error}"))?;
        Ok(Self { workers, folder: folder.to_owned(), program, mutant: mutant.map(str::to_owned) })
    }

    /// Begins a worker that is not running.
    pub(crate) fn start(&mut self, index: usize) -> Result<(), String> {
        let worker = &mut self.workers[index];
        let name = format!("{}.{}", worker.name, worker.lives);
        worker.lives += 1;
        let path = self.folder.join(format!("{name}.ledger"));
        let log =
            File::create(self.folder.join(format!("{name}.log"))).map_err(|error| format!("writing a log: {error}"))?;
        let mut command = Command::new(&self.program);
        command.args(["worker", worker.role, &worker.url]).arg(&path).arg(worker.rate.to_string());
        // a trace of a handler that panics on purpose would load the program's debug information into its memory
        command.env("RUST_BACKTRACE", "0").envs(GIVE_BACK);
        match &self.mutant {
            Some(mutant) => command.env("EDA_MUTANT", mutant),
            None => command.env_remove("EDA_MUTANT"),
        };
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn();
        worker.process = Some(child.map_err(|error| format!("starting {name}: {error}"))?);
        worker.tails.push(Tail::new(path));
        Ok(())
    }

    /// From now on handlers take [`SLOWED_DOWN`] in this process, as long as it lives.
    pub(crate) fn slow_down(&self, index: usize) -> Result<(), String> {
        let worker = &self.workers[index];
        let ledger = self.folder.join(format!("{}.{}.ledger", worker.name, worker.lives.saturating_sub(1)));
        File::create(slow_mark(&ledger)).map(drop).map_err(|error| format!("slowing {} down: {error}", worker.name))
    }

    /// Everything that was written since the last time, with who wrote it.
    pub(crate) fn read(&mut self) -> Result<Vec<(&'static str, Record)>, String> {
        let mut records = Vec::new();
        for worker in &mut self.workers {
            for tail in &mut worker.tails {
                records.extend(tail.read()?.into_iter().map(|record| (worker.name, record)));
            }
        }
        Ok(records)
    }

    pub(crate) fn of(&self, roles: &[&str]) -> Vec<usize> {
        (0..self.workers.len()).filter(|index| roles.contains(&self.workers[*index].role)).collect()
    }
}

impl Worker {
    /// Sends a signal, such as `KILL`.
    pub(crate) fn signal(&self, name: &str) -> Result<(), String> {
        let Some(process) = &self.process else { return Err(format!("{} is not running", self.name)) };
        let status = Command::new("kill").args(["-s", name, &process.id().to_string()]).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            _ => Err(format!("{} could not be sent {name}: it has ended by itself; see its log", self.name)),
        }
    }

    /// Its end, and how long that took; `None` where it does not end in time, and is killed.
    pub(crate) async fn ended(&mut self, limit: Duration) -> Result<Option<(ExitStatus, Duration)>, String> {
        let Some(mut process) = self.process.take() else { return Err(format!("{} is not running", self.name)) };
        let began = Instant::now();
        while began.elapsed() < limit {
            let status = process.try_wait().map_err(|error| format!("waiting for {}: {error}", self.name))?;
            if let Some(status) = status {
                return Ok(Some((status, began.elapsed())));
            }
            sleep(Duration::from_millis(20)).await;
        }
        let _ = process.kill();
        let _ = process.wait();
        Ok(None)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.process.is_some()
    }
}

/// The file beside a process's ledger that slows it down.
pub(crate) fn slow_mark(ledger: &Path) -> PathBuf {
    ledger.with_extension("slow")
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
