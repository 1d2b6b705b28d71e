//! One seed, from its first event to an empty broker.

use std::sync::Arc;
use std::time::Duration;

use eda_core::transport::ConsumerState;
use eda_core::{Broker, ErrorKind, EventId, Publisher, Running};
use eda_rabbit::simulation::{Counting, Fault, Options, Random, Simulation, Tally};
use tokio::time::{Instant, sleep, timeout};

use crate::faults::Faults;
use crate::guest::Guest;
use crate::ledger::{Ledger, PLACES, Summary, is_dead};
use crate::orders::{Order, Stray};
use crate::services::{RETRIES, app};

/// How many faults at least.
const FAULTS: u64 = 20;
/// How many events are published when the faults are over.
const LAST: u64 = 50;
/// How long everything may take to come to rest when the faults are over, in virtual time: a held delivery rests for up to five
/// minutes, and a broker tries a dead letter again after three.
const REST: Duration = Duration::from_secs(30 * 60);

/// How a seed ended.
pub(crate) struct Report {
    pub(crate) outcome: Result<Summary, String>,
    pub(crate) tally: Tally,
    pub(crate) hash: u64,
    pub(crate) trace: String,
    /// In virtual time.
    pub(crate) settled_after: Duration,
}

/// Runs a seed in a runtime of its own, on this thread.
pub(crate) fn run(seed: u64, events: u64, trace: bool) -> Report {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    #[cfg(tokio_unstable)]
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes()));
    let runtime = builder.build().expect("a runtime without I/O needs nothing of the system");
    runtime.block_on(async { World::new(seed, events, trace).run().await })
}

struct World {
    seed: u64,
    events: u64,
    random: Random,
    simulation: Simulation,
    ledger: Arc<Ledger>,
    /// Whether publishers are told of events that nobody handles.
    rejects: bool,
    /// Whether somebody deletes queues and the like.
    deletes: bool,
    /// The id of a message that no client survives: who is in quarantine since it came may stay there.
    lethal: Option<String>,
}

fn id_of(seed: u64, order: u64) -> String {
    format!("{seed}-{order}")
}

/// Until its publisher knows that the broker has it.
async fn order_of(publisher: &Publisher, ledger: &Ledger, id: EventId, event: &Order, is_bound: bool) {
    while let Err(error) = publisher.publish_as(id.clone(), event).await {
        if is_bound && error.kind() == ErrorKind::Unroutable {
            ledger.misinformed(event.order);
        }
        ledger.republished();
        sleep(Duration::from_millis(200)).await;
    }
    ledger.confirmed(event.order);
}

/// Until its publisher knows that nobody has it.
async fn stray(publisher: &Publisher, ledger: &Ledger, id: String, number: u64) {
    loop {
        match publisher.publish_as(EventId::from(id.as_str()), &Stray { number }).await {
            Ok(_) => return ledger.misinformed(number),
            Err(error) if error.kind() == ErrorKind::Unroutable => return,
            Err(_) => sleep(Duration::from_millis(200)).await,
        }
    }
}

impl World {
    fn new(seed: u64, events: u64, trace: bool) -> Self {
        let mut random = Random::new(seed);
        let options = Options {
            counting: if random.chance(50) { Counting::EveryReturn } else { Counting::LostOnly },
            misattributes_returns: random.chance(90),
            forgets_waiters: random.chance(30),
            latency: random.below(6),
            commit: random.below(5),
            loses_late_acks: random.chance(50),
            trace,
        };
        // asks the paused clock, so it is made inside of the runtime
        let simulation = Simulation::new(random.number(), options);
        for place in PLACES {
            let key = if place.takes_paid() { "order.paid" } else { "order.created" };
            simulation.expect_route(key, place.queue());
        }
        let (rejects, deletes) = (random.chance(40), random.chance(35));
        Self {
            seed,
            events,
            random,
            simulation,
            ledger: Arc::new(Ledger::new(seed, events)),
            rejects,
            deletes,
            lethal: None,
        }
    }

    async fn run(mut self) -> Report {
        let driver = tokio::spawn(self.simulation.clone().drive());
        let (outcome, settled_after) = match self.live().await {
            Ok((summary, settled_after)) => (Ok(summary), settled_after),
            Err(error) => (Err(error), Duration::ZERO),
        };
        driver.abort();
        let (tally, hash, trace) = (self.simulation.tally(), self.simulation.hash(), self.simulation.trace());
        Report { outcome, tally, hash, trace, settled_after }
    }

    async fn live(&mut self) -> Result<(Summary, Duration), String> {
        let text = |error: eda_core::Error| format!("{error:?}");
        let unrouted = if self.rejects { "reject" } else { "park" };
        let url = format!("amqp://localhost?connect_timeout=forever&unrouted={unrouted}");
        let rabbit = self.simulation.connect(&url).await.map_err(text)?;
        let broker = Broker::new(rabbit).await.map_err(text)?;
        let prefetch = u16::try_from(self.random.between(4, 64)).unwrap_or(4);
        let concurrency = usize::try_from(self.random.between(1, 16)).unwrap_or(1);
        let running = app(&self.ledger, prefetch, concurrency).start(&broker).await.map_err(text)?;
        let orders = 0..self.events - LAST;
        let publishers: Vec<_> =
            (0..4).map(|first| tokio::spawn(self.publish(&broker, orders.clone().skip(first).step_by(4)))).collect();

        if self.random.chance(4) {
            let order = self.random.below(orders.end);
            let id = id_of(self.seed, order);
            self.simulation.make_lethal(&id);
            self.lethal = Some(id);
        }
        let mut guest = Guest::new(&self.simulation, &self.ledger, self.random.fork());
        let mut faults = Faults::new(self.random.fork(), self.deletes);
        while self.simulation.tally().faults < FAULTS || self.ledger.confirmed_count() < (self.events - LAST) * 9 / 10 {
            sleep(faults.rest()).await;
            self.simulation.fault(&faults.next());
            guest.come_or_go().await?;
            if self.simulation.tally().faults > FAULTS * 20 {
                return Err("nothing comes through".to_owned());
            }
        }
        guest.go().await?;
        self.simulation.end_faults();
        if self.deletes {
            // an exchange that is gone comes back with the next connection
            self.simulation.fault(&Fault::Away(Duration::ZERO));
        }
        let over = Instant::now();
        for publisher in publishers {
            let published = timeout(REST, publisher).await.map_err(|_| "publishers are stuck".to_owned())?;
            published.map_err(|error| format!("a publisher: {error}"))?;
        }
        // the last connections are lost soon after, and subscriptions in quarantine leave it when they have settled something
        sleep(Duration::from_secs(10)).await;
        self.publish(&broker, orders.end..self.events).await;
        self.come_to_rest(&running).await?;
        let settled_after = over.elapsed();
        self.end(running, broker).await?;
        let (lethal, suspects) = self.over_the_limit();
        if suspects.len() > lethal {
            let told = &suspects[..suspects.len().min(5)];
            return Err(format!(
                "suspects: {} over the delivery limit, and {lethal} end connections: {told:?}",
                suspects.len()
            ));
        }
        let summary = self.ledger.check(&self.simulation, RETRIES)?;
        Ok((summary, settled_after))
    }

    fn publish(
        &mut self,
        broker: &Broker,
        orders: impl Iterator<Item = u64> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (publisher, ledger) = (broker.publisher("web"), Arc::clone(&self.ledger));
        let (mut random, seed) = (self.random.fork(), self.seed);
        let (has_strays, is_bound) = (self.rejects, !self.deletes);
        async move {
            let mut orders = orders.peekable();
            while orders.peek().is_some() {
                let burst: Vec<u64> =
                    orders.by_ref().take(usize::try_from(random.between(1, 60)).unwrap_or(1)).collect();
                let sending = burst.into_iter().map(|order| {
                    let (publisher, ledger) = (&publisher, &ledger);
                    async move {
                        let event = Order { order, check: ledger.plan(order).check };
                        let id = EventId::from(id_of(seed, order).as_str());
                        let stray = stray(publisher, ledger, format!("{seed}-{order}-stray"), order);
                        tokio::join!(order_of(publisher, ledger, id, &event, is_bound), async {
                            if has_strays && order.is_multiple_of(5) {
                                stray.await;
                            }
                        });
                    }
                });
                futures_util::future::join_all(sending).await;
                sleep(Duration::from_millis(random.below(4_000))).await;
            }
        }
    }

    /// Until nothing waits, nothing is in hand, and every subscription consumes.
    async fn come_to_rest(&self, running: &Running) -> Result<(), String> {
        let end = Instant::now() + REST;
        let mut calm = 0;
        while calm < 3 {
            sleep(Duration::from_secs(1)).await;
            let restless = self.restless(running);
            calm = if restless.is_empty() { calm + 1 } else { 0 };
            if Instant::now() > end {
                return Err(format!("no rest: {}", restless.join("; ")));
            }
        }
        Ok(())
    }

    fn restless(&self, running: &Running) -> Vec<String> {
        let mut found = Vec::new();
        for queue in self.simulation.queues() {
            let is_parked = is_dead(&queue.name) || ["eda.unrouted", "eda.retry.orphaned"].contains(&&*queue.name);
            let is_work = !is_parked && !queue.name.starts_with("eda.wait.");
            if queue.unacked > 0 || (queue.ready > 0 && !is_parked) || (is_work && queue.consumers != 1) {
                found.push(format!("{queue:?}"));
            }
        }
        for subscription in running.health().subscriptions {
            let may_be_quarantined = self.lethal.is_some() && subscription.status.state == ConsumerState::Quarantined;
            if subscription.status.state != ConsumerState::Consuming && !may_be_quarantined {
                found.push(format!("{subscription:?}"));
            }
        }
        found
    }

    /// What the delivery limit has parked: how often the message that ends connections, and what else. Subscriptions share
    /// a connection, so that of one can take along what another has in hand, one at a time.
    fn over_the_limit(&self) -> (usize, Vec<String>) {
        let dead = ["billing.charge.dead", "audit.record.dead", "shipping.ship.dead"];
        let dead = dead.into_iter().flat_map(|queue| self.simulation.held(queue));
        let over = dead.filter(|held| held.broker_reason.as_deref() == Some("delivery_limit"));
        let (lethal, suspects): (Vec<_>, Vec<_>) =
            over.map(|held| held.id).partition(|id| self.lethal.as_ref() == Some(id));
        (lethal.len(), suspects)
    }

    async fn end(&self, running: Running, broker: Broker) -> Result<(), String> {
        let began = Instant::now();
        running.shutdown().await.map_err(|error| format!("shutdown: {error:?}"))?;
        broker.close().await.map_err(|error| format!("close: {error:?}"))?;
        drop(broker);
        if began.elapsed() > Duration::from_secs(10) {
            return Err(format!("nothing was in hand, and the end took {:?}", began.elapsed()));
        }
        sleep(Duration::from_secs(30)).await;
        let unacked: usize = self.simulation.queues().iter().map(|queue| queue.unacked).sum();
        let (tasks, connections) =
            (tokio::runtime::Handle::current().metrics().num_alive_tasks(), self.simulation.connections());
        if tasks > 1 || connections > 0 || unacked > 0 {
            return Err(format!("left over: {} tasks, {connections} connections, {unacked} unacked", tasks - 1));
        }
        Ok(())
    }
}
