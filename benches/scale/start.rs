//! What a service with a hundred handlers takes to start and to wait.

use std::time::Duration;

use eda_bench::meter::count;
use serde::Serialize;
use tokio::time::sleep;

use crate::curve::median;
use crate::stage::Stage;

const HANDLERS: usize = 100;
const CONCURRENCY: usize = 16;
/// How long nothing comes.
const IDLE: Duration = Duration::from_secs(10);

#[derive(Serialize)]
pub(crate) struct Start {
    handlers: usize,
    /// Until the broker has confirmed every consumer, where no queue exists before.
    first_seconds: f64,
    /// The same where all exist.
    again_seconds: f64,
    /// Resident memory that a handler adds.
    kib_a_handler: f64,
    /// Of one core, while nothing comes.
    idle_percent: f64,
}

impl Start {
    pub(crate) fn shown(&self) -> String {
        format!(
            "{} handlers: {:.2} s to start, {:.2} s again, {:.1} KiB each, {:.2} % of a core while nothing comes",
            self.handlers, self.first_seconds, self.again_seconds, self.kib_a_handler, self.idle_percent
        )
    }
}

pub(crate) async fn measure(stage: &Stage, rounds: usize) -> Result<Start, String> {
    let (mut first, mut again, mut memory, mut idle) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        stage.delete(HANDLERS).await?;
        let one = stage.serve(1, CONCURRENCY).await?;
        let alone = one.ready.resident_kib;
        one.end().await?;
        stage.delete(1).await?;

        let serving = stage.serve(HANDLERS, CONCURRENCY).await?;
        first.push(serving.ready.seconds);
        serving.end().await?;

        let serving = stage.serve(HANDLERS, CONCURRENCY).await?;
        again.push(serving.ready.seconds);
        let added = serving.ready.resident_kib.saturating_sub(alone);
        memory.push(count(added) / count(HANDLERS as u64 - 1));
        sleep(IDLE).await;
        let sample = serving.end().await?;
        idle.push(100.0 * sample.cpu_seconds / sample.seconds);
        stage.delete(HANDLERS).await?;
    }
    Ok(Start {
        handlers: HANDLERS,
        first_seconds: median(&mut first),
        again_seconds: median(&mut again),
        kib_a_handler: median(&mut memory),
        idle_percent: median(&mut idle),
    })
}
