//! Messages of somebody who means us harm, on a broker. What their bodies can do is tested without one, in `eda-core`.

use eda_core::{AnyEvent, App, Broker, HandlerDef, Service};
use eda_rabbit::Rabbit;
use lapin::BasicProperties;
use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::support::{PATIENCE, foreign, node};

/// As many as a frame of 128 KiB holds, about.
const COUNT: usize = 11_000;

fn text(headers: &FieldTable, name: &str) -> String {
    match headers.inner().get(name) {
        Some(AMQPValue::LongString(text)) => text.to_string(),
        other => panic!("expected text in header `{name}`, found {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_without_number_are_parked_with_their_reason_and_stop_nobody() {
    let node = node().await;
    let broker = Broker::new(Rabbit::connect(&node.url()).await.expect("it is let in")).await.expect("a publisher");
    let (sender, mut seen) = mpsc::unbounded_channel();
    let take = move |event: AnyEvent| {
        sender.send(event.body().to_vec()).expect("the test listens");
        async {}
    };
    let handler = HandlerDef::from_fn("take", take).configure(|options| options.pattern("hostile.#"));
    let app = App::new().service(Service::new("hostile").register(handler));
    let running = app.start(&broker).await.expect("it starts");

    let channel = foreign(&node.url()).await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    let mut many = FieldTable::default();
    for number in 0..COUNT {
        many.insert(ShortString::from(number.to_string()), AMQPValue::LongInt(1));
    }
    let mut forged = FieldTable::default();
    for name in ["x-death", "x-delivery-count", "eda-attempt", "eda-reason", "x-first-death-queue"] {
        forged.insert(name.into(), AMQPValue::LongLongInt(1_000_000));
    }
    let longest = "x".repeat(255);
    let hostile = BasicProperties::default().with_headers(many);
    let odd = BasicProperties::default()
        .with_headers(forged)
        .with_type(longest.as_str().into())
        .with_message_id(longest.as_str().into())
        .with_correlation_id("a\r\nb\0c".into())
        .with_reply_to(longest.as_str().into());
    for (properties, body) in [(hostile, "many"), (odd, "odd"), (BasicProperties::default(), "good")] {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = channel.basic_publish("eda.events".into(), "hostile.a".into(), options, body.as_bytes(), properties);
        assert!(sent.await.expect("sent").await.expect("confirmed").is_ack());
    }
    // handled at the same time, so in any order
    let mut bodies = Vec::new();
    for _ in 0..2 {
        bodies.push(timeout(PATIENCE, seen.recv()).await.expect("it comes in time").expect("it runs"));
    }
    bodies.sort();
    assert_eq!(bodies, [b"good".to_vec(), b"odd".to_vec()]);

    let look = async {
        loop {
            let got = channel.basic_get("hostile.take.dead".into(), BasicGetOptions { no_ack: true }).await;
            match got.expect("the queue is there") {
                Some(letter) => break letter,
                // nobody tells when a letter has come
                None => sleep(std::time::Duration::from_millis(20)).await,
            }
        }
    };
    let letter = timeout(PATIENCE, look).await.expect("it is parked in time").delivery;
    let headers = letter.properties.headers().as_ref().expect("it has some");
    assert_eq!((text(headers, "eda-reason").as_str(), letter.data.as_slice()), ("too-large", &b"many"[..]));
    assert_eq!(text(headers, "eda-detail"), "there are over 1000 headers: put them into the body");
    assert!(headers.inner().len() > COUNT / 2, "as many as fit beside the reason: {}", headers.inner().len());
    assert_eq!(seen.try_recv().ok(), None, "it is not handled");
    running.shutdown().await.expect("it ends");
    broker.close().await.expect("closed");
}
