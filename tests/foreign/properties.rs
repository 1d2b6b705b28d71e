//! What else may stand beside a body, and bodies that have grown.

use eda::prelude::*;
use eda::{EventId, HeaderValue, Headers};

use crate::support::{Bench, Program, Take, fresh, python, service};

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(name = "header.sent")]
struct HeaderSent {
    order_id: u64,
}

#[handler(backoff = "100ms..100ms")]
async fn read_headers(_: HeaderSent, meta: Meta, State(take): State<Take<Meta>>) -> Result<(), Failure> {
    let is_first = meta.attempt == 1;
    let _ = take.send(meta);
    if is_first { Err(Failure::transient("once more")) } else { Ok(()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_of_any_type_is_no_trouble_and_survives_a_retry() {
    let (service, mut taken) = service(&fresh("headers"));
    let bench = Bench::start(service.handler::<read_headers>()).await;
    python("publish_headers.py", &["header.sent"]);
    // lapin keeps the names of a table in alphabetical order
    let limits = Headers::new().with("daily", 3);
    let array = ["a".into(), HeaderValue::Int(1), HeaderValue::Null, HeaderValue::List(vec![true.into()])];
    let expected = [
        ("timestamp", HeaderValue::Timestamp(1_795_424_040)),
        ("decimal", HeaderValue::Decimal { scale: 1, value: 125 }),
        ("table", HeaderValue::Table(Headers::new().with("limits", HeaderValue::Table(limits)).with("tenant", "acme"))),
        ("array", HeaderValue::List(array.into())),
        ("void", HeaderValue::Null),
        ("bool", true.into()),
        ("int", HeaderValue::Int(-7)),
        ("long", HeaderValue::Int(1 << 40)),
        ("text", "grüß dich".into()),
        ("bytes", HeaderValue::Bytes(vec![0xff, 0].into())),
    ];
    for attempt in [1, 2] {
        let meta = taken.next().await;
        assert_eq!(meta.attempt, attempt);
        for (name, value) in &expected {
            assert_eq!(meta.headers.get(name), Some(value), "{name} in attempt {attempt}");
        }
        assert_eq!(meta.headers.len(), expected.len());
    }
    bench.stop().await;
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(name = "parcel.sent")]
struct ParcelSent {
    order_id: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(name = "parcel.tracked")]
struct ParcelTracked {
    order_id: u64,
}

#[handler]
async fn track(parcel: ParcelSent, meta: Meta, State(take): State<Take<(u64, Meta)>>) -> ParcelTracked {
    let _ = take.send((parcel.order_id, meta));
    ParcelTracked { order_id: parcel.order_id }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_properties_or_none_are_taken() {
    let (service, mut taken) = service(&fresh("properties"));
    let bench = Bench::start(service.handler::<track>()).await;
    let reader = Program::start("read_events.py", &["parcel.tracked", "6"]);
    assert_eq!(reader.line(), "bound");
    python("publish_properties.py", &["parcel.sent"]);
    for expected in 1..=6 {
        let (order_id, meta) = taken.next().await;
        assert_eq!((order_id, meta.attempt), (expected, 1));
        match order_id {
            3 => assert_eq!(meta.headers.text("tenant"), Some("acme")),
            6 => assert_eq!(meta.id, EventId::from("Order-77"), "an id of others is kept as it is"),
            _ => assert!(meta.headers.is_empty(), "{:?}", meta.headers),
        }
        let tracked: serde_json::Value = serde_json::from_str(&reader.line()).expect("a line of JSON");
        assert_eq!(tracked["body"]["order_id"], order_id);
        assert_eq!(tracked["headers"]["cloudEvents_causationid"], meta.id.to_string());
    }
    bench.stop().await;
    assert_eq!(taken.rest(), []);
}

/// As it was a year ago, in services that nobody has deployed since.
mod then {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
    #[event(name = "customer.registered")]
    pub(super) struct CustomerRegistered {
        pub(super) customer_id: u64,
    }

    #[handler]
    pub(super) async fn greet(customer: CustomerRegistered, State(take): State<Take<CustomerRegistered>>) {
        let _ = take.send(customer);
    }
}

/// As it is today.
mod now {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
    #[event(name = "customer.registered")]
    pub(super) struct CustomerRegistered {
        pub(super) customer_id: u64,
        #[serde(default)]
        pub(super) language: Option<String>,
    }

    #[handler]
    pub(super) async fn greet(customer: CustomerRegistered, State(take): State<Take<CustomerRegistered>>) {
        let _ = take.send(customer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_added_later_is_no_trouble_before_or_after() {
    let (old_service, mut old) = service(&fresh("then"));
    let (new_service, mut new) = service(&fresh("now"));
    let old_bench = Bench::start(old_service.handler::<then::greet>()).await;
    let new_bench = Bench::start(new_service.handler::<now::greet>()).await;
    let french = || Some("fr".to_owned());

    // ours, of today
    let today = now::CustomerRegistered { customer_id: 1, language: french() };
    new_bench.broker.publisher("web").publish(&today).await.expect("it is confirmed");
    assert_eq!(old.next().await, then::CustomerRegistered { customer_id: 1 });
    assert_eq!(new.next().await, today);
    // ours, of a year ago
    let year_ago = then::CustomerRegistered { customer_id: 2 };
    old_bench.broker.publisher("web").publish(&year_ago).await.expect("it is confirmed");
    assert_eq!(old.next().await, year_ago);
    assert_eq!(new.next().await, now::CustomerRegistered { customer_id: 2, language: None });
    // of others, who know more than anybody here
    let tomorrow = r#"{"customer_id": 3, "language": "fr", "tags": [{"a": null}], "Language": 7}"#;
    python("publish.py", &["eda.events", "customer.registered", tomorrow]);
    assert_eq!(old.next().await, then::CustomerRegistered { customer_id: 3 });
    assert_eq!(new.next().await, now::CustomerRegistered { customer_id: 3, language: french() });

    old_bench.stop().await;
    new_bench.stop().await;
    assert_eq!((old.rest(), new.rest()), (vec![], vec![]));
}
