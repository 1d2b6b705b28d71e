//! Starting: check, declare, subscribe, then hand over to tasks.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::info;

use super::consume::{Phase, consume};
use super::process::Processor;
use super::running::Running;
use super::schedule::Workers;
use super::signal::stop_requested;
use super::table::table;
use crate::app::{App, Plan, QueuePlan};
use crate::broker::Broker;
use crate::error::{Error, ErrorKind, Result};
use crate::health::{HealthWatch, Watched};
use crate::service::Service;
use crate::telemetry;
use crate::transport::{Capabilities, Deliveries};

impl App {
    /// Declares the topology, subscribes every handler, and returns when the broker has confirmed all consumers. An app whose
    /// services only [publish](Service::publishes) has none: it runs, and is ready, until it is told to stop.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) or [`Unsupported`](ErrorKind::Unsupported) with every problem at once, before
    /// anything is declared; else what the transport says.
    ///
    /// # Cancel safety
    /// Cancelled, what was subscribed ends again; what was declared stays.
    pub async fn start(self, broker: &Broker) -> Result<Running> {
        let Plan { topology, queues } = self.plan()?;
        let broker = match self.journal {
            Some(journal) => &broker.clone().journaled_by(journal),
            None => broker,
        };
        check_capabilities(&queues, broker.transport().capabilities())?;
        broker.transport().declare(&topology).await?;
        let opened = subscribe_all(&queues, broker).await?;
        info!("running on {}{}", broker.transport().describe(), table(&queues));

        let (phase, told) = watch::channel(Phase::Running);
        let (mut consumers, mut watched) = (JoinSet::new(), Vec::new());
        for (plan, deliveries) in queues.into_iter().zip(opened) {
            let (queue, concurrency) = (plan.subscription.queue.clone(), plan.subscription.policy.concurrency);
            let (service, status) = (plan.service.to_string(), deliveries.status());
            watched.push(Watched { service: service.clone(), queue: queue.clone(), status: status.clone() });
            let processor = Arc::new(Processor::new(plan, Arc::clone(broker.publish()), broker.journal()));
            let workers = Workers::start(concurrency, &processor);
            let told = told.clone();
            consumers.spawn(async move {
                let life = consume(queue.clone(), deliveries, workers, told);
                telemetry::watch(&service, &queue, status, life).await
            });
        }
        Ok(Running::new(phase, consumers, HealthWatch::new(watched)))
    }

    /// Starts, runs until SIGTERM or Ctrl-C, then drains: takes no more, lets handlers finish for up to 30 s, and gives
    /// back what they did not. A second signal ends at once.
    ///
    /// # Errors
    /// As [`start`](Self::start), or why a subscription ended without being told to.
    ///
    /// # Cancel safety
    /// Cancelled, it stops at once, and what was in hand is given back.
    pub async fn run(self, broker: &Broker) -> Result {
        // the signals are caught from the start, so that one during the start is not lost
        let mut stop = std::pin::pin!(stop_requested());
        let running = tokio::select! {
            running = self.start(broker) => running?,
            signal = &mut stop => {
                info!("{signal} while starting");
                return Ok(());
            }
        };
        running.until(stop).await
    }
}

impl<S: Send + Sync + 'static> Service<S> {
    /// Runs this service alone; see [`App::run`].
    ///
    /// # Errors
    /// As [`App::run`].
    ///
    /// # Cancel safety
    /// As [`App::run`].
    pub async fn run(self, broker: &Broker) -> Result {
        App::from(self).run(broker).await
    }

    /// Starts this service alone; see [`App::start`].
    ///
    /// # Errors
    /// As [`App::start`].
    ///
    /// # Cancel safety
    /// As [`App::start`].
    pub async fn start(self, broker: &Broker) -> Result<Running> {
        App::from(self).start(broker).await
    }
}

fn check_capabilities(queues: &[QueuePlan], capabilities: Capabilities) -> Result {
    let mut lacking = Vec::new();
    for QueuePlan { subscription, .. } in queues {
        let asks = [
            (subscription.policy.retries > 0 && !capabilities.delayed_retry, "delayed retries: set `retries = 0`"),
            (!capabilities.dead_letters, "dead letters"),
            (!subscription.declare && !capabilities.foreign_queues, "queues that someone else declared"),
            (
                subscription.bindings.iter().any(|binding| binding.contains(['*', '#'])) && !capabilities.patterns,
                "wildcards in routing keys",
            ),
        ];
        let missing = asks.iter().filter(|(missing, _)| *missing);
        lacking.extend(missing.map(|(_, what)| format!("\n  - `{}` asks for {what}", subscription.queue)));
    }
    if lacking.is_empty() {
        return Ok(());
    }
    let text = format!("the transport lacks what handlers ask for:{}", lacking.concat());
    Err(Error::new(ErrorKind::Unsupported, text))
}

/// All at the same time; the first error ends the others.
async fn subscribe_all(queues: &[QueuePlan], broker: &Broker) -> Result<Vec<Box<dyn Deliveries>>> {
    let mut tasks = JoinSet::new();
    for (index, plan) in queues.iter().enumerate() {
        let (transport, subscription) = (Arc::clone(broker.transport()), plan.subscription.clone());
        tasks.spawn(async move { (index, transport.subscribe(&subscription).await) });
    }
    let mut opened: Vec<_> = queues.iter().map(|_| None).collect();
    while let Some(joined) = tasks.join_next().await {
        let (index, deliveries) =
            joined.map_err(|error| Error::new(ErrorKind::Internal, "subscribing panicked").caused_by(error))?;
        opened[index] = Some(deliveries?);
    }
    Ok(opened.into_iter().flatten().collect())
}
