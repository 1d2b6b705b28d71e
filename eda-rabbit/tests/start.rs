//! A start over a network that is slow and well, which takes as long as it takes. Over a simulated one.
#![cfg(feature = "__simulation")]

use std::time::Duration;

use eda_core::transport::Transport;
use eda_core::{Policy, Subscription, Topology};
use eda_rabbit::simulation::{Options, Simulation};
use tokio::time::Instant;

/// How long the start of so many subscriptions takes, where each frame takes up to so many milliseconds.
async fn started_after(subscriptions: usize, latency: u64) -> Duration {
    let simulation = Simulation::new(1, Options { latency, ..Options::default() });
    tokio::spawn(simulation.clone().drive());
    let rabbit = simulation.connect("amqp://localhost").await.expect("it is there");
    let subscription = |number: usize| Subscription {
        service: "billing".into(),
        queue: format!("billing.charge{number}"),
        declare: true,
        bindings: vec![format!("order.placed{number}")],
        policy: Policy::default(),
    };
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
