//! Many processes of one service, some of which die of what they are handed. Over a simulated broker that counts each return, as
//! RabbitMQ does before 4.3.
#![cfg(feature = "__simulation")]

use std::time::Duration;

use eda_core::transport::{Deliveries, Delivery, Transport};
use eda_core::{Message, Policy, Subscription, Topology};
use eda_rabbit::Rabbit;
use eda_rabbit::simulation::{Counting, Options, Simulation};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

const QUEUE: &str = "billing.charge";
const DEADLY: &str = "deadly";
/// As long nothing comes to a process that has nothing left to do.
const IDLE: Duration = Duration::from_secs(600);
/// How long a process lives with a deadly one in hand, and how long it takes to come back.
const DEATH: Duration = Duration::from_secs(2);
const RESTART: Duration = Duration::from_secs(5);

fn subscription(prefetch: u16) -> Subscription {
    Subscription {
        service: "billing".into(),
        queue: QUEUE.into(),
        declare: true,
        bindings: vec!["order.placed".into()],
        policy: Policy { prefetch: Some(prefetch), ..Policy::default() },
    }
}

fn simulation() -> Simulation {
    let options = Options { counting: Counting::EveryReturn, latency: 2, commit: 1, ..Options::default() };
    let simulation = Simulation::new(1, options);
    tokio::spawn(simulation.clone().drive());
    simulation
}

async fn process(simulation: &Simulation, prefetch: u16) -> (Rabbit, Box<dyn Deliveries>) {
    let rabbit = simulation.connect("amqp://localhost?connect_timeout=forever").await.expect("it is there");
    let subscription = subscription(prefetch);
    let topology = Topology { subscriptions: vec![subscription.clone()], ..Topology::default() };
    rabbit.declare(&topology).await.expect("it is declared");
    let deliveries = rabbit.subscribe(&subscription).await.expect("it is consumed from");
    (rabbit, deliveries)
}

async fn publish(rabbit: &Rabbit, body: &str) {
    let publisher = rabbit.publisher().await.expect("there is one");
    let receipt = publisher.send(Message::new("order.placed", body.to_owned())).await.expect("there is room");
    receipt.confirmed().await.expect("the broker confirms");
}

/// How many were parked that nobody dies of.
fn parked(simulation: &Simulation) -> usize {
    simulation.held(&format!("{QUEUE}.dead")).iter().filter(|held| held.body != DEADLY).count()
}

/// Handles all that comes, many at once; tells whether it died.
async fn live(simulation: &Simulation, prefetch: u16, work: Duration) -> bool {
    let (rabbit, mut deliveries) = process(simulation, prefetch).await;
    let (mut at_work, mut death, mut batch): (JoinSet<()>, Option<Instant>, Vec<Delivery>) = <_>::default();
    loop {
        let until = death.unwrap_or_else(|| Instant::now() + IDLE);
        tokio::select! {
            () = sleep_until(until) => break,
            _ = deliveries.receive(&mut batch, 1) => {}
        }
        for delivery in batch.drain(..) {
            if delivery.message().body == DEADLY {
                death.get_or_insert(Instant::now() + DEATH);
                at_work.spawn(async move { std::future::pending().await });
                std::mem::forget(delivery);
            } else {
                at_work.spawn(async move {
                    sleep(work).await;
                    delivery.ack();
                });
            }
        }
    }
    at_work.shutdown().await;
    drop(deliveries);
    rabbit.close().await.expect("it ends");
    death.is_some()
}

/// As a crash loop or many restarts leave them.
async fn come_back(simulation: &Simulation, messages: usize, times: usize) {
    let prefetch = 50;
    let (rabbit, mut deliveries) = process(simulation, prefetch).await;
    for number in 0..messages {
        publish(&rabbit, &number.to_string()).await;
    }
    for time in 1..=times {
        let mut held = Vec::new();
        while held.len() < messages {
            deliveries.receive(&mut held, messages).await.expect("they come");
        }
        if time == times {
            deliveries.cancel().await.expect("the broker answers");
        }
    }
    sleep(Duration::from_secs(1)).await;
    deliveries.close().await.expect("the broker answers");
    rabbit.close().await.expect("it ends");
}

/// A new version of a service whose handlers take a minute, with fifty messages that have come back so often that they are suspect.
#[tokio::test(start_paused = true)]
async fn a_fleet_that_begins_one_after_the_other_parks_no_innocent() {
    for processes in [10, 30] {
        let simulation = simulation();
        come_back(&simulation, 50, 25).await;
        let mut fleet = JoinSet::new();
        for _ in 0..processes {
            let simulation = simulation.clone();
            fleet.spawn(async move { live(&simulation, 50, Duration::from_secs(60)).await });
            sleep(Duration::from_secs(1)).await;
        }
        assert!(fleet.join_all().await.iter().all(|died| !died));
        assert_eq!(parked(&simulation), 0, "{processes} processes");
    }
}

/// Some messages kill, among others that are worked on for half a minute.
#[tokio::test(start_paused = true)]
async fn a_fleet_in_a_crash_loop_parks_no_innocent() {
    for deadly in [1, 3] {
        let simulation = simulation();
        let (rabbit, deliveries) = process(&simulation, 20).await;
        drop(deliveries);
        for number in 0..40 {
            if number < deadly {
                publish(&rabbit, DEADLY).await;
            }
            publish(&rabbit, &number.to_string()).await;
        }
        let mut fleet = JoinSet::new();
        for _ in 0..3 {
            let simulation = simulation.clone();
            fleet.spawn(async move {
                while live(&simulation, 20, Duration::from_secs(30)).await {
                    sleep(RESTART).await;
                }
            });
        }
        let all = timeout(Duration::from_secs(7 * 24 * 3600), fleet.join_all()).await;
        assert!(all.is_ok(), "some die for ever");
        assert_eq!(parked(&simulation), 0, "{deadly} kill");
        assert_eq!(simulation.held(&format!("{QUEUE}.dead")).len(), deadly, "what kills is parked");
    }
}
