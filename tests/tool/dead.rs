//! Dead letters at a RabbitMQ: what is told of them, and what becomes of them.

use eda::prelude::*;
use eda::tool::Stop;
use eda::transport::{Item, Place};
use eda::{Broker, EventId, HandlerDef, HandlerMeta, Message};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::broker::{PATIENCE, fresh, json as json_of, told, url};

/// What the broken build knew.
#[derive(Serialize, Deserialize, Event)]
#[event(name = "tool.billed")]
struct OldBilled {
    order: String,
}

#[derive(Serialize, Deserialize, Event)]
#[event(name = "tool.billed")]
struct Billed {
    order_id: u64,
}

#[derive(Debug, thiserror::Error, HandlerError)]
#[error("declined \u{1b}[31mby order {0}")]
#[permanent]
struct Declined(u64);

#[derive(Debug, PartialEq)]
struct Heard {
    id: String,
    order_id: u64,
    attempt: u32,
    source: String,
}

fn once(options: HandlerMeta) -> HandlerMeta {
    options.retries(0).concurrency(1)
}

fn broken(service: &str) -> App {
    let charge = |billed: Billed| async move { Err::<(), _>(Declined(billed.order_id)) };
    App::from(Service::new(service.to_owned()).register(HandlerDef::from_fn("charge", charge).configure(once)))
}

fn mended(service: &str, heard: UnboundedSender<Heard>) -> App {
    let state = Ears(heard);
    App::from(Service::new(service.to_owned()).state(state).handler::<charge>())
}

#[derive(Clone)]
struct Ears(UnboundedSender<Heard>);

#[handler(retries = 0, concurrency = 1)]
#[expect(clippy::unused_async, reason = "a handler is async")]
async fn charge(billed: Billed, meta: Meta, State(ears): State<Ears>) {
    assert!(meta.headers.iter().all(|(name, _)| !name.starts_with("eda-") && !name.starts_with("x-")));
    let heard = Heard {
        id: meta.id.to_string(),
        order_id: billed.order_id,
        attempt: meta.attempt,
        source: meta.source.clone().unwrap_or_default(),
    };
    // nobody listens after the end
    let _ = ears.0.send(heard);
}

#[derive(Serialize, Deserialize, Event)]
#[event(name = "tool.declared")]
struct Declared {}

/// Of one test alone, which counts what is dead.
#[derive(Serialize, Deserialize, Event)]
#[event(name = "tool.stayed")]
struct Stayed {}

/// Of one test alone, which counts what is dead.
#[derive(Serialize, Deserialize, Event)]
#[event(name = "tool.foreign")]
struct Foreign {
    order_id: u64,
}

/// Five that were declined and two that can't be read, in this order; gives their ids.
async fn dead_letters(service: &str, broker: &Broker) -> Vec<String> {
    let running = broken(service).start(broker).await.expect("it starts");
    let publisher = broker.publisher("web");
    let mut ids = Vec::new();
    for order_id in 1..=5 {
        ids.push(publisher.publish(&Billed { order_id }).await.expect("it is confirmed").to_string());
    }
    for order in ["one", "three"] {
        let old = OldBilled { order: order.to_owned() };
        ids.push(publisher.publish(&old).await.expect("it is confirmed").to_string());
    }
    until_dead(&format!("{service}.charge"), broker, 7).await;
    running.shutdown().await.expect("it ends");
    ids
}

pub(crate) async fn until_dead(queue: &str, broker: &Broker, count: u64) {
    let place = Place::DeadLettersOf(queue.to_owned());
    let keep = broker.transport().keep().expect("it keeps them");
    let counted =
        async { while keep.open(&place).await.expect("it is there").is_none_or(|kept| kept.count() != count) {} };
    timeout(PATIENCE, counted).await.expect("they are dead soon");
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line is a document")).collect()
}

#[tokio::test]
async fn dead_letters_are_listed_shown_replayed_and_discarded() {
    let service = fresh("dead");
    let broker = eda::connect(&url()).await.expect("the broker is there");
    let ids = dead_letters(&service, &broker).await;
    let (heard, mut inbox) = unbounded_channel();
    let app = || mended(&service, heard.clone());

    let listed = told(app(), &["dead", "list"]).await.expect("they are listed");
    let rows: Vec<_> = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    let handler = format!("{service}.charge");
    assert_eq!(rows[0], ["HANDLER", "EVENT", "REASON", "COUNT", "FIRST", "LAST"]);
    assert_eq!(rows[1][..4], [&handler, "tool.billed", "permanent", "5"]);
    assert_eq!(rows[3][..4], [&handler, "tool.billed", "undecodable", "2"]);
    assert!(listed.contains(&format!("last: {} declined \\u{{1b}}[31mby order 5", ids[4])), "{listed}");
    assert!(listed.ends_with("7 dead letters; `dead show ID` tells more of one\n"), "{listed}");
    let document = json_of(app(), &["dead", "list", "--json"]).await.expect("they are listed");
    assert_eq!((&document["letters"], &document["groups"][1]["reason"]), (&json!(7), &json!("undecodable")));

    // looking again and again changes nothing, not even their order
    for _ in 0..3 {
        let each = told(app(), &["dead", "list", "--each", "--json"]).await.expect("they are listed");
        let seen: Vec<_> = lines(&each).iter().map(|line| line["id"].as_str().expect("an id").to_owned()).collect();
        assert_eq!(seen, ids);
    }

    let shown = told(app(), &["dead", "show", &ids[0]]).await.expect("it is there");
    for part in ["event            tool.billed\n", "reason           permanent\n", "attempts         1\n"] {
        assert!(shown.contains(part), "`{part}` is missing:\n{shown}");
    }
    assert!(!shown.contains("order_id") && !shown.contains('\u{1b}'), "{shown}");
    let shown = told(app(), &["dead", "show", &ids[5], "--show-payload"]).await.expect("it is there");
    assert!(shown.ends_with("\n\n{\"order\":\"one\"}\n\n"), "{shown}");
    let document = json_of(app(), &["dead", "show", &ids[5], "--show-payload", "--json"]).await.expect("it is there");
    assert_eq!(document["letters"][0]["body"], json!({ "order": "one" }));

    let nothing = told(app(), &["dead", "show", "no-such-id"]).await;
    assert!(matches!(&nothing, Err(Stop::Found(found)) if found[0].contains("there are 7 other")), "{nothing:?}");
    let misspelt = told(app(), &["dead", "list", "--event", "tool.biled"]).await.expect_err("there is none");
    assert!(misspelt.to_string().contains("did you mean `tool.billed`"), "{misspelt}");
    let past = told(app(), &["dead", "list", "--before", "1h"]).await;
    assert!(matches!(past, Err(Stop::Found(_))), "{past:?}");

    let would = json_of(app(), &["dead", "replay", "--dry-run", "--json"]).await.expect("it only looks");
    assert_eq!((&would["matched"], &would["decodable"]), (&json!(7), &json!(5)));
    let told_of = [15, 17].map(|column| {
        let why = format!("the body is no `tool.billed`: missing field `order_id` at line 1 column {column}");
        json!({ "reason": "undecodable", "count": 1, "why": why })
    });
    assert_eq!(would["undecodable"], json!(told_of), "each text is told of");
    let running = app().start(&broker).await.expect("it starts");
    let replayed = told(app(), &["dead", "replay", "--yes", "--only-decodable", "--limit", "2"]).await;
    assert_eq!(replayed.expect("they are sent"), "replayed 2 dead letters\n");
    let replayed = told(app(), &["dead", "replay", "--yes", "--reason", "permanent", "--after", "1h"]).await;
    assert_eq!(replayed.expect("they are sent"), "replayed 3 dead letters\n");
    for (index, id) in ids[..5].iter().enumerate() {
        let heard = timeout(PATIENCE, inbox.recv()).await.expect("it comes").expect("the handler lives");
        let expected = Heard { id: id.clone(), order_id: index as u64 + 1, attempt: 1, source: "web".to_owned() };
        assert_eq!(heard, expected, "the same event begins anew");
    }

    // what can't be read is dead again at once, and only once
    let replayed = told(app(), &["dead", "replay", "--yes"]).await.expect("they are sent");
    assert_eq!(replayed, "replayed 2 dead letters\n");
    until_dead(&format!("{service}.charge"), &broker, 2).await;
    running.shutdown().await.expect("it ends");
    let again = json_of(app(), &["dead", "show", &ids[6], "--json"]).await.expect("it is there");
    let letter = &again["letters"][0];
    assert_eq!((&letter["attempts"], &letter["exchange"]), (&json!(1), &json!("eda.events")));
    assert_eq!(letter["first_failed_at"], letter["last_failed_at"], "it failed for the first time");

    let discarded = told(app(), &["dead", "discard", "--yes", "--id", &ids[5]]).await.expect("it is there");
    assert_eq!(discarded, "discarded 1 dead letter\n");
    let left = told(app(), &["dead", "list", "--each", "--json"]).await.expect("one is left");
    assert_eq!(lines(&left)[0]["id"], ids[6]);
    told(app(), &["dead", "discard", "--yes"]).await.expect("it is there");
    assert_eq!(told(app(), &["dead", "list"]).await.expect("none is left"), "no dead letters\n");
    assert_eq!(told(app(), &["dead", "replay", "--yes"]).await.expect("none is left"), "no dead letters\n");
    broker.close().await.expect("it ends");
}

#[tokio::test]
async fn a_letter_whose_queue_is_gone_stays() {
    let service = fresh("gone");
    let broker = eda::connect(&url()).await.expect("the broker is there");
    let fail = |_: Stayed| async { Err::<(), _>(Declined(1)) };
    let failing = Service::new(service.clone()).register(HandlerDef::from_fn("charge", fail).configure(once));
    let running = App::from(failing).start(&broker).await.expect("it starts");
    for _ in 0..7 {
        broker.publisher("web").publish(&Stayed {}).await.expect("it is confirmed");
    }
    until_dead(&format!("{service}.charge"), &broker, 7).await;
    running.shutdown().await.expect("it ends");
    let queue = format!("{service}.charge");
    let operate = broker.transport().operate().expect("it has operators");
    let item = Item::Queue(queue.clone());
    // the broker may not have heard yet that the consumer has ended
    let removed = async { while operate.remove(&item).await.is_err() {} };
    timeout(PATIENCE, removed).await.expect("it is empty");
    // of an app that does not know the queue
    let other = || App::from(Service::new(fresh("other")).on("hear", |_: Declared| async {}));
    let stayed = told(other(), &["dead", "replay", "--yes", "--queue", &queue]).await;
    let Err(Stop::Found(stayed)) = stayed else { panic!("expected that they stay: {stayed:?}") };
    assert!(
        stayed[0].starts_with(&format!("7 dead letters stay where they are: there is no queue `{queue}`")),
        "{stayed:?}"
    );
    until_dead(&format!("{service}.charge"), &broker, 7).await;
    let discarded = told(other(), &["dead", "discard", "--yes", "--queue", &queue]).await.expect("they are there");
    assert_eq!(discarded, "discarded 7 dead letters\n");
    broker.close().await.expect("it ends");
}

#[tokio::test]
async fn an_event_that_says_what_it_is_in_its_body_is_found_by_that() {
    let service = fresh("structured");
    let broker = eda::connect(&url()).await.expect("the broker is there");
    let app = || {
        let charge = |foreign: Foreign| async move { Err::<(), _>(Declined(foreign.order_id)) };
        App::from(Service::new(service.clone()).register(HandlerDef::from_fn("charge", charge).configure(once)))
    };
    let running = app().start(&broker).await.expect("it starts");
    let id = EventId::new().to_string();
    let body =
        json!({ "specversion": "1.0", "id": id, "type": "tool.foreign", "source": "shop", "data": { "order_id": 1 } });
    let mut message = Message::new("tool.foreign", body.to_string());
    message.content_type = Some("application/cloudevents+json".into());
    let publisher = broker.transport().publisher().await.expect("it publishes");
    publisher.send(message).await.expect("there is room").confirmed().await.expect("it is confirmed");
    until_dead(&format!("{service}.charge"), &broker, 1).await;
    running.shutdown().await.expect("it ends");

    let listed = json_of(app(), &["dead", "list", "--json"]).await.expect("it is listed");
    assert_eq!((&listed["groups"][0]["event"], &listed["groups"][0]["last_id"]), (&json!("tool.foreign"), &json!(id)));
    let shown = json_of(app(), &["dead", "show", &id, "--show-payload", "--json"]).await.expect("it is there");
    assert_eq!((&shown["letters"][0]["source"], &shown["letters"][0]["body"]), (&json!("shop"), &body));
    let would = json_of(app(), &["dead", "replay", "--dry-run", "--json", "--id", &id]).await.expect("it only looks");
    assert_eq!((&would["matched"], &would["decodable"]), (&json!(1), &json!(1)));
    let replayed = told(app(), &["dead", "replay", "--yes", "--id", &id]).await.expect("it is sent");
    assert_eq!(replayed, "replayed 1 dead letter\n");
    let running = app().start(&broker).await.expect("it starts");
    until_dead(&format!("{service}.charge"), &broker, 1).await;
    running.shutdown().await.expect("it ends");
    let discarded = told(app(), &["dead", "discard", "--yes", "--id", &id]).await.expect("it is there again");
    assert_eq!(discarded, "discarded 1 dead letter\n");
    broker.close().await.expect("it ends");
}
