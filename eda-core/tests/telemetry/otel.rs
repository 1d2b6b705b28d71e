//! Traces over a broker, as the OpenTelemetry SDK exports them.

use eda_core::transport::memory::Memory;
use eda_core::{Failure, Message, Publisher, Service};
use opentelemetry::trace::{SpanKind, Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::layer::SubscriberExt;

use crate::spans::everywhere;
use crate::support::{OrderCreated, OrderPaid, broker, until};

struct Traces(InMemorySpanExporter, SdkTracerProvider);

impl Traces {
    fn listen() -> (Self, DefaultGuard) {
        everywhere();
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let guard = set_default(tracing_subscriber::registry().with(layer));
        (Self(exporter, provider), guard)
    }

    fn span(&self, name: &str) -> SpanData {
        self.1.force_flush().expect("it is in memory");
        let spans = self.0.get_finished_spans().expect("it is in memory");
        let names: Vec<_> = spans.iter().map(|span| span.name.clone()).collect();
        spans.into_iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name}: {names:?}"))
    }
}

async fn handle_one(service: Service) -> Memory {
    let (memory, broker) = broker().await;
    let running = service.start(&broker).await.expect("it starts");
    broker.publisher("web").publish(&OrderCreated { order_id: 1 }).await.expect("memory confirms");
    memory.until_idle().await;
    running.shutdown().await.expect("nothing is in hand");
    memory
}

fn attribute(span: &SpanData, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == name);
    found.map(|attribute| attribute.value.to_string())
}

fn billing() -> Service {
    Service::new("billing").on("charge", |order: OrderCreated| async move { OrderPaid { order_id: order.order_id } })
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_a_new_trace_with_a_link_to_the_publish() {
    let (traces, _guard) = Traces::listen();
    handle_one(billing()).await;
    let (published, processed) = (traces.span("publish order.created"), traces.span("process billing.charge"));
    assert_eq!((&published.span_kind, &processed.span_kind), (&SpanKind::Producer, &SpanKind::Consumer));
    assert_ne!(published.span_context.trace_id(), processed.span_context.trace_id());
    let links: Vec<_> = processed.links.iter().map(|link| link.span_context.clone()).collect();
    assert_eq!(links.len(), 1);
    assert_eq!(links[0].trace_id(), published.span_context.trace_id());
    assert_eq!(links[0].span_id(), published.span_context.span_id());
    assert!(links[0].is_remote());
    // what the handler returned is published within its trace
    let returned = traces.span("publish order.paid");
    assert_eq!(returned.span_context.trace_id(), processed.span_context.trace_id());
    assert_eq!(returned.parent_span_id, processed.span_context.span_id());
    assert_eq!(attribute(&processed, "messaging.system").as_deref(), Some("memory"));
    assert_eq!(attribute(&processed, "messaging.operation.type").as_deref(), Some("process"));
    assert_eq!(processed.status, Status::Unset);
}

#[tokio::test(start_paused = true)]
async fn one_trace_goes_on_where_it_is_asked_for() {
    let (traces, _guard) = Traces::listen();
    handle_one(billing().one_trace()).await;
    let (published, processed) = (traces.span("publish order.created"), traces.span("process billing.charge"));
    assert_eq!(published.span_context.trace_id(), processed.span_context.trace_id());
    assert_eq!(processed.parent_span_id, published.span_context.span_id());
    assert!(processed.parent_span_is_remote && processed.links.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_header_is_what_w3c_wants() {
    let (traces, _guard) = Traces::listen();
    let refuse = |_: OrderCreated| async { Err::<(), _>(Failure::permanent("declined")) };
    let memory = handle_one(Service::new("billing").on("charge", refuse)).await;
    let published = traces.span("publish order.created").span_context;
    let expected = format!("00-{}-{}-01", published.trace_id(), published.span_id());
    let letters = memory.dead_letters("billing.charge");
    assert_eq!(letters[0].message.headers.text("traceparent"), Some(&*expected));
    let processed = traces.span("process billing.charge");
    assert_eq!(processed.status, Status::error("declined"));
    assert_eq!(attribute(&processed, "error.type").as_deref(), Some("permanent"));
}

#[tokio::test(start_paused = true)]
async fn contexts_of_others_are_understood() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    for header in ["traceparent", "cloudEvents_traceparent", "ce-traceparent"] {
        let (traces, _guard) = Traces::listen();
        let (memory, broker) = broker().await;
        let running = billing().start(&broker).await.expect("it starts");
        let mut message = Message::new("order.created", r#"{"order_id": 1}"#);
        message.headers.insert(header, format!("00-{TRACE}-b7ad6b7169203331-01"));
        message.headers.insert(header.replace("parent", "state"), "vendor=1");
        memory.send_to_queue("billing.charge", message).expect("the queue is there");
        memory.until_idle().await;
        running.shutdown().await.expect("nothing is in hand");
        let processed = traces.span("process billing.charge");
        let link = processed.links.iter().next().unwrap_or_else(|| panic!("a link, for {header}"));
        assert_eq!(link.span_context.trace_id().to_string(), TRACE, "{header}");
        assert_eq!(link.span_context.trace_state().header(), "vendor=1", "{header}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_publishes_at_once_belongs_to_its_attempt() {
    let (traces, _guard) = Traces::listen();
    let (memory, broker) = broker().await;
    let outside: Publisher = broker.publisher("billing");
    let handler = move |order: OrderCreated| {
        let outside = outside.clone();
        async move { outside.publish(&OrderPaid { order_id: order.order_id }).await.map(drop).map_err(Failure::from) }
    };
    let running = Service::new("billing").on("charge", handler).start(&broker).await.expect("it starts");
    broker.publisher("web").publish(&OrderCreated { order_id: 1 }).await.expect("memory confirms");
    until(|| memory.unrouted().len() == 1).await;
    memory.until_idle().await;
    running.shutdown().await.expect("nothing is in hand");
    assert_eq!(
        traces.span("publish order.paid").parent_span_id,
        traces.span("process billing.charge").span_context.span_id()
    );
}
