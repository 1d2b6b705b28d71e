//! What found no queue, at a RabbitMQ.

use eda::prelude::*;
use eda::tool::Stop;
use eda::transport::{Item, Place};
use eda::{EventId, HandlerDef, HandlerMeta, Message};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::broker::{PATIENCE, fresh, json as json_of, told, url};

fn hearing(service: &str, key: &str, heard: UnboundedSender<(String, u32)>) -> App {
    let pattern: &'static str = key.to_owned().leak();
    let options =
        move |options: HandlerMeta| options.pattern(pattern).retries(1).backoff(eda::Backoff::millis(1_000, 1_000));
    let hear = HandlerDef::from_fn("hear", move |event: AnyEvent| {
        let id = event.message().id_or_dash().into_owned();
        let heard = heard.clone();
        async move { heard.send((id, 1)).map_err(|_| Failure::transient("nobody listens")) }
    });
    App::from(Service::new(service.to_owned()).register(hear.configure(options)))
}

/// What a walk has in hand no other walk sees, and all services share these places.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn publish(broker: &Broker, key: &str) -> String {
    let publisher = broker.transport().publisher().await.expect("it publishes");
    let id = EventId::new();
    let mut message = Message::new(key.to_owned(), "{}");
    message.id = Some(id.clone());
    message.name = Some("tool.early".into());
    publisher.send(message).await.expect("there is room").confirmed().await.expect("it is parked");
    id.to_string()
}

#[tokio::test]
async fn what_came_too_early_is_listed_and_published_again() {
    let _alone = ALONE.lock().await;
    let service = fresh("early");
    let broker = eda::connect(&url()).await.expect("the broker is there");
    let (key, never) = (format!("tool.early.{}", EventId::new()), format!("tool.never.{}", EventId::new()));
    let (heard, mut inbox) = unbounded_channel();
    let app = || hearing(&service, &key, heard.clone());
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(publish(&broker, &key).await);
    }
    publish(&broker, &never).await;

    let listed = json_of(app(), &["unrouted", "list", "--key", &key, "--json"]).await.expect("they are listed");
    assert_eq!((&listed["messages"], &listed["groups"][0]["count"]), (&json!(3), &json!(3)));
    assert_eq!(listed["groups"][0]["taken_by"], json!([format!("{service}.hear")]));
    let text = told(app(), &["unrouted", "list", "--key", &never]).await.expect("it is listed");
    assert!(text.starts_with("EVENT       SOURCE  COUNT") && text.ends_with("1 message\n"), "{text}");

    let mistyped = told(app(), &["unrouted", "list", "--event", "tool.erly"]).await;
    let Err(Stop::Found(hints)) = mistyped else { panic!("expected a hint: {mistyped:?}") };
    assert!(hints[0].starts_with("no unrouted event `tool.erly`: did you mean `tool.early`"), "{hints:?}");

    // nobody is bound yet: all stay, once
    for key in [&key, &never] {
        let stayed = told(app(), &["unrouted", "replay", "--yes", "--key", key]).await;
        let Err(Stop::Found(stayed)) = stayed else { panic!("expected that they stay: {stayed:?}") };
        assert!(stayed[0].contains(" where "), "{stayed:?}");
    }
    told(app(), &["topology", "apply"]).await.expect("it can be made");
    let would = json_of(app(), &["unrouted", "replay", "--dry-run", "--key", &key, "--json"]).await.expect("it looks");
    assert_eq!(would, json!({ "matched": 3, "others": 0, "taken": 3, "undecodable": 0 }));
    let replayed = told(app(), &["unrouted", "replay", "--yes", "--key", &key]).await.expect("they are sent");
    assert_eq!(replayed, "replayed 3 messages\n");
    let running = app().start(&broker).await.expect("it starts");
    for id in &ids {
        let (heard, _) = timeout(PATIENCE, inbox.recv()).await.expect("it comes").expect("the handler lives");
        assert_eq!(heard, *id);
    }
    running.shutdown().await.expect("it ends");
    let nothing = told(app(), &["unrouted", "list", "--key", &key]).await;
    assert!(matches!(nothing, Err(Stop::Found(_))), "{nothing:?}");
    let left = json_of(app(), &["unrouted", "list", "--key", &never, "--json"]).await.expect("it stayed");
    assert_eq!(left["messages"], 1);
    broker.close().await.expect("it ends");
}

#[tokio::test]
async fn a_retry_whose_queue_was_deleted_goes_back_when_there_is_one() {
    let _alone = ALONE.lock().await;
    let service = fresh("orphan");
    let broker = eda::connect(&url()).await.expect("the broker is there");
    let key = format!("tool.orphan.{}", EventId::new());
    // nobody listens, so the first attempt fails
    let failing = || hearing(&service, &key, unbounded_channel().0);
    let running = failing().start(&broker).await.expect("it starts");
    let id = publish(&broker, &key).await;
    let queue = format!("{service}.hear");
    let operate = broker.transport().operate().expect("it has operators");
    let topology = failing().topology().expect("it is one");
    let waits = async {
        // its first attempt has failed when it waits elsewhere
        while operate.queues(&topology).await.expect("it is there").iter().any(|state| state.messages > 0) {}
    };
    timeout(PATIENCE, waits).await.expect("it fails soon");
    running.shutdown().await.expect("it ends");
    let item = Item::Queue(queue.clone());
    // the broker may not have heard yet that the consumer has ended
    let removed = async { while operate.remove(&item).await.is_err() {} };
    timeout(PATIENCE, removed).await.expect("it is empty");
    let keep = broker.transport().keep().expect("it keeps them");
    let orphaned = async {
        loop {
            let mut kept = keep.open(&Place::Orphaned).await.expect("it answers").expect("it is there");
            while let Some(letter) = kept.next().await.expect("it is read") {
                if letter.queue.as_deref() == Some(&*queue) {
                    return kept.close().await;
                }
            }
            kept.close().await.expect("it ends");
        }
    };
    timeout(PATIENCE, orphaned).await.expect("its time comes").expect("it ends");

    let listed = told(failing(), &["unrouted", "list", "--id", &id]).await.expect("it is listed");
    assert!(listed.contains(&format!("retry of {queue}\n")), "{listed}");
    let stayed = told(failing(), &["unrouted", "replay", "--yes", "--id", &id]).await;
    assert!(matches!(&stayed, Err(Stop::Found(found)) if found[0].contains("there is no queue")), "{stayed:?}");
    told(failing(), &["topology", "apply"]).await.expect("it can be made");
    told(failing(), &["unrouted", "replay", "--yes", "--id", &id]).await.expect("it is sent");
    let running = failing().start(&broker).await.expect("it starts");
    let place = Place::DeadLettersOf(queue);
    let counted = async { while keep.open(&place).await.expect("it is there").is_none_or(|kept| kept.count() == 0) {} };
    timeout(PATIENCE, counted).await.expect("its last attempt fails, too");
    running.shutdown().await.expect("it ends");
    let shown = json_of(failing(), &["dead", "show", &id, "--json"]).await.expect("it is there");
    assert_eq!(shown["letters"][0]["attempts"], 2, "a retry goes on where it was");
    assert_eq!(shown["letters"][0]["routing_key"], *key);
    broker.close().await.expect("it ends");
}
