//! A broker that takes nothing, or says nothing.

use std::time::{Duration, Instant};

use eda_core::event::CodecError;
use eda_core::transport::{ConsumerState, Transport};
use eda_core::{App, Broker, ErrorKind, Event, HandlerDef, Service, event as encoding};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::{PATIENCE, SERVICE, alone, connect, event, next, node, subscribe, subscription, until_state};

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_broker_is_told_in_health_and_takes_once_what_waited_and_was_published_again() {
    let node = node().await;
    let (rabbit, subscription) = (connect(&node, "").await, subscription("blocked"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    publisher.send(event(&subscription, 0)).await.expect("there is room").confirmed().await.expect("confirmed");
    next(&mut deliveries).await.ack();

    node.ctl(&["set_vm_memory_high_watermark", "0.000001"]).expect("the alarm is on");
    let events = [1, 2].map(|number| event(&subscription, number));
    let mut waiting = Vec::new();
    for event in &events {
        waiting.push(publisher.send(event.clone()).await.expect("there is room"));
    }
    until_state(&*deliveries, ConsumerState::Blocked).await;
    for waiting in waiting {
        let outcome = waiting.confirmed().await;
        assert_eq!(outcome.map_err(|error| error.kind()), Err(ErrorKind::Unconfirmed));
    }
    let [first, second] = events;
    let again = publisher.send(first).await.expect("there is room");
    node.ctl(&["set_vm_memory_high_watermark", "0.4"]).expect("the alarm is off");
    until_state(&*deliveries, ConsumerState::Consuming).await;
    again.confirmed().await.expect("the word of the first one is its own");
    for number in ["1", "2"] {
        let delivery = next(&mut deliveries).await;
        assert_eq!(delivery.message().body, number);
        delivery.ack();
    }
    // its word has come meanwhile
    publisher.send(second).await.expect("there is room").confirmed().await.expect("confirmed");
    publisher.send(event(&subscription, 3)).await.expect("there is room").confirmed().await.expect("confirmed");
    let last = next(&mut deliveries).await;
    assert_eq!(last.message().body, "3", "one came twice");
    last.ack();
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_does_not_wait_until_a_broker_takes_something_again() {
    let node = node().await;
    let (rabbit, subscription) = (connect(&node, "").await, subscription("full"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    publisher.send(event(&subscription, 0)).await.expect("there is room").confirmed().await.expect("confirmed");
    let held = next(&mut deliveries).await;
    node.ctl(&["set_vm_memory_high_watermark", "0.000001"]).expect("the alarm is on");
    let waiting = publisher.send(event(&subscription, 1)).await.expect("there is room");
    until_state(&*deliveries, ConsumerState::Blocked).await;
    let began = Instant::now();
    deliveries.cancel().await.expect("consumers go on");
    held.ack();
    deliveries.close().await.expect("consumers go on");
    let closed = rabbit.close().await;
    let took = began.elapsed();
    node.ctl(&["set_vm_memory_high_watermark", "0.4"]).expect("the alarm is off");
    closed.expect("closed");
    assert!(took < Duration::from_secs(15), "each step has its deadline: {took:?}");
    waiting.confirmed().await.expect_err("a blocked broker has confirmed");
    // what was settled while the broker took nothing is settled; whether it took the other one over nobody can know
    let rabbit = connect(&node, "").await;
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    publisher.send(event(&subscription, 2)).await.expect("there is room").confirmed().await.expect("confirmed");
    loop {
        let delivery = next(&mut deliveries).await;
        let body = delivery.message().body.clone();
        assert_ne!(body, "0", "its ack was lost");
        delivery.ack();
        if body == "2" {
            break;
        }
    }
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_waits_three_seconds_for_a_silent_broker_and_no_longer() {
    let (node, _other) = alone().await;
    let (rabbit, subscription) = (connect(&node, "").await, subscription("parting"));
    drop(subscribe(&rabbit, &subscription).await);
    let publisher = rabbit.publisher().await.expect("there is one");
    node.pause().expect("it is frozen");
    let sent = publisher.send(event(&subscription, 1)).await.expect("there is room");
    let began = Instant::now();
    let closed = rabbit.close().await;
    let took = began.elapsed();
    node.resume().expect("it goes on");
    closed.expect("closed");
    assert!(took < Duration::from_secs(5), "3 s, and what a busy machine takes: {took:?}");
    sent.confirmed().await.expect_err("a frozen broker has confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_ends_within_a_second_of_its_limit_though_the_broker_falls_silent() {
    const LIMIT: Duration = Duration::from_secs(5);
    let (node, _other) = alone().await;
    let broker = Broker::new(connect(&node, "heartbeat=60").await).await.expect("it is connected");
    let (sender, mut handled) = mpsc::unbounded_channel();
    let endless = HandlerDef::from_fn("endless", move |asleep: Asleep| {
        let sender = sender.clone();
        async move {
            sender.send(asleep.number).expect("the test listens");
            std::future::pending::<()>().await;
        }
    });
    let running = App::new().service(Service::new(SERVICE).register(endless)).start(&broker).await.expect("it starts");
    broker.publisher(SERVICE).publish(&Asleep { number: 1 }).await.expect("it is confirmed");
    assert_eq!(timeout(PATIENCE, handled.recv()).await.expect("it goes on"), Some(1));
    let health = running.health_watch();
    let began = Instant::now();
    let stop = tokio::spawn(running.shutdown_within(LIMIT));
    while health.health().is_ready() {
        tokio::task::yield_now().await;
    }
    node.pause().expect("it is frozen");
    let stopped = stop.await.expect("no panic");
    let drained = began.elapsed();
    node.resume().expect("it goes on");
    stopped.expect("what is open comes again");
    assert!(drained < LIMIT + Duration::from_secs(3), "1 s, and what a busy machine takes: {drained:?}");
    broker.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_broker_is_noticed_and_consumed_from_again() {
    let (node, _other) = alone().await;
    let (rabbit, subscription) = (connect(&node, "heartbeat=5").await, subscription("frozen"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    node.pause().expect("it is frozen");
    let began = Instant::now();
    let sent = publisher.send(event(&subscription, 1)).await.expect("there is room");
    until_state(&*deliveries, ConsumerState::Connecting).await;
    let noticed = began.elapsed();
    let outcome = sent.confirmed().await.map_err(|error| error.kind());
    node.resume().expect("it goes on");
    assert!(noticed < Duration::from_secs(13), "two heartbeats of 5 s, and then some: {noticed:?}");
    until_state(&*deliveries, ConsumerState::Consuming).await;
    assert!(outcome.is_err(), "a frozen broker has confirmed");
    let again = publisher.send(event(&subscription, 1)).await.expect("there is room");
    again.confirmed().await.expect("it is back");
    next(&mut deliveries).await.ack();
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_was_given_up_is_done_by_the_next_one() {
    let node = node().await;
    let rabbit = connect(&node, "").await;
    let publisher = rabbit.publisher().await.expect("there is one");
    node.pause().expect("it is frozen");
    // what is in hand is waited for
    let sent = publisher.send(event(&subscription("nobody"), 1)).await.expect("there is room");
    let given_up = timeout(Duration::ZERO, rabbit.close()).await.is_err();
    node.resume().expect("it goes on");
    assert!(given_up, "it was over at once");
    sent.confirmed().await.expect("it was in hand");
    rabbit.close().await.expect("closed");
    let connections = || node.ctl(&["list_connections", "--no-table-headers", "pid"]).expect("they are listed");
    let began = Instant::now();
    // the broker counts for a moment what it has just let go
    while !connections().trim().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "still there: {}", connections());
    }
}

/// What keeps a connection runs beside the handlers, on whatever thread is free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_its_thread_keeps_its_connection() {
    let node = node().await;
    let broker = Broker::new(connect(&node, "heartbeat=5").await).await.expect("it is connected");
    let (sender, mut handled) = mpsc::unbounded_channel();
    let asleep = HandlerDef::from_fn("asleep", move |asleep: Asleep| {
        let sender = sender.clone();
        async move {
            // three heartbeats, for one of two threads
            std::thread::sleep(Duration::from_secs(16));
            sender.send(asleep.number).expect("the test listens");
        }
    });
    let running = App::new().service(Service::new(SERVICE).register(asleep)).start(&broker).await.expect("it starts");
    let status = || running.health().subscriptions[0].status.clone();
    let before = status();
    let publisher = broker.publisher(SERVICE);
    publisher.publish(&Asleep { number: 1 }).await.expect("it is confirmed");
    assert_eq!(timeout(PATIENCE, handled.recv()).await.expect("it goes on"), Some(1));
    let after = status();
    assert_eq!((after.state, after.since), (ConsumerState::Consuming, before.since), "it never was anything else");
    running.shutdown().await.expect("drained");
    assert_eq!(handled.recv().await, None, "it came twice");
    broker.close().await.expect("closed");
}

struct Asleep {
    number: u32,
}

impl Event for Asleep {
    const NAME: &'static str = "silent.asleep";

    fn encode(&self) -> encoding::Encoded {
        Ok(self.number.to_string().into())
    }

    fn decode(body: &[u8]) -> encoding::Decoded<Self> {
        let text = std::str::from_utf8(body).map_err(CodecError::new)?;
        Ok(Self { number: text.parse().map_err(CodecError::new)? })
    }
}
