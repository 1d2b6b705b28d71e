//! Starts over a network that is slow and well, which take as long as they take; and long after what they need was declared. Over a
//! simulated broker.
#![cfg(feature = "__simulation")]

use std::time::Duration;

use eda_core::transport::Transport;
use eda_core::{Message, Policy, Subscription, Topology};
use eda_rabbit::simulation::{Fault, Options, Simulation};
use tokio::time::{Instant, sleep, timeout};

const QUEUE: &str = "billing.charge0";

fn subscription(number: usize) -> Subscription {
    Subscription {
        service: "billing".into(),
        queue: format!("billing.charge{number}"),
        declare: true,
        bindings: vec![format!("order.placed{number}")],
        policy: Policy::default(),
    }
}

/// How long the start of so many subscriptions takes, where each frame takes up to so many milliseconds.
async fn started_after(subscriptions: usize, latency: u64) -> Duration {
    let simulation = Simulation::new(1, Options { latency, ..Options::default() });
    tokio::spawn(simulation.clone().drive());
    let rabbit = simulation.connect("amqp://localhost").await.expect("it is there");
    let topology = Topology { subscriptions: (0..subscriptions).map(subscription).collect(), ..Topology::default() };
    let began = Instant::now();
    rabbit.declare(&topology).await.expect("it is declared");
    for subscription in &topology.subscriptions {
        rabbit.subscribe(subscription).await.expect("it is consumed from");
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_slow_network_ends_no_start() {
    for (subscriptions, latency) in [(1, 400), (20, 100), (100, 20)] {
        let took = started_after(subscriptions, latency).await;
        assert!(took > Duration::from_secs(10), "{subscriptions} subscriptions began after {took:?}: take more");
    }
}

/// As by somebody who declares when the process begins, and consumes an hour later: what was deleted meanwhile is made again.
#[tokio::test(start_paused = true)]
async fn what_was_declared_long_before_is_declared_again() {
    for fault in
        [Fault::Unbind(QUEUE.into()), Fault::DeleteQueue(format!("{QUEUE}.dead")), Fault::DeleteQueue(QUEUE.into())]
    {
        let simulation = Simulation::new(1, Options::default());
        tokio::spawn(simulation.clone().drive());
        let rabbit = simulation.connect("amqp://localhost").await.expect("it is there");
        let topology = Topology { subscriptions: vec![subscription(0)], ..Topology::default() };
        rabbit.declare(&topology).await.expect("it is declared");
        sleep(Duration::from_secs(3600)).await;
        assert!(simulation.fault(&fault));
        let mut deliveries = rabbit.subscribe(&topology.subscriptions[0]).await.expect("it is consumed from");
        let publisher = rabbit.publisher().await.expect("there is one");
        let receipt = publisher.send(Message::new("order.placed0", "{}")).await.expect("there is room");
        receipt.confirmed().await.expect("the broker confirms");
        let came = timeout(Duration::from_secs(60), deliveries.receive(&mut Vec::new(), 1)).await;
        assert!(came.is_ok(), "{fault:?}: nothing came");
        assert!(simulation.queues().iter().any(|queue| queue.name == format!("{QUEUE}.dead")), "{fault:?}");
    }
}
