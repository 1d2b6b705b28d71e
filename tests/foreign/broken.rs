//! Bodies that are no event.

use eda::HandlerDef;
use eda::prelude::*;

use crate::support::{Bench, DeadLetter, Take, at, dead_letters, fresh, from_hex, python, service};

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(name = "purchase.made", accept = "PurchaseMade")]
struct PurchaseMade {
    order_id: u64,
    amount: u64,
}

#[handler]
async fn take(purchase: PurchaseMade, State(take): State<Take<(PurchaseMade, u32)>>, meta: Meta) {
    let _ = take.send((purchase, meta.attempt));
}

/// The start of what is said of each body of `publish_broken.py`.
const DETAILS: [&str; 8] = [
    "EOF while parsing a value at line 1 column 0",
    "expected value at line 1 column 1",
    "expected value at line 1 column 1",
    "EOF while parsing an object at line 1 column 44",
    "invalid type: sequence, expected ",
    "invalid type: null, expected ",
    "order_id: invalid type: string \"seven\", expected u64",
    "missing field `order_id`",
];

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_event_are_dead_letters_at_once_and_stop_nobody() {
    let name = fresh("broken");
    let (service, mut taken) = service(&name);
    let queue = format!("{name}.take");
    let bench = Bench::start(service.handler::<take>()).await;
    let published = among_good_ones("eda.events", "purchase.made");
    for order_id in [1, 2] {
        assert_eq!(taken.next().await, (PurchaseMade { order_id, amount: 250 }, 1));
    }
    let letters = dead_letters(&queue, published.len());
    for (letter, (body, detail)) in letters.iter().zip(published.iter().zip(DETAILS)) {
        assert_eq!((&letter.body, letter.attempt, &*letter.reason), (body, 1, "undecodable"), "{letter:?}");
        let expected = format!("the body is no `purchase.made`: {detail}");
        assert!(letter.detail.starts_with(&expected), "expected {expected}, found {letter:?}");
    }
    bench.stop().await;
    assert_eq!(taken.rest(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_queue_of_others_they_are_dead_letters_alike() {
    let (service, mut taken) = service(&fresh("service"));
    let queue = fresh("broken");
    python("declare_queue.py", &[&queue, r#"{"durable": true}"#]);
    let handler =
        at(&queue, HandlerDef::of::<take>()).configure(|options| options.declare(false).discriminator("event_type"));
    let bench = Bench::start(service.register(handler)).await;
    let published = among_good_ones("", &queue);
    for order_id in [1, 2] {
        assert_eq!(taken.next().await, (PurchaseMade { order_id, amount: 250 }, 1));
    }
    let letters = dead_letters(&queue, published.len());
    for (index, (letter, body)) in letters.iter().zip(&published).enumerate() {
        assert_eq!((&letter.body, letter.attempt, &*letter.reason), (body, 1, "undecodable"), "{letter:?}");
        let expected = match index {
            ..6 => "expected a JSON object with the event's name in field `event_type`: ".to_owned() + DETAILS[index],
            _ => "the body is no `purchase.made`: ".to_owned() + DETAILS[index],
        };
        assert!(letter.detail.starts_with(&expected), "expected {expected}, found {letter:?}");
    }
    bench.stop().await;
    assert_eq!(taken.rest(), []);
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(name = "purchase.repeated", accept = "PurchaseRepeated")]
struct PurchaseRepeated {
    order_id: u64,
}

#[handler]
async fn repeat(purchase: PurchaseRepeated, State(take): State<Take<PurchaseRepeated>>) {
    let _ = take.send(purchase);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_event_is_a_dead_letter_that_names_it() {
    let name = fresh("unknown");
    let (service, mut taken) = service(&name);
    let bench = Bench::start(service.handler::<repeat>()).await;
    let body = r#"{"order_id": 3}"#;
    python("publish_typed.py", &["purchase.repeated", "PurchaseReturned", body]);
    python("publish_typed.py", &["purchase.repeated", "PurchaseRepeated", body]);
    assert_eq!(taken.next().await, PurchaseRepeated { order_id: 3 });
    let [letter] = dead_letters(&format!("{name}.repeat"), 1).try_into().expect("one");
    let expected = DeadLetter {
        body: body.into(),
        attempt: 1,
        reason: "unknown-event".into(),
        detail: "expected one of the events `purchase.repeated`, found name `PurchaseReturned`".into(),
    };
    assert_eq!(letter, expected);
    bench.stop().await;
    assert_eq!(taken.rest(), []);
}

/// Publishes what is broken between two purchases, and gives it.
fn among_good_ones(exchange: &str, key: &str) -> Vec<Vec<u8>> {
    let good = |order_id: u64| format!(r#"{{"event_type": "PurchaseMade", "order_id": {order_id}, "amount": 250}}"#);
    python("publish.py", &[exchange, key, &good(1)]);
    let published = python("publish_broken.py", &[exchange, key]).lines().map(from_hex).collect::<Vec<_>>();
    python("publish.py", &[exchange, key, &good(2)]);
    assert_eq!(published.len(), DETAILS.len());
    published
}
