//! Handlers and events behave as written.

use std::time::Duration;

use eda::prelude::*;
use eda::{Handler, Policy};

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(name = "order.created", version = 3, key = id, accept = ["OrderCreated", "order_created"])]
struct OrderCreated {
    id: u64,
}

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.moved", key = 0, routing_key = "order.{0}.moved.{1}")]
struct OrderMoved(u64, String);

#[derive(Serialize, Deserialize, Event)]
#[event(name = "clock.struck", routing_key = "clock.midnight")]
struct ClockStruck;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "a.b", key = r#type, routing_key = "a.{type}.b")]
struct Raw {
    r#type: String,
}

#[test]
fn attributes_become_constants() {
    assert_eq!(
        (OrderCreated::NAME, OrderCreated::VERSION, OrderCreated::BINDING),
        ("order.created", 3, "order.created")
    );
    assert_eq!(OrderCreated::ACCEPT, ["OrderCreated", "order_created"]);
    assert_eq!(OrderCreated { id: 7 }.partition_key().as_deref(), Some("7"));
    assert_eq!(OrderCreated { id: 7 }.routing_key(), "order.created");
}

#[test]
fn fields_of_tuples_are_named_by_number() {
    let moved = OrderMoved(7, "eu".to_owned());
    assert_eq!((moved.routing_key().as_ref(), OrderMoved::BINDING), ("order.7.moved.eu", "order.*.moved.*"));
    assert_eq!(moved.partition_key().as_deref(), Some("7"));
}

#[test]
fn static_keys_allocate_nothing() {
    assert!(matches!(ClockStruck.routing_key(), std::borrow::Cow::Borrowed("clock.midnight")));
    assert_eq!((ClockStruck::NAME, ClockStruck::BINDING), ("clock.struck", "clock.midnight"));
}

#[test]
fn raw_names_are_names() {
    let raw = Raw { r#type: "x".to_owned() };
    assert_eq!((raw.routing_key().as_ref(), raw.partition_key().as_deref()), ("a.x.b", Some("x")));
}

#[test]
fn the_body_is_the_struct() {
    let body = OrderCreated { id: 7 }.encode().unwrap();
    assert_eq!(body, br#"{"id":7}"#.as_slice());
    assert_eq!(OrderCreated::decode(&body).unwrap(), OrderCreated { id: 7 });
}

#[handler(
    name = "charge-card",
    queue = "cards",
    retries = 5,
    backoff = "200ms..30s",
    timeout = "2m",
    concurrency = 4,
    prefetch = 32
)]
async fn charge(
    OrderCreated { id }: OrderCreated,
    meta: Meta,
    State(limit): State<u64>,
) -> (Option<OrderMoved>, Vec<ClockStruck>) {
    std::future::ready((meta, limit)).await;
    (Some(OrderMoved(id, "eu".to_owned())), Vec::new())
}

#[test]
fn options_become_meta() {
    let policy = charge::META.policy(&Policy::default());
    assert_eq!((charge::META.name, charge::META.queue, charge::META.declare), ("charge-card", Some("cards"), true));
    assert_eq!((policy.retries, policy.concurrency, policy.prefetch), (5, 4, Some(32)));
    assert_eq!(policy.backoff.bounds(), (Duration::from_millis(200), Duration::from_secs(30)));
    assert_eq!(policy.timeout, Duration::from_secs(120));
}

#[test]
fn the_location_is_the_function() {
    let location = charge::META.location;
    let line = include_str!("behaviour.rs").lines().nth(location.line() as usize - 1).unwrap();
    assert!(line[location.column() as usize - 1..].starts_with("charge("), "{location}: {line}");
}

#[test]
fn what_is_emitted_is_known() {
    let service = Service::new("billing").state(3_u64).handler::<charge>();
    let names: Vec<_> = service.handlers()[0].emits().iter().map(|event| event.name).collect();
    assert_eq!(names, ["order.moved", "clock.struck"]);
}

#[test]
fn generic_handlers_are_registered_for_a_type() {
    #[handler]
    async fn relay<T: Event, const TIMES: usize>(event: T) -> Option<T> {
        std::future::ready((TIMES > 0).then_some(event)).await
    }
    let service = Service::new("relay").handler::<relay<OrderCreated, 3>>();
    assert_eq!(service.handlers()[0].interest().name, Some("order.created"));
}

#[derive(Debug, thiserror::Error, HandlerError)]
#[permanent]
enum Mostly {
    #[error("never: {0}")]
    Never(u8),
    #[transient]
    #[error("after {after}")]
    Later { after: u8 },
}

#[derive(Debug, thiserror::Error, HandlerError)]
#[error("wrapped")]
struct Wrapped<T: std::fmt::Debug + Send + Sync + 'static>(T);

#[test]
fn errors_are_classed() {
    assert!(!Mostly::Never(1).into_failure().is_transient());
    assert!(Mostly::Later { after: 1 }.into_failure().is_transient());
    assert!(Wrapped(3).into_failure().is_transient());
}
