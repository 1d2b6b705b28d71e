//! A run: brokers, processes, faults one after the other, and then the sums.

mod ending;
mod inject;
mod parked;
mod processes;
mod screen;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::task::block_in_place;
use tokio::time::sleep;

use self::screen::Screen;
use crate::books::{Books, Gauge, HANDLERS};
use crate::chance::Chance;
use crate::cluster::Cluster;
use crate::fault::Fault;
use crate::fleet::Fleet;
use crate::ledger::{Ledger, Millis, now};
use crate::options::Options;
use crate::proxy::Proxy;
use crate::report::{PREFETCH, Recovery, Report, commit};
use crate::steady::Steady;

/// How often the ledgers are read.
const STEP: Duration = Duration::from_millis(50);
const READY: Duration = Duration::from_secs(20);
/// Each process says once a second what it uses.
const MEASURED_WITHIN: Duration = Duration::from_millis(1_500);
const PUBLISHERS: [&str; 2] = ["publisher", "strict"];

/// Starts everything, and takes it away again.
///
/// # Errors
/// What kept the run from being one; a report that is not green is no error.
pub(crate) async fn run(options: Options) -> Result<Report, String> {
    let cluster = start_cluster(&options)?;
    let (json, markdown) = (options.json.clone(), options.markdown.clone());
    let (report, _) = run_on(cluster, options, None).await?;
    println!("{}", report.table());
    report.write(json.as_deref(), markdown.as_deref())?;
    Ok(report)
}

pub(crate) fn start_cluster(options: &Options) -> Result<Cluster, String> {
    let nodes = options.nodes;
    println!("starting {nodes} RabbitMQ {} …", if nodes == 1 { "node" } else { "nodes" });
    let bin = options.rabbitmq_bin.as_deref();
    block_in_place(|| Cluster::start(nodes, &vhost(options.seed), bin))
}

fn vhost(seed: u64) -> String {
    format!("chaos-{seed}-{}", now())
}

/// A run on brokers that are there already; gives them back. `mutant` is the safeguard that the framework leaves out.
pub(crate) async fn run_on(
    cluster: Cluster,
    options: Options,
    mutant: Option<&str>,
) -> Result<(Report, Cluster), String> {
    let folder = std::env::temp_dir().join(format!("eda-chaos-{}-{}", std::process::id(), now()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("making {}: {error}", folder.display()))?;
    let fleet = Fleet::new(&folder, &cluster.ports(), cluster.vhost(), options.rate, mutant).await?;
    let mut run = Run::new(options, cluster, fleet, &folder)?;
    let outcome = run.all().await;
    let Run { cluster, .. } = run;
    match outcome {
        Ok(report) if report.is_green() || mutant.is_some() => {
            let _ = std::fs::remove_dir_all(&folder);
            Ok((report, cluster))
        }
        Ok(report) => {
            println!("the ledgers are in {}", folder.display());
            Ok((report, cluster))
        }
        Err(error) => Err(format!("{error}\nthe ledgers are in {}", folder.display())),
    }
}

struct Run {
    options: Options,
    chance: Chance,
    cluster: Cluster,
    fleet: Fleet,
    books: Books,
    /// Of this process, which injects and reads the dead letters.
    ledger: Ledger,
    began: Instant,
    commit: String,
    screen: Screen,
    waiting: Waiting,
    recoveries: BTreeMap<Fault, Recovery>,
    troubles: Vec<String>,
    used_before: BTreeMap<&'static str, Gauge>,
    steady: Vec<Steady>,
    now_doing: String,
}

/// Who has not made progress again since a time.
#[derive(Default)]
struct Waiting {
    since: Millis,
    workers: BTreeSet<&'static str>,
    slowest: Millis,
    last: &'static str,
}

impl Run {
    fn new(options: Options, cluster: Cluster, fleet: Fleet, folder: &Path) -> Result<Self, String> {
        Ok(Self {
            chance: Chance::new(options.seed),
            options,
            cluster,
            fleet,
            books: Books::default(),
            ledger: Ledger::create(&folder.join("control.ledger"))?,
            began: Instant::now(),
            commit: commit(),
            screen: Screen::default(),
            waiting: Waiting::default(),
            recoveries: BTreeMap::new(),
            troubles: Vec::new(),
            used_before: BTreeMap::new(),
            steady: Vec::new(),
            now_doing: String::new(),
        })
    }

    async fn all(&mut self) -> Result<Report, String> {
        self.set_out().await?;
        if !self.is_found_out() {
            self.faults().await?;
        }
        if self.is_found_out() {
            let findings = self.books.findings();
            return Ok(self.report(findings));
        }
        let findings = self.come_home().await?;
        Ok(self.report(findings))
    }

    /// Consumers first: what they declare is on disk before anything can be lost in it.
    async fn set_out(&mut self) -> Result<(), String> {
        "starting".clone_into(&mut self.now_doing);
        for consumer in self.fleet.of(&HANDLERS) {
            self.fleet.start(consumer)?;
        }
        self.check_consumers("at the start", READY).await;
        if self.options.faults.iter().any(|fault| fault.kills_nodes()) {
            self.blocking(|run| run.cluster.settle_down())?;
            self.check_consumers("after the first restart", READY).await;
        }
        self.measure(&HANDLERS).await?;
        for publisher in self.fleet.of(&PUBLISHERS) {
            self.fleet.start(publisher)?;
        }
        let began = now();
        let moves = self.until_recovered(began, READY).await?;
        moves.map(drop).ok_or_else(|| format!("{:?} made no progress; see their logs", self.waiting.workers))?;
        self.measure(&PUBLISHERS).await
    }

    /// What processes use before the first fault: consumers at rest, publishers while they publish.
    async fn measure(&mut self, roles: &[&str]) -> Result<(), String> {
        self.wait(MEASURED_WITHIN).await?;
        for worker in self.fleet.of(roles) {
            let name = self.fleet.workers[worker].name;
            self.used_before.extend(self.books.gauge(name).map(|gauge| (name, gauge)));
        }
        Ok(())
    }

    async fn faults(&mut self) -> Result<(), String> {
        let mut deck = Vec::new();
        for number in 0..self.options.fault_count {
            if self.is_late() {
                break;
            }
            if deck.is_empty() {
                deck.clone_from(&self.options.faults);
                self.chance.shuffle(&mut deck);
            }
            let Some(fault) = deck.pop() else { break };
            self.now_doing = format!("fault {}/{}: {}", number + 1, self.options.fault_count, fault.name());
            let pause = 300 + self.chance.below(1_000);
            self.wait(Duration::from_millis(pause)).await?;
            let injected = now();
            let since = self.inject(fault).await?;
            let took = self.recover(since).await?;
            self.ledger.write(format!("I {} {injected} {since}", fault.name()));
            match took {
                None => {
                    let who = &self.waiting.workers;
                    let limit = self.options.patience;
                    self.trouble(format!("{}: {who:?} made no progress within {limit:?}", fault.name()));
                }
                Some(took) if took > fault.limit() => {
                    Screen::say(&format!("{}: {} was back after {took:.1?}", fault.name(), self.waiting.last));
                }
                Some(_) => {}
            }
            self.recoveries.entry(fault).or_default().add(took);
            if fault == Fault::RetryGone && took.is_some() {
                self.return_orphans().await;
            }
            if (number + 1) % self.options.check_every.max(1) == 0 {
                self.check_consumers(fault.name(), Duration::from_secs(15)).await;
            }
            if took.is_none() || self.is_found_out() {
                break;
            }
        }
        "the rest of the events".clone_into(&mut self.now_doing);
        while self.books.confirmed() < self.options.events && !self.is_late() && !self.is_found_out() {
            self.wait(STEP).await?;
        }
        if self.is_late() {
            self.trouble(format!("not done within {} minutes", self.options.minutes));
        }
        Ok(())
    }

    fn is_found_out(&self) -> bool {
        self.options.until.is_some_and(|words| self.troubles.iter().any(|trouble| trouble.contains(words)))
    }

    fn is_late(&self) -> bool {
        self.began.elapsed() > Duration::from_secs(60 * self.options.minutes)
    }

    /// A process goes on for a while where what it says is swallowed, and falls silent later: such a fault lasts until the
    /// connection is over.
    async fn recover(&mut self, since: Millis) -> Result<Option<Duration>, String> {
        let (began, mut from) = (Instant::now(), since);
        while self.fleet.workers.iter().flat_map(|worker| &worker.proxies).any(Proxy::is_swallowing) {
            if began.elapsed() > self.options.patience {
                return Ok(None);
            }
            self.wait(STEP).await?;
            from = now();
        }
        let took = self.until_recovered(from, self.options.patience).await?;
        Ok(took.map(|took| took + Duration::from_millis(from.saturating_sub(since))))
    }

    /// Until every running worker has confirmed or received something that was told after a time; gives how long after.
    async fn until_recovered(&mut self, since: Millis, limit: Duration) -> Result<Option<Duration>, String> {
        if self.waiting.since != since {
            self.wait_for_all(since);
        }
        let began = Instant::now();
        while !self.waiting.workers.is_empty() {
            if began.elapsed() > limit {
                return Ok(None);
            }
            self.wait(STEP).await?;
        }
        Ok(Some(Duration::from_millis(self.waiting.slowest)))
    }

    fn wait_for_all(&mut self, since: Millis) {
        let running = self.fleet.workers.iter().filter(|worker| worker.is_running());
        self.waiting = Waiting { since, workers: running.map(|worker| worker.name).collect(), ..Waiting::default() };
    }

    async fn check_consumers(&mut self, when: &str, limit: Duration) {
        if let Err(wrong) = self.until_consumed(now(), limit.min(self.options.patience)).await {
            self.trouble(format!("{when}: {wrong}"));
        }
    }

    /// Until the broker has as many consumers as are to be, each with its prefetch, and their health says the same.
    async fn until_consumed(&mut self, since: Millis, limit: Duration) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let found = self.blocking(|run| run.cluster.consumers());
            self.wait(STEP).await?;
            let wrong = match found {
                Ok(found) => self.wrong_consumers(found),
                Err(error) => Some(error),
            };
            let Some(wrong) = wrong else { return Ok(()) };
            if began.elapsed() > limit && now() > since {
                return Err(wrong);
            }
        }
    }

    fn wrong_consumers(&self, mut found: Vec<(String, u64)>) -> Option<String> {
        let consumers = self.fleet.of(&HANDLERS);
        let expected = |worker: &usize| (format!("{}.note", self.fleet.workers[*worker].role), PREFETCH);
        let mut expected: Vec<(String, u64)> = consumers.iter().map(expected).collect();
        expected.sort();
        found.sort();
        if found != expected {
            return Some(format!("expected the consumers {expected:?}, the broker has {found:?}"));
        }
        let unready = consumers.iter().map(|worker| self.fleet.workers[*worker].name);
        let unready: Vec<&str> = unready.filter(|name| self.books.is_ready(name) != Some(true)).collect();
        (!unready.is_empty()).then(|| format!("the broker has all consumers, and {unready:?} are not ready"))
    }

    /// Lets time pass, and reads the ledgers meanwhile.
    async fn wait(&mut self, time: Duration) -> Result<(), String> {
        let began = Instant::now();
        loop {
            self.read()?;
            let (confirmed, effects) = (self.books.confirmed(), self.books.effects());
            self.screen.show(&self.options, self.began.elapsed(), confirmed, effects, &self.now_doing);
            let left = time.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            sleep(left.min(STEP)).await;
        }
    }

    fn read(&mut self) -> Result<(), String> {
        for (worker, record) in self.fleet.read()? {
            let Some(progress) = self.books.enter(worker, record) else { continue };
            if progress.told >= self.waiting.since && self.waiting.workers.remove(worker) {
                let took = progress.at.saturating_sub(self.waiting.since);
                if took >= self.waiting.slowest {
                    (self.waiting.slowest, self.waiting.last) = (took, worker);
                }
            }
        }
        Ok(())
    }

    fn blocking<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        block_in_place(|| work(self))
    }

    fn trouble(&mut self, text: String) {
        Screen::say(&text);
        self.troubles.push(text);
    }
}
