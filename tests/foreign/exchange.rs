//! Python on both ends of `eda.events`.

use eda::prelude::*;
use serde_json::{Value, json};

use crate::support::{Bench, Program, Take, fresh, python, service};

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(name = "basket.filled", key = basket_id)]
struct BasketFilled {
    basket_id: u64,
    items: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(name = "basket.priced", key = basket_id)]
struct BasketPriced {
    basket_id: u64,
    amount: u64,
}

#[handler]
async fn price(basket: BasketFilled, State(take): State<Take<BasketFilled>>) -> BasketPriced {
    let priced = BasketPriced { basket_id: basket.basket_id, amount: 100 * basket.items.len() as u64 };
    let _ = take.send(basket);
    priced
}

#[tokio::test(flavor = "multi_thread")]
async fn python_reads_our_events_as_plain_json_with_cloudevents_headers() {
    let name = fresh("price");
    let (service, mut taken) = service(&name);
    let bench = Bench::start(service.handler::<price>()).await;
    let reader = Program::start("read_events.py", &["basket.*", "2"]);
    assert_eq!(reader.line(), "bound");

    let basket = BasketFilled { basket_id: 7, items: vec!["café crème".into()] };
    let id = bench.broker.publisher("web").publish(&basket).await.expect("it is confirmed").to_string();
    assert_eq!(taken.next().await, basket);

    let filled = read(&reader);
    assert_eq!(filled["body"], json!({"basket_id": 7, "items": ["café crème"]}));
    assert_eq!(filled["routing_key"], "basket.filled");
    assert_eq!(filled["content_type"], "application/json");
    assert_eq!(filled["delivery_mode"], 2);
    assert_eq!((&filled["message_id"], &filled["type"]), (&json!(id), &json!("basket.filled")));
    let headers = &filled["headers"];
    assert_eq!(headers["cloudEvents_specversion"], "1.0");
    assert_eq!(headers["cloudEvents_id"], id);
    assert_eq!(headers["cloudEvents_type"], "basket.filled");
    assert_eq!(headers["cloudEvents_source"], "web");
    assert_eq!(headers["cloudEvents_partitionkey"], "7");
    assert!(headers["cloudEvents_time"].as_str().is_some_and(|time| time.ends_with('Z')), "{headers}");

    // what a handler returns is no different
    let priced = read(&reader);
    assert_eq!(priced["body"], json!({"basket_id": 7, "amount": 100}));
    assert_eq!(priced["headers"]["cloudEvents_type"], "basket.priced");
    assert_eq!(priced["headers"]["cloudEvents_source"], name);
    assert_eq!(priced["headers"]["cloudEvents_causationid"], id);
    bench.stop().await;
}

fn read(reader: &Program) -> Value {
    serde_json::from_str(&reader.line()).expect("a line of JSON")
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(name = "stock.counted", routing_key = "stock.{shelf}.counted")]
struct StockCounted {
    shelf: String,
    pieces: u32,
}

#[handler]
async fn count(stock: StockCounted, meta: Meta, State(take): State<Take<(StockCounted, Meta)>>) {
    let _ = take.send((stock, meta));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_routing_key_and_a_json_body_are_enough() {
    let (service, mut taken) = service(&fresh("service"));
    let bench = Bench::start(service.handler::<count>()).await;
    // as people write it, and not as we would
    let body = "{\n  \"pieces\": 12,\n  \"shelf\": \"B7\"\n}\n";
    python("publish.py", &["eda.events", "stock.B7.counted", body]);
    let (stock, meta) = taken.next().await;
    assert_eq!(stock, StockCounted { shelf: "B7".into(), pieces: 12 });
    assert_eq!((meta.attempt, &*meta.routing_key), (1, "stock.B7.counted"));
    assert_eq!((meta.source, meta.time, meta.causation_id), (None, None, None));
    assert!(meta.headers.is_empty(), "{:?}", meta.headers);
    bench.stop().await;
    assert_eq!(taken.rest(), []);
}
