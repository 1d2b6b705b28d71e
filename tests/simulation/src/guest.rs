//! A second instance of the services, which comes and goes while faults happen: gracefully, or at once.

use std::sync::Arc;
use std::time::Duration;

use eda_core::{Broker, Result, Running};
use eda_rabbit::simulation::{Random, Simulation};
use tokio::time::{Instant, timeout};

use crate::ledger::Ledger;
use crate::services::app;

/// How long a start may take before it is given up.
const START: Duration = Duration::from_secs(20);
/// How long handlers may take to finish at a graceful end, and how much longer the end may take: what a broker that does not
/// answer is waited for.
const DRAIN: Duration = Duration::from_secs(10);
const MORE: Duration = Duration::from_secs(45);

pub(crate) struct Guest {
    simulation: Simulation,
    ledger: Arc<Ledger>,
    random: Random,
    present: Option<(Broker, Running)>,
    /// Some seeds have none.
    comes: bool,
}

impl Guest {
    pub(crate) fn new(simulation: &Simulation, ledger: &Arc<Ledger>, mut random: Random) -> Self {
        let comes = random.chance(50);
        Self { simulation: simulation.clone(), ledger: Arc::clone(ledger), random, present: None, comes }
    }

    /// # Errors
    /// Where its end takes too long.
    pub(crate) async fn come_or_go(&mut self) -> Result<(), String> {
        if !self.comes || !self.random.chance(30) {
            return Ok(());
        }
        if self.present.is_some() {
            return self.go().await;
        }
        self.simulation.note("guest-comes", 0, "");
        let prefetch = u16::try_from(self.random.between(1, 64)).unwrap_or(1);
        let concurrency = usize::try_from(self.random.between(1, 8)).unwrap_or(1);
        // cancelled, nothing of it is left
        self.present = timeout(START, self.start(prefetch, concurrency)).await.ok().and_then(Result::ok);
        Ok(())
    }

    async fn start(&self, prefetch: u16, concurrency: usize) -> Result<(Broker, Running)> {
        let rabbit = self.simulation.connect("amqp://localhost?connect_timeout=forever").await?;
        let broker = Broker::new(rabbit).await?;
        let running = app(&self.ledger, prefetch, concurrency).start(&broker).await?;
        Ok((broker, running))
    }

    /// # Errors
    /// Where its end takes too long.
    pub(crate) async fn go(&mut self) -> Result<(), String> {
        let Some((broker, running)) = self.present.take() else { return Ok(()) };
        let began = Instant::now();
        if self.random.chance(50) {
            self.simulation.note("guest-goes", 0, "gracefully");
            let end = async {
                // what did not reach the broker comes again
                let _ = running.shutdown_within(DRAIN).await;
                let _ = broker.close().await;
            };
            if timeout(DRAIN + MORE, end).await.is_err() {
                return Err(format!("a graceful end took over {:?}", began.elapsed()));
            }
        } else {
            self.simulation.note("guest-goes", 0, "at once");
        }
        Ok(())
    }
}
