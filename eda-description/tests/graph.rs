//! What is drawn of apps and of descriptions, and what is found to be a mistake.

use eda_core::event::{Decoded, Encoded};
use eda_core::{AnyEvent, App, Event, HandlerDef, Service};
use eda_description::{Description, EventGraph, EventRef};
use serde_json::json;

struct OrderCreated;

impl Event for OrderCreated {
    const NAME: &'static str = "order.created";
    const ACCEPT: &'static [&'static str] = &["OrderCreated"];

    fn encode(&self) -> Encoded {
        Ok("{}".into())
    }

    fn decode(_: &[u8]) -> Decoded<Self> {
        Ok(Self)
    }
}

#[test]
fn a_service_that_only_publishes_is_drawn() {
    let graph = graph(&App::from(Service::new("web").publishes::<OrderCreated>()));
    assert!(graph.mermaid().contains("n1[/\"web\"/]\n  n1 --> n0\n"), "{}", graph.mermaid());
    assert_eq!(graph.findings().collect::<Vec<_>>(), ["nobody handles `order.created`"]);
}

#[test]
fn a_handler_that_takes_by_pattern_waits_for_no_event_in_particular() {
    let see = |service: Service| service.on("see", |_: OrderCreated| async {});
    let app = App::from(see(Service::new("audit").on("log", |_: AnyEvent| async {})));
    assert_eq!(graph(&app).findings().count(), 0);

    let log = HandlerDef::from_fn("log", |_: AnyEvent| async {}).configure(|options| options.pattern("order.*"));
    let app = App::from(see(Service::new("audit").register(log)));
    assert_eq!(graph(&app).findings().count(), 0);
}

#[test]
fn a_handler_of_an_event_that_nobody_publishes_waits_for_it() {
    let graph = EventGraph::of(&foreign("shipping", "order.paid"));
    let found: Vec<_> = graph.findings().collect();
    assert!(found[0].starts_with("nobody publishes `order.paid`, which `shipping.ship` takes"), "{found:?}");
}

#[test]
fn a_handler_that_knows_older_versions_only_than_the_newest_published_is_found() {
    let mut described = foreign("shipping", "order.created");
    for (service, version) in [("web", 1), ("shop", 3), ("admin", 2)] {
        let mut publisher = foreign(service, "order.created");
        publisher.services[0].handlers[0].takes = None;
        publisher.services[0].publishes = vec![EventRef { name: "order.created".to_owned(), version }];
        described.merge(publisher).expect("each service is there once");
    }
    let outdated = "`order.created` is published in version 3, and `shipping.ship` knows up to version 1: \
                    what is newer becomes a dead letter, so update the handler first";
    let graph = EventGraph::of(&described);
    assert_eq!(graph.findings().collect::<Vec<_>>(), [outdated]);
    assert!(graph.mermaid().contains("class n1 marked"), "{}", graph.mermaid());

    for (known, found) in [(2, 1), (3, 0), (4, 0)] {
        let event = EventRef { name: "order.created".to_owned(), version: known };
        described.services[0].handlers[0].takes = Some(event);
        assert_eq!(EventGraph::of(&described).findings().count(), found, "version {known}");
    }
}

#[test]
fn an_event_that_a_handler_emits_in_a_newer_version_is_found() {
    let mut described = foreign("shipping", "order.created");
    let mut emitter = foreign("shop", "cart.closed");
    let [cart, order] = ["cart.closed", "order.created"].map(|name| EventRef { name: name.to_owned(), version: 2 });
    emitter.services[0].handlers[0].emits = vec![order];
    emitter.services[0].publishes = vec![cart.clone()];
    emitter.services[0].handlers[0].takes = Some(cart);
    described.merge(emitter).expect("each service is there once");
    let graph = EventGraph::of(&described);
    let found: Vec<_> = graph.findings().collect();
    assert!(found.len() == 1 && found[0].contains("in version 2, and `shipping.ship` knows up to"), "{found:?}");
}

#[test]
fn names_of_others_steer_no_terminal() {
    let steering = ["red\u{1b}[31m", "c1\u{9b}2J", "two\r\nlines", "turned\u{202e}"];
    let shown = [r"red\u{1b}[31m", r"c1\u{9b}2J", r"two\r\nlines", r"turned\u{202e}"];
    for (name, shown) in steering.into_iter().zip(shown) {
        for described in [foreign(name, "order.paid"), foreign("shipping", name)] {
            let graph = EventGraph::of(&described);
            let in_dot = shown.replace('\\', r"\\");
            for (drawn, shown) in [(graph.mermaid(), shown), (graph.dot(), &in_dot), (graph.page(), shown)] {
                assert!(drawn.contains(shown) && !drawn.contains(name), "{drawn:?}");
                let steers = |letter: char| letter != '\n' && letter.is_control() || letter == '\u{202e}';
                assert!(!drawn.contains(steers), "{drawn:?}");
            }
        }
    }
}

#[test]
fn a_page_keeps_the_lines_of_a_doc_comment() {
    let mut described = foreign("shipping", "order.paid");
    described.services[0].handlers[0].doc = "Once.\n\tOr\u{1b}[2J never.".to_owned();
    let page = EventGraph::of(&described).page();
    assert!(page.contains("\nOnce.\n\tOr\\u{1b}[2J never.</title>"), "{page}");
}

fn graph(app: &App) -> EventGraph {
    EventGraph::of(&Description::of(app).expect("nothing stands in the way"))
}

/// What another service wrote, whatever its names are.
fn foreign(service: &str, takes: &str) -> Description {
    let document = json!({
        "format": "eda.description",
        "version": 1,
        "services": [{
            "name": service,
            "handlers": [{
                "name": "ship", "doc": "", "file": "src/lib.rs", "line": 1,
                "takes": { "name": takes, "version": 1 }, "accepts": [], "binding": takes, "emits": [],
                "queue": "shipping.ship",
                "policy": {
                    "retries": 1, "backoff_first_ms": 1, "backoff_last_ms": 1, "timeout_ms": 1, "concurrency": 1,
                    "prefetch": null
                },
            }],
            "publishes": [],
        }],
        "events": [],
    });
    Description::parse(document.to_string().as_bytes()).expect("it is a description")
}
