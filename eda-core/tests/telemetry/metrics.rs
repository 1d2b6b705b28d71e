//! What is counted and measured of publishing and handling.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use eda_core::telemetry::metrics::{LIST, buckets};
use eda_core::transport::Unrouted;
use eda_core::transport::memory::Memory;
use eda_core::{AnyEvent, Backoff, Broker, Failure, HandlerDef, Message, Service};
use tokio::sync::{Notify, Semaphore};

use crate::support::{OrderCreated, OrderPaid, broker, record, until};

const PUBLISHED: &str = "messaging_client_sent_messages_total";
const CONSUMED: &str = "messaging_client_consumed_messages_total";

#[tokio::test(start_paused = true)]
async fn a_handled_event_is_counted_and_measured() {
    let (mut recorded, _guard) = record();
    let (memory, broker) = broker().await;
    let paid = |order: OrderCreated| async move { OrderPaid { order_id: order.order_id } };
    let running = Service::new("billing").on("charge", paid).start(&broker).await.expect("it starts");
    broker.publisher("web").publish(&OrderCreated { order_id: 1 }).await.expect("memory confirms");
    memory.until_idle().await;
    running.shutdown().await.expect("nothing is in hand");
    recorded.look();

    for event in ["event=order.created", "event=order.paid"] {
        let labels = [event, "messaging_system=memory", "messaging_operation_name=publish"];
        assert_eq!(recorded.counter(PUBLISHED, &labels), 1);
        assert_eq!(recorded.histogram("messaging_client_operation_duration_seconds", &labels).len(), 1);
    }
    let labels = ["handler=billing.charge", "event=order.created"];
    assert_eq!(recorded.counter(CONSUMED, &labels), 1);
    assert_eq!(recorded.counter(CONSUMED, &["outcome=handled", "messaging_operation_name=process"]), 1);
    assert_eq!(recorded.histogram("messaging_process_duration_seconds", &labels).len(), 1);
    let critical = recorded.histogram("eda_critical_time_seconds", &labels);
    assert!(critical.len() == 1 && critical[0] >= 0.0, "{critical:?}");
    assert_eq!(recorded.gauge("eda_deliveries_in_flight", &labels).to_string(), "0");
    assert_eq!(recorded.gauge("eda_oldest_unacked_timestamp_seconds", &["queue=billing.charge"]).to_string(), "0");
}

#[tokio::test(start_paused = true)]
async fn retries_and_dead_letters_are_counted_with_their_reason() {
    let (mut recorded, _guard) = record();
    let (memory, broker) = broker().await;
    let fail = |_: OrderCreated| async { Err::<(), _>(Failure::transient("away")) };
    let refuse = |_: OrderCreated| async { Err::<(), _>(Failure::permanent("declined")) };
    let backoff = Backoff::millis(100, 100);
    let service = Service::new("billing")
        .register(HandlerDef::from_fn("charge", fail).configure(|options| options.retries(2).backoff(backoff)))
        .on("refuse", refuse);
    let running = service.start(&broker).await.expect("it starts");
    broker.publisher("web").publish(&OrderCreated { order_id: 1 }).await.expect("memory confirms");
    until(|| memory.dead_letters("billing.charge").len() + memory.dead_letters("billing.refuse").len() == 2).await;
    running.shutdown().await.expect("nothing is in hand");
    recorded.look();

    let charge = ["handler=billing.charge", "event=order.created"];
    let with = |more: &'static str| [charge[0], charge[1], more];
    assert_eq!(recorded.counter("eda_retries_total", &with("reason=transient")), 2);
    assert_eq!(recorded.counter("eda_dead_letters_total", &with("reason=transient")), 1);
    assert_eq!(recorded.counter(CONSUMED, &with("outcome=retried")), 2);
    assert_eq!(recorded.counter(CONSUMED, &with("outcome=dead_lettered")), 1);
    assert_eq!(recorded.histogram("messaging_process_duration_seconds", &with("error_type=transient")).len(), 3);
    assert_eq!(recorded.counter("eda_dead_letters_total", &["handler=billing.refuse", "reason=permanent"]), 1);
    assert!(recorded.histogram("eda_critical_time_seconds", &charge).is_empty());
}

#[tokio::test(start_paused = true)]
async fn labels_hold_no_name_that_the_program_does_not_declare() {
    let (mut recorded, _guard) = record();
    let (memory, broker) = broker().await;
    let any = HandlerDef::from_fn("log", |_: AnyEvent| async {}).configure(|options| options.pattern("order.#"));
    let service = Service::new("audit").register(any).on("see", |_: OrderCreated| async {});
    let running = service.start(&broker).await.expect("it starts");
    let foreign = |name: &str| Message { name: Some(name.to_owned().into()), ..Message::new("order.x", "{}") };
    memory.send_to_queue("audit.log", foreign("order.secret-4711")).expect("the queue is there");
    memory.send_to_queue("audit.see", foreign("order.secret-4711")).expect("the queue is there");
    until(|| memory.dead_letters("audit.see").len() == 1).await;
    memory.until_idle().await;
    running.shutdown().await.expect("nothing is in hand");
    recorded.look();

    assert_eq!(recorded.counter(CONSUMED, &["handler=audit.log", "event=order.#", "outcome=handled"]), 1);
    let unknown = ["handler=audit.see", "event=_OTHER", "reason=unknown-event"];
    assert_eq!(recorded.counter("eda_dead_letters_total", &unknown), 1);
    let odd: Vec<_> = recorded.series().filter(|series| series.contains("secret")).collect();
    assert!(odd.is_empty(), "{odd:?}");
}

#[tokio::test]
async fn what_the_broker_does_not_take_has_an_error_type() {
    let (mut recorded, _guard) = record();
    let memory = Memory::new().with_unrouted(Unrouted::Reject);
    let broker = Broker::new(memory).await.expect("memory always connects");
    broker.publisher("web").publish(&OrderCreated { order_id: 1 }).await.expect_err("nobody is bound");
    recorded.look();
    assert_eq!(recorded.counter(PUBLISHED, &["event=order.created", "error_type=unroutable"]), 1);
    assert_eq!(recorded.counter(PUBLISHED, &["event=order.created"]), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_hand_is_seen_with_since_when() {
    let (mut recorded, _guard) = record();
    let (memory, broker) = broker().await;
    let (begun, gate) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let (tell, wait) = (Arc::clone(&begun), Arc::clone(&gate));
    let handler = move |_: OrderCreated| {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        async move {
            tell.notify_one();
            wait.acquire().await.expect("the gate stays").forget();
        }
    };
    let before = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970").as_secs_f64();
    let running = Service::new("billing").on("charge", handler).start(&broker).await.expect("it starts");
    for order_id in 0..2 {
        broker.publisher("web").publish(&OrderCreated { order_id }).await.expect("memory confirms");
        begun.notified().await;
    }
    recorded.look();
    assert_eq!(recorded.gauge("eda_deliveries_in_flight", &["handler=billing.charge"]).to_string(), "2");
    let first = recorded.gauge("eda_oldest_unacked_timestamp_seconds", &["queue=billing.charge"]);
    assert!(first >= before, "{first} {before}");
    gate.add_permits(1);
    until(|| memory.queue("billing.charge").is_some_and(|queue| queue.unacked == 1)).await;
    recorded.look();
    let second = recorded.gauge("eda_oldest_unacked_timestamp_seconds", &["queue=billing.charge"]);
    assert!(second > first, "{second} {first}");
    running.shutdown_within(Duration::ZERO).await.expect("what is in hand is given back");
    recorded.look();
    assert_eq!(recorded.counter(CONSUMED, &["handler=billing.charge", "outcome=given_back"]), 1);
    assert_eq!(recorded.gauge("eda_oldest_unacked_timestamp_seconds", &["queue=billing.charge"]).to_string(), "0");
}

#[tokio::test(start_paused = true)]
async fn the_state_of_each_subscription_is_told() {
    let (mut recorded, _guard) = record();
    let (memory, broker) = broker().await;
    let running = Service::new("audit").on("log", |_: AnyEvent| async {}).start(&broker).await.expect("it starts");
    memory.until_idle().await;
    tokio::task::yield_now().await;
    recorded.look();
    let state = |state: &'static str| ["service=audit", "queue=audit.log", state];
    assert_eq!(recorded.gauge("eda_subscription_state", &state("state=consuming")).to_string(), "1");
    assert_eq!(recorded.gauge("eda_subscription_state", &state("state=stopped")).to_string(), "0");
    running.shutdown().await.expect("nothing is in hand");
    recorded.look();
    assert_eq!(recorded.gauge("eda_subscription_state", &state("state=consuming")).to_string(), "0");
    assert_eq!(recorded.gauge("eda_subscription_state", &state("state=stopped")).to_string(), "1");
}

#[tokio::test]
async fn a_handler_that_blocks_its_thread_is_counted_each_time() {
    let (mut recorded, _guard) = record();
    let (memory, broker) = broker().await;
    let block = |_: OrderCreated| async { std::thread::sleep(Duration::from_millis(120)) };
    let running = Service::new("billing").on("charge", block).start(&broker).await.expect("it starts");
    for order_id in 0..2 {
        broker.publisher("web").publish(&OrderCreated { order_id }).await.expect("memory confirms");
    }
    memory.until_idle().await;
    running.shutdown().await.expect("nothing is in hand");
    recorded.look();
    assert_eq!(recorded.counter("eda_blocked_polls_total", &["handler=billing.charge", "event=order.created"]), 2);
}

#[tokio::test]
async fn a_publish_that_is_never_begun_is_not_counted() {
    let (mut recorded, _guard) = record();
    let broker = Broker::new(Memory::new()).await.expect("memory always connects");
    let publisher = broker.publisher("web");
    drop(publisher.publish(&OrderCreated { order_id: 1 }));
    recorded.look();
    assert_eq!(recorded.counter(PUBLISHED, &[]), 0, "it was not begun");
}

#[test]
fn every_histogram_has_buckets() {
    let durations: Vec<_> = buckets().map(|(name, _)| name).collect();
    let histograms =
        LIST.iter().filter(|metric| metric.name.ends_with("_seconds") && !metric.name.contains("timestamp"));
    assert_eq!(durations, histograms.map(|metric| metric.name).collect::<Vec<_>>());
}
