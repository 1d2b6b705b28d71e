//! The process that handles: `serve <handlers> <concurrency> <url>`. It says when it is ready, how far it is while that grows,
//! and what it used since it was ready when its input ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eda::prelude::*;
use eda::{HandlerDef, HandlerMeta};
use eda_bench::event::SOURCE;
use eda_bench::meter::{Meter, cpu};
use eda_bench::say;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, stdin};
use tokio::sync::Notify;
use tokio::time::{interval, sleep};

use crate::publish::Noted;

const TOLD_EVERY: Duration = Duration::from_millis(20);
const USAGE: &str = "expected serve <handlers> <concurrency> <url>";

/// What a process says on its first line.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ready {
    /// From the start of the service to the broker's confirm of every consumer.
    pub(crate) seconds: f64,
    /// Resident, when all is ready.
    pub(crate) resident_kib: u64,
}

/// How far a process is: how many events it has handled, and its user and system time.
#[derive(Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) handled: u64,
    pub(crate) cpu_seconds: f64,
}

pub(super) async fn run(words: &[&str]) -> Result<(), String> {
    let [numbers @ .., url] = words else { return Err(USAGE.into()) };
    let numbers: Result<Vec<usize>, _> = numbers.iter().map(|word| word.parse()).collect();
    let Ok([handlers, concurrency]) = numbers.as_deref() else { return Err(USAGE.into()) };
    let broker = eda::connect(url).await.map_err(|error| error.to_string())?;
    let (began, count, first) = (Instant::now(), Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let mut service = Service::new(SOURCE);
    for index in 0..*handlers {
        let (count, first) = (Arc::clone(&count), Arc::clone(&first));
        let handler = HandlerDef::from_fn(String::leak(name(index)), move |noted: Noted| {
            std::hint::black_box(noted);
            if count.fetch_add(1, Ordering::Relaxed) == 0 {
                first.notify_one();
            }
            async {}
        });
        service = service.register(handler.configure(|options: HandlerMeta| options.concurrency(*concurrency)));
    }
    let running = service.start(&broker).await.map_err(|error| error.to_string())?;
    while !running.health().is_ready() {
        sleep(Duration::from_millis(1)).await;
    }
    let ready = Ready { seconds: began.elapsed().as_secs_f64(), resident_kib: resident_kib() };
    say(&serde_json::to_string(&ready).map_err(|error| error.to_string())?);
    let meter = Meter::start();
    tell(&count, &first).await;
    let sample = meter.stop(count.load(Ordering::Relaxed));
    say(&serde_json::to_string(&sample).map_err(|error| error.to_string())?);
    running.shutdown().await.map_err(|error| error.to_string())
}

/// Until the input ends. Who has nothing to do is not woken to say so.
async fn tell(count: &AtomicU64, first: &Notify) {
    let (mut told, mut input, mut ended) = (0, stdin(), [0]);
    tokio::select! {
        _ = input.read(&mut ended) => return,
        () = first.notified() => {}
    }
    let mut ticks = interval(TOLD_EVERY);
    loop {
        tokio::select! {
            _ = input.read(&mut ended) => return,
            _ = ticks.tick() => {
                let handled = count.load(Ordering::Relaxed);
                if handled != told {
                    told = handled;
                    say(&format!("{handled} {}", cpu().as_secs_f64()));
                }
            }
        }
    }
}

/// The name of a handler; its queue has the service's before it.
pub(crate) fn name(index: usize) -> String {
    format!("scale{index:03}")
}

/// 0 where the system does not tell.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    resident.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
