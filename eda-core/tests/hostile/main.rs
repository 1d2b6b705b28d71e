//! Messages of somebody who means us harm: each is a dead letter with its own reason, in bounded time and memory, and its
//! neighbours are handled. One test in a process of its own, since it measures that.

use std::fmt::Write;
use std::time::{Duration, Instant};

use eda_core::transport::memory::Memory;
use eda_core::transport::{Reason, limits};
use eda_core::{App, Broker, Event, HandlerDef, HeaderValue, Headers, Message, Service, event, json};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::timeout;

const QUEUE: &str = "orders";
const PATIENCE: Duration = Duration::from_secs(60);
/// More than what is sent, and far less than what a careless reader would need.
const MEMORY: u64 = 128 * 1024 * 1024;

#[derive(Debug, Serialize, Deserialize)]
struct OrderCreated {
    order_id: u64,
}

impl Event for OrderCreated {
    const NAME: &'static str = "order.created";

    fn encode(&self) -> event::Encoded {
        json::encode(self)
    }

    fn decode(body: &[u8]) -> event::Decoded<Self> {
        json::decode(body)
    }
}

/// An object with so many other members around that of the event.
fn keys(count: usize) -> String {
    let mut body = r#"{"event_type": "order.created""#.to_owned();
    for key in 0..count {
        let _ = write!(body, ",\"{key}\":0");
    }
    body + r#","order_id": 1}"#
}

fn nested(opening: &str, closing: &str, depth: usize) -> String {
    format!(r#"{{"event_type": "order.created", "order_id": {}1{}}}"#, opening.repeat(depth), closing.repeat(depth))
}

fn structured(body: &str) -> Message {
    let mut message = Message::new(QUEUE, body.to_owned());
    message.content_type = Some("application/cloudevents+json".into());
    message
}

fn with_headers(headers: Headers) -> Message {
    let mut message = Message::new(QUEUE, r#"{"event_type": "order.created", "order_id": 1}"#);
    message.headers = headers;
    message
}

fn hostile() -> Vec<(&'static str, Message, Reason)> {
    let inside = limits::BODY_LIMIT - 200;
    let plain = |body: String| Message::new(QUEUE, body);
    let attributes =
        keys(100_000).replace("event_type", "type").replace("\"order_id\": 1", "\"data\": {\"order_id\": 1}");
    let long = "x".repeat(limits::HEADERS_LIMIT);
    let table = HeaderValue::Table(Headers::new().with("inner", long.as_str()));
    vec![
        ("a body over the limit", plain(" ".repeat(limits::BODY_LIMIT + 1)), Reason::TooLarge),
        ("a million keys", plain(keys(1_000_000)), Reason::TooLarge),
        ("a million arrays in arrays", plain(nested("[", "]", 1_000_000)), Reason::TooLarge),
        ("as many arrays as fit", plain(nested("[", "]", inside / 2)), Reason::Undecodable),
        ("as many objects as fit", plain(nested("{\"a\":", "}", inside / 6)), Reason::Undecodable),
        ("arrays that never end", plain("[".repeat(inside)), Reason::Undecodable),
        (
            "a number without end",
            plain(format!(r#"{{"event_type": "order.created", "order_id": {}}}"#, "9".repeat(inside))),
            Reason::Undecodable,
        ),
        (
            "a text without end",
            plain(format!(r#"{{"event_type": "order.created", "order_id": "{}"}}"#, "x".repeat(inside))),
            Reason::Undecodable,
        ),
        ("a name without end", plain(format!(r#"{{"event_type": "{}"}}"#, "x".repeat(inside))), Reason::UnknownEvent),
        ("attributes as many as fit", structured(&attributes), Reason::TooLarge),
        (
            "an attribute of the greatest size",
            structured(&format!(r#"{{"a": "{}"}}"#, "x".repeat(inside))),
            Reason::TooLarge,
        ),
        (
            "a deep attribute",
            structured(&format!(r#"{{"a": {}1{}}}"#, "[".repeat(inside / 2), "]".repeat(inside / 2))),
            Reason::Undecodable,
        ),
        (
            "deep data",
            structured(&format!(
                r#"{{"type": "order.created", "data": {}1{}}}"#,
                "[".repeat(inside / 3),
                "]".repeat(inside / 3)
            )),
            Reason::Undecodable,
        ),
        (
            "headers without number",
            with_headers((0..=limits::HEADER_COUNT_LIMIT).map(|name| (name.to_string(), 1)).collect()),
            Reason::TooLarge,
        ),
        ("a header without end", with_headers(Headers::new().with("a", long.as_str())), Reason::TooLarge),
        (
            "a header that holds one",
            with_headers(Headers::new().with("a", HeaderValue::List(vec![table]))),
            Reason::TooLarge,
        ),
    ]
}

/// The most memory that this process has had at a time.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is a Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is told");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[tokio::test]
async fn what_is_hostile_is_parked_with_its_reason_in_bounded_time_and_memory() {
    let memory = Memory::new();
    memory.declare_queue(QUEUE);
    let broker = Broker::new(memory.clone()).await.expect("memory always connects");
    let (sender, mut seen) = mpsc::unbounded_channel();
    let take = move |event: OrderCreated| {
        sender.send(event.order_id).expect("the test listens");
        async {}
    };
    let handler = HandlerDef::from_fn("take", take)
        .configure(|options| options.queue(QUEUE).declare(false).discriminator("event_type").concurrency(1));
    let app = App::new().service(Service::new("billing").register(handler));
    let running = app.start(&broker).await.expect("it starts");

    for (what, message, reason) in hostile() {
        let (body, before, began) = (message.body.clone(), peak(), Instant::now());
        memory.send_to_queue(QUEUE, message).expect("the queue is there");
        // with all that fits beside it
        let good = Message::new(QUEUE, keys(60_000));
        assert!(good.body.len() < limits::BODY_LIMIT);
        memory.send_to_queue(QUEUE, good).expect("the queue is there");
        let taken = timeout(PATIENCE, seen.recv()).await;
        assert_eq!(taken, Ok(Some(1)), "the neighbour of {what}");
        let letters = memory.dead_letters(QUEUE);
        let letter = letters.last().expect("it came before its neighbour");
        assert_eq!((letter.failure.reason, letter.failure.attempt), (reason, 1), "{what}: {}", letter.failure.detail);
        assert_eq!(letter.message.body, body, "{what}");
        assert!(letter.failure.detail.len() <= 4096, "{what}");
        assert!(began.elapsed() < Duration::from_secs(30), "{what} took {:?}", began.elapsed());
        assert!(peak() - before < MEMORY, "{what} took {} bytes", peak() - before);
    }
    assert_eq!(memory.dead_letters(QUEUE).len(), hostile().len());
    running.shutdown().await.expect("it ends");
}
