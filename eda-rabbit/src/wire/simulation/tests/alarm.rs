//! What publishers do about a broker that takes nothing for a time; no trace is compared here.

use std::time::Duration;

use eda_core::transport::{Publish, Transport};
use eda_core::{ErrorKind, EventId, Message, Policy, Subscription, Topology};
use tokio::time::sleep;

use crate::wire::simulation::{Fault, Options, Simulation};

fn event() -> Message {
    let mut message = Message::new("order.created", "{}");
    message.id = Some(EventId::new());
    message
}

/// As a careful caller does: under the same id, until it is certain.
async fn publish(to: &dyn Publish, event: Message) {
    loop {
        let outcome = async { to.send(event.clone()).await?.confirmed().await };
        match outcome.await {
            Ok(()) => return,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unconfirmed, "{error}"),
        }
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_the_end_of_an_alarm_is_sent_once_however_long_it_lasts() {
    let simulation = Simulation::new(1, Options { latency: 100, commit: 100, ..Options::default() });
    let driver = tokio::spawn(simulation.clone().drive());
    let rabbit = simulation.connect("amqp://localhost").await.expect("it answers");
    let subscription = Subscription {
        service: "billing".into(),
        queue: "billing.charge".into(),
        declare: true,
        bindings: vec!["order.created".into()],
        policy: Policy::default(),
    };
    let topology = Topology { subscriptions: vec![subscription], ..Topology::default() };
    rabbit.declare(&topology).await.expect("it is declared");
    let publisher = rabbit.publisher().await.expect("there is one");
    let mut count = 0;
    // an alarm may end just before a word is late
    for length in (34_600..35_000).step_by(20) {
        publish(&*publisher, event()).await;
        simulation.fault(&Fault::Block(Duration::from_millis(length)));
        // the first of them makes the broker say so
        tokio::join!(publish(&*publisher, event()), publish(&*publisher, event()));
        count += 3;
        let queue = simulation.queues().into_iter().find(|queue| queue.name == "billing.charge").expect("it is there");
        assert_eq!(queue.ready, count, "after an alarm of {length} ms");
    }
    driver.abort();
}
