//! The transport in memory: publishing and handling at the same time.
#![expect(clippy::unused_async, reason = "handlers are async, also those that wait for nothing")]

use eda::Broker;
use eda::prelude::*;
use eda_bench::event::SOURCE;
use eda_bench::meter::{Meter, Sample};
use eda_bench::progress::Progress;
use eda_bench::task::Task;
use eda_inprocess::Small;

/// How many are published before the handlers get their turn.
const BATCH: u64 = 256;
/// How far the publisher is ahead at most: a backlog in memory would measure the pages that it takes.
const AHEAD: u64 = 1_024;

pub(super) async fn through(broker: &Broker, task: &Task) -> eda::Result<Sample> {
    let progress = Progress::until(task.events);
    let running = Service::new(SOURCE).state(progress.clone()).handler::<count>().start(broker).await?;
    let publisher = broker.publisher(SOURCE);
    let meter = Meter::start();
    for from in (0..task.events).step_by(usize::try_from(BATCH).unwrap_or(1)) {
        while from > progress.count() + AHEAD {
            tokio::task::yield_now().await;
        }
        publisher.publish_all((from..task.events.min(from + BATCH)).map(|_| Small::ONE)).await?;
    }
    progress.done().await;
    let sample = meter.stop(task.events);
    running.shutdown().await?;
    Ok(sample)
}

#[handler]
async fn count(small: Small, State(progress): State<Progress>) {
    std::hint::black_box(small);
    progress.handled();
}
