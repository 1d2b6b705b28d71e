//! The example `web` as a process: every route over HTTP, and what it answers while the broker is away.
#![cfg(test)]

mod client;

use serde_json::{Value, json};

use self::client::Web;

const ORDER: &str = r#"{"order_id": 1, "amount": 250}"#;

#[test]
fn every_route_answers() {
    let web = Web::start(&[]);
    web.until_ready();
    assert_eq!(web.get("/health/live").json(), json!({ "live": true }));
    let ready = web.get("/health/ready").json();
    assert_eq!(ready["consumers"], json!({ "confirmed": 1, "expected": 1 }));
    assert_eq!(ready["subscriptions"][0]["queue"], "kitchen.cook");
    let metrics = web.get("/metrics");
    assert_eq!((metrics.status, metrics.kind.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let described = web.get("/describe").json();
    assert_eq!(described["services"][0]["handlers"][0]["doc"], "Tells the kitchen.");
    let graph = web.get("/graph");
    assert_eq!((graph.status, graph.kind.as_str()), (200, "text/html; charset=utf-8"));
    assert!(graph.body.contains("data-name=\"order.placed\""), "{}", graph.body);
    assert_eq!(web.get("/nothing").status, 404);
}

#[test]
fn an_order_is_accepted_when_the_broker_has_it_and_then_handled() {
    let mut web = Web::start(&[]);
    web.until_ready();
    let placed = web.post("/orders", ORDER);
    assert_eq!(placed.status, 202, "{}", placed.body);
    let event = placed.json()["event"].as_str().expect("it is an id").to_owned();
    assert_eq!(web.line(), format!("order 1 is cooked, event {event}"));
    for (wrong, status) in [
        (r#"{"order_id": 2, "amount": 0}"#, 422),
        (r#"{"order_id": 2}"#, 422),
        (r#"{"order_id": 2, "amount": 1, "more": 1}"#, 422),
        ("not json", 400),
    ] {
        assert_eq!(web.post("/orders", wrong).status, status, "{wrong}");
    }
    let again = web.post("/orders", r#"{"order_id": 3, "amount": 1}"#).json();
    // what was wrong was not published
    assert_eq!(web.line(), format!("order 3 is cooked, event {}", again["event"].as_str().expect("it is an id")));
    let metrics = web.get("/metrics").body;
    let published =
        metrics.lines().find(|line| line.starts_with("messaging_client_sent_messages_total{")).unwrap_or(&metrics);
    assert!(published.contains(r#"event="order.placed""#) && published.ends_with(" 2"), "{published}");
    assert!(metrics.contains("_bucket{"), "histograms are no summaries: {metrics}");
}

#[cfg(feature = "tool")]
#[tokio::test(flavor = "multi_thread")]
async fn the_tool_asks_the_process() {
    use eda::prelude::*;
    use eda::tool::{Stop, execute};

    let web = Web::start(&[]);
    web.until_ready();
    let ask = async |json: &[&str], url: &str| {
        let app = Service::new("kitchen").on("cook", |_: AnyEvent| async {});
        let words = ["kitchen", "health", "--url", url].into_iter().chain(json.iter().copied());
        let mut out = Vec::new();
        let done = execute(app, words.map(Into::into), &mut out).await;
        (done, String::from_utf8(out).expect("it is text"))
    };
    let (done, told) = ask(&[], &web.url).await;
    assert!(done.is_ok(), "{done:?}");
    assert!(told.starts_with("1 of 1 consumers confirmed\nkitchen.cook: consuming since 20"), "{told}");
    let (done, told) = ask(&["--json"], &web.url).await;
    let told: Value = serde_json::from_str(&told).expect("it is one document");
    assert!(done.is_ok() && told["healthy"] == true && told["process"]["ready"] == true, "{told}");
    let (done, _) = ask(&[], &format!("{}/nothing", web.url)).await;
    assert!(matches!(&done, Err(stop @ Stop::Found(_)) if stop.exit_code() == 1), "{done:?}");
    let url = web.url.clone();
    drop(web);
    let (done, _) = ask(&[], &url).await;
    assert_eq!(done.map_err(|stop| stop.exit_code()), Err(2));
}

#[cfg(feature = "tool")]
#[tokio::test(flavor = "multi_thread")]
async fn the_journal_tells_what_became_of_an_order() {
    use eda::prelude::*;
    use eda::tool::execute;

    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("web-{}.journal", std::process::id()));
    let file = file.to_string_lossy();
    let mut web = Web::start(&["--journal", &file]);
    web.until_ready();
    let placed = web.post("/orders", ORDER).json();
    let event = placed["event"].as_str().expect("it is an id");
    web.line();
    // all that is recorded is written before the process ends
    web.stop();
    let app = Service::new("kitchen").on("cook", |_: AnyEvent| async {});
    let mut out = Vec::new();
    let words = ["kitchen", "trace", event, "--journal", &file].map(Into::into);
    execute(app, words, &mut out).await.expect("the journal knows it");
    let told = String::from_utf8(out).expect("it is text");
    let lines: Vec<_> = told.lines().skip(1).collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].starts_with(&format!("order.placed v1 {event} +0.000s published by kitchen")), "{told}");
    assert!(lines[1].starts_with("└─ kitchen.cook attempt 1 +") && lines[1].contains(" handled after "), "{told}");
}

#[cfg(feature = "rabbit")]
#[test]
fn without_the_broker_it_is_alive_and_neither_ready_nor_accepting() {
    use rabbit_node::{Node, Options};

    let mut node = Node::start(Options::default()).expect("a private node starts");
    let web = Web::start(&["--broker", &node.url()]);
    web.until_ready();
    assert_eq!(web.post("/orders", ORDER).status, 202);
    node.stop().expect("it stops");
    let refused = web.post("/orders", ORDER);
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.json()["error"].is_string() && refused.json()["event"].is_string(), "{}", refused.body);
    let ready = web.get("/health/ready");
    let document = ready.json();
    assert_eq!((ready.status, &document["consumers"]), (503, &json!({ "confirmed": 0, "expected": 1 })));
    let consumer: &Value = &document["subscriptions"][0];
    assert_eq!((&consumer["service"], &consumer["state"]), (&json!("kitchen"), &json!("connecting")));
    assert!(consumer["why"].as_str().is_some_and(|why| !why.is_empty() && !why.contains("guest")), "{consumer}");
    assert_eq!(web.get("/health/live").status, 200);
    node.start_again().expect("it starts");
    web.until_ready();
    assert_eq!(web.post("/orders", ORDER).status, 202);
    let metrics = web.get("/metrics").body;
    let reconnects = metrics.lines().find(|line| line.starts_with("eda_reconnects_total{")).unwrap_or(&metrics);
    assert!(reconnects.contains(r#"queue="kitchen.cook""#) && reconnects.ends_with(" 1"), "{reconnects}");
}
