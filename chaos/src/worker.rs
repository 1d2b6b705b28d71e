//! A process of a service, built from the public API and its defaults: what is tested is what users run.

mod consumer;
mod event;
mod publisher;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

pub(crate) use self::event::recognized;
use crate::fleet::slow_mark;
use crate::ledger::{Ledger, Record};

/// `publisher|strict|book|audit|ship URL LEDGER RATE`
pub(crate) async fn run(arguments: &[String]) -> Result<(), String> {
    let [role, url, path, rate] = arguments else {
        return Err("expected: worker publisher|strict|book|audit|ship URL LEDGER RATE".into());
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| "info,lapin=off".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr).init();
    end_with_parent();
    let ledger = Arc::new(Ledger::create(Path::new(path))?);
    tokio::spawn(gauge(Arc::clone(&ledger)));
    let rate: u64 = rate.parse().map_err(|_| format!("expected a rate, found `{rate}`"))?;
    let ran = match role.as_str() {
        "publisher" => publisher::run(url, &ledger, rate, false).await,
        "strict" => publisher::run(&format!("{url}?unrouted=reject"), &ledger, rate, true).await,
        "book" | "audit" | "ship" => consumer::run(role, url, &ledger, slow_mark(Path::new(path))).await,
        _ => return Err(format!("no such role: {role}")),
    };
    ran.map_err(|error| format!("{error:#}"))
}

/// The parent holds the other end of the standard input: with it goes this process.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(3);
    });
}

async fn gauge(ledger: Arc<Ledger>) {
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let files = std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64);
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0);
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks() as u64;
        ledger.write(Record::Gauge { files, tasks, kilobytes });
    }
}
