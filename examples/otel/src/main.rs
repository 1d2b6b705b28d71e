//! Traces over a broker, sent to a collector: `cargo run -p eda-example-otel`.
//!
//! They go to the collector at `localhost:4318`, or to that of `OTEL_EXPORTER_OTLP_ENDPOINT`, over OTLP. `--broker amqp://localhost`
//! takes the place of the broker in memory.

use std::error::Error;
use std::time::Duration;

use eda::prelude::*;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::sync::mpsc;
use tracing::info;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "order.created", key = order_id)]
struct OrderCreated {
    order_id: u64,
}

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "payment.completed", key = order_id)]
struct PaymentCompleted {
    order_id: u64,
}

/// Fails once, so that there is something to see.
#[handler(backoff = "200ms..1s")]
#[expect(clippy::unused_async, reason = "handlers are async, also those that wait for nothing")]
async fn charge(order: OrderCreated, meta: Meta) -> Result<PaymentCompleted, Failure> {
    if meta.attempt == 1 {
        return Err(Failure::transient("the card network does not answer"));
    }
    info!(order_id = order.order_id, "charged");
    Ok(PaymentCompleted { order_id: order.order_id })
}

#[handler]
#[expect(clippy::unused_async, reason = "handlers are async, also those that wait for nothing")]
async fn ship(payment: PaymentCompleted, State(shipped): State<mpsc::UnboundedSender<u64>>) {
    info!(order_id = payment.order_id, "shipped");
    // the program has ended where nobody listens
    let _ = shipped.send(payment.order_id);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = match &std::env::args().skip(1).collect::<Vec<_>>()[..] {
        [] => "memory://".to_owned(),
        [option, url] if option == "--broker" => url.clone(),
        _ => return Err("expected nothing, or --broker and a URL".into()),
    };
    let traces = traces()?;
    let broker = eda::connect(&url).await?;
    let (shipped, mut done) = mpsc::unbounded_channel();
    let billing = Service::new("billing").handler::<charge>();
    // payments and their shipping are one trace; an order and its payment are two, with a link
    let shipping = Service::new("shipping").state(shipped).handler::<ship>().one_trace();
    let running = App::new().service(billing).service(shipping).start(&broker).await?;

    broker.publisher("web").publish(&OrderCreated { order_id: 1 }).await?;
    tokio::time::timeout(Duration::from_secs(30), done.recv()).await?;
    running.shutdown().await?;
    broker.close().await?;
    // what is not sent yet
    traces.shutdown()?;
    Ok(())
}

/// The log as ever, and every span of `eda` to the collector.
fn traces() -> Result<SdkTracerProvider, Box<dyn Error>> {
    let exporter = SpanExporter::builder().with_http().build()?;
    let resource = Resource::builder().with_service_name("orders").build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let spans = Targets::new().with_target("eda::process", tracing::Level::DEBUG);
    let spans = spans.with_target("eda::publish", tracing::Level::DEBUG).with_default(tracing::Level::INFO);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("orders")).with_filter(spans);
    let log = tracing_subscriber::fmt::layer().with_filter(EnvFilter::new("info"));
    tracing_subscriber::registry().with(log).with(layer).try_init()?;
    Ok(provider)
}
