//! The spans of publishing and handling, as any subscriber sees them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, Once};

use eda_core::{AnyEvent, Failure, HandlerDef, Message, Service};
use tracing::callsite::rebuild_interest_cache;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, set_default, set_global_default};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::support::{OrderCreated, OrderPaid, broker, until};

/// Without a subscriber in every thread, a callsite that another test meets first may be turned off for all.
static EVERYWHERE: Once = Once::new();

pub(crate) fn everywhere() {
    EVERYWHERE.call_once(|| {
        set_global_default(tracing_subscriber::registry()).expect("no other one is set");
        rebuild_interest_cache();
    });
}

#[derive(Clone, Debug, Default)]
struct Seen {
    target: &'static str,
    level: Option<Level>,
    parent: Option<String>,
    fields: BTreeMap<&'static str, String>,
}

/// Every span in the order in which they began, by their number.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<(Id, Seen)>>>);

impl Spans {
    fn listen() -> (Self, DefaultGuard) {
        everywhere();
        let spans = Self::default();
        let guard = set_default(tracing_subscriber::registry().with(spans.clone()));
        (spans, guard)
    }

    fn named(&self, name: &str) -> Vec<Seen> {
        let spans = self.0.lock().expect("nobody panics here");
        let seen = spans.iter().map(|(_, seen)| seen.clone());
        seen.filter(|seen| seen.fields.get("otel.name").is_some_and(|has| has == name)).collect()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        if !metadata.target().starts_with("eda::") {
            return;
        }
        let parent = context.span(id).and_then(|span| Some(span.parent()?.name().to_owned()));
        let mut seen = Seen { target: metadata.target(), level: Some(*metadata.level()), parent, ..Seen::default() };
        attributes.record(&mut seen);
        self.0.lock().expect("nobody panics here").push((id.clone(), seen));
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, _context: Context<'_, S>) {
        let mut spans = self.0.lock().expect("nobody panics here");
        if let Some((_, seen)) = spans.iter_mut().rev().find(|(known, _)| known == id) {
            record.record(seen);
        }
    }
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

/// The fields without those that only some spans have.
fn fields(seen: &Seen) -> Vec<(&str, &str)> {
    seen.fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[tokio::test(start_paused = true)]
async fn publishing_and_handling_have_a_span_with_the_fields_of_the_conventions() {
    let (spans, _guard) = Spans::listen();
    let (memory, broker) = broker().await;
    let charge = |order: OrderCreated| async move { OrderPaid { order_id: order.order_id } };
    let running = Service::new("billing").on("charge", charge).start(&broker).await.expect("it starts");
    let id = broker.publisher("web").publish(&OrderCreated { order_id: 1 }).await.expect("memory confirms").to_string();
    memory.until_idle().await;
    running.shutdown().await.expect("nothing is in hand");

    let [published] = &spans.named("publish order.created")[..] else { panic!("one publish of it") };
    assert_eq!((published.target, published.level), ("eda::publish", Some(Level::DEBUG)));
    assert_eq!(
        fields(published),
        [
            ("messaging.destination.name", "order.created"),
            ("messaging.message.conversation_id", &*id),
            ("messaging.message.id", &*id),
            ("messaging.operation.name", "publish"),
            ("messaging.operation.type", "send"),
            ("messaging.rabbitmq.destination.routing_key", "order.created"),
            ("messaging.system", "memory"),
            ("otel.kind", "producer"),
            ("otel.name", "publish order.created"),
        ]
    );
    let [processed] = &spans.named("process billing.charge")[..] else { panic!("one attempt") };
    assert_eq!((processed.target, processed.level), ("eda::process", Some(Level::DEBUG)));
    assert_eq!(
        fields(processed),
        [
            ("eda.attempt", "1"),
            ("eda.event", "order.created"),
            ("eda.handler", "billing.charge"),
            ("messaging.destination.name", "order.created:billing.charge"),
            ("messaging.message.conversation_id", &*id),
            ("messaging.message.id", &*id),
            ("messaging.operation.name", "process"),
            ("messaging.operation.type", "process"),
            ("messaging.rabbitmq.destination.routing_key", "order.created"),
            ("messaging.system", "memory"),
            ("otel.kind", "consumer"),
            ("otel.name", "process billing.charge"),
        ]
    );
    assert_eq!(processed.parent, None);
    let [returned] = &spans.named("publish order.paid")[..] else { panic!("one publish of what was returned") };
    assert_eq!(returned.parent.as_deref(), Some("process"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_says_why() {
    let (spans, _guard) = Spans::listen();
    let (memory, broker) = broker().await;
    let fail = |_: OrderCreated| async { Err::<(), _>(Failure::transient("the card network is away")) };
    let fail = HandlerDef::from_fn("charge", fail).configure(|options| options.retries(1));
    let running = Service::new("billing").register(fail).start(&broker).await.expect("it starts");
    broker.publisher("web").publish(&OrderCreated { order_id: 1 }).await.expect("memory confirms");
    until(|| memory.dead_letters("billing.charge").len() == 1).await;
    running.shutdown().await.expect("nothing is in hand");

    let attempts = spans.named("process billing.charge");
    let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.fields["eda.attempt"].as_str()).collect();
    assert_eq!(numbers, ["1", "2"]);
    for attempt in &attempts {
        assert_eq!(attempt.fields["error.type"], "transient");
        assert_eq!(attempt.fields["otel.status_code"], "ERROR");
        assert_eq!(attempt.fields["otel.status_description"], "the card network is away");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_message_does_not_say_is_no_field() {
    let (spans, _guard) = Spans::listen();
    let (memory, broker) = broker().await;
    let running = Service::new("audit").on("log", |_: AnyEvent| async {}).start(&broker).await.expect("it starts");
    memory.send_to_queue("audit.log", Message::new("audit.log", "{}")).expect("the queue is there");
    memory.until_idle().await;
    running.shutdown().await.expect("nothing is in hand");

    let [processed] = &spans.named("process audit.log")[..] else { panic!("one attempt") };
    assert_eq!(processed.fields["messaging.destination.name"], "audit.log");
    for absent in ["messaging.message.conversation_id", "eda.event", "error.type"] {
        assert!(!processed.fields.contains_key(absent), "{absent}: {processed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_for_an_event_at_info() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    everywhere();
    let writer = Arc::clone(&lines);
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(Level::INFO);
    let subscriber = subscriber.with_writer(move || Lines(Arc::clone(&writer))).finish();
    let _guard = set_default(subscriber);
    let (memory, broker) = broker().await;
    let running =
        Service::new("billing").on("charge", |_: OrderCreated| async {}).start(&broker).await.expect("it starts");
    let before = lines.lock().expect("nobody panics here").len();
    for order_id in 0..10 {
        broker.publisher("web").publish(&OrderCreated { order_id }).await.expect("memory confirms");
    }
    memory.until_idle().await;
    let text = String::from_utf8_lossy(&lines.lock().expect("nobody panics here")[before..]).into_owned();
    assert_eq!(text, "");
    running.shutdown().await.expect("nothing is in hand");
}

struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics here").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
