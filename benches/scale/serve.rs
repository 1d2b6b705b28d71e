//! The process that handles: `serve <handlers> <concurrency> <events> <url>`. It says when it is ready, how many it has
//! handled while that grows, and what it used when its input ends: between a fifth and four fifths of the events, where the
//! client holds as many as its prefetch allows, or all the time where nothing comes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use eda::prelude::*;
use eda::{HandlerDef, HandlerMeta};
use eda_bench::event::SOURCE;
use eda_bench::meter::{Meter, Sample};
use eda_bench::say;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, stdin};
use tokio::time::{interval, sleep};

use crate::publish::Noted;

const USAGE: &str = "expected serve <handlers> <concurrency> <events> <url>";

/// What a process says on its first line.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ready {
    /// From the start of the service to the broker's confirm of every consumer.
    pub(crate) seconds: f64,
    /// Resident, when all is ready.
    pub(crate) resident_kib: u64,
}

struct Count {
    handled: AtomicU64,
    marks: (u64, u64),
    meter: OnceLock<Meter>,
    sample: OnceLock<Sample>,
}

impl Count {
    fn new(events: u64) -> Self {
        let marks = (events / 5, events - events / 5);
        Self { handled: AtomicU64::new(0), marks, meter: OnceLock::new(), sample: OnceLock::new() }
    }

    fn handled(&self) {
        let count = self.handled.fetch_add(1, Ordering::Relaxed) + 1;
        let (from, to) = self.marks;
        if count == from {
            self.meter.get_or_init(Meter::start);
        }
        if count == to {
            self.sample.get_or_init(|| self.meter.get_or_init(Meter::start).stop(to - from));
        }
    }

    /// Who shares its queue with others may have had less than its share.
    fn sample(&self) -> Sample {
        let had = self.handled.load(Ordering::Relaxed).saturating_sub(self.marks.0);
        self.sample.get().cloned().unwrap_or_else(|| self.meter.get_or_init(Meter::start).stop(had))
    }
}

pub(super) async fn run(words: &[&str]) -> Result<(), String> {
    let [numbers @ .., url] = words else { return Err(USAGE.into()) };
    let numbers: Result<Vec<usize>, _> = numbers.iter().map(|word| word.parse()).collect();
    let Ok([handlers, concurrency, events]) = numbers.as_deref() else { return Err(USAGE.into()) };
    let broker = eda::connect(url).await.map_err(|error| error.to_string())?;
    let (began, count) = (Instant::now(), Arc::new(Count::new(*events as u64)));
    let mut service = Service::new(SOURCE);
    for index in 0..*handlers {
        let count = Arc::clone(&count);
        let handler = HandlerDef::from_fn(String::leak(name(index)), move |noted: Noted| {
            std::hint::black_box(noted);
            count.handled();
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
    if *events == 0 {
        count.meter.get_or_init(Meter::start);
    }
    tell(&count).await;
    say(&serde_json::to_string(&count.sample()).map_err(|error| error.to_string())?);
    running.shutdown().await.map_err(|error| error.to_string())
}

/// Until the input ends.
async fn tell(count: &Count) {
    let (mut told, mut ticks, mut input) = (0, interval(Duration::from_millis(20)), stdin());
    let mut ended = [0];
    loop {
        tokio::select! {
            _ = input.read(&mut ended) => return,
            _ = ticks.tick(), if count.marks.1 > 0 => {
                let handled = count.handled.load(Ordering::Relaxed);
                if handled != told {
                    told = handled;
                    say(&handled.to_string());
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
