//! A subscription to which nothing comes: it asks the broker now and then whether it still has its consumer, and begins it anew
//! where others consume from the same queue, too. Over a simulated broker, since it takes an hour.
#![cfg(feature = "__simulation")]

use std::time::Duration;

use eda_core::transport::{ConsumerState, ConsumerStatus, Transport};
use eda_core::{Policy, Subscription};
use eda_rabbit::simulation::{Options, Simulation};
use tokio::time::{Instant, timeout_at};

/// The states of an hour in which nothing comes, over a network that takes so many milliseconds at most for each frame.
async fn states(latency: u64) -> (Vec<ConsumerStatus>, String) {
    let simulation = Simulation::new(1, Options { latency, trace: true, ..Options::default() });
    tokio::spawn(simulation.clone().drive());
    let rabbit = simulation.connect("amqp://localhost").await.expect("it is there");
    let subscription = Subscription {
        service: "billing".into(),
        queue: "billing.charge".into(),
        declare: true,
        bindings: vec!["order.placed".into()],
        policy: Policy::default(),
    };
    let deliveries = rabbit.subscribe(&subscription).await.expect("it is consumed from");
    let mut status = deliveries.status();
    let mut told = vec![status.borrow_and_update().clone()];
    let end = Instant::now() + Duration::from_secs(3600);
    while timeout_at(end, status.changed()).await.is_ok() {
        told.push(status.borrow_and_update().clone());
    }
    (told, simulation.trace())
}

#[tokio::test(start_paused = true)]
async fn who_is_idle_stays_ready_while_its_consumer_is_begun_anew() {
    let (states, trace) = states(50).await;
    let begun = trace.matches(" consume ").count();
    assert!((10..=20).contains(&begun), "{begun} times in an hour");
    let changed =
        states.iter().find(|status| (status.state, status.since) != (ConsumerState::Consuming, states[0].since));
    assert!(changed.is_none(), "{changed:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_begins_anew_for_long_is_not_ready_meanwhile() {
    let (states, _) = states(250).await;
    let connecting = states.iter().filter(|status| status.state == ConsumerState::Connecting).count();
    assert!((1..=20).contains(&connecting), "{connecting} times in an hour");
    assert_eq!(states.last().map(|status| status.state), Some(ConsumerState::Consuming));
}
