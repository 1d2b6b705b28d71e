//! A web service that publishes an event for each order, and tells over HTTP how it is:
//! `cargo run --example web --features http,journal,metrics`, then
//! `curl -X POST 127.0.0.1:8080/orders -H 'content-type: application/json' -d '{"order_id": 1, "amount": 250}'`.
//!
//! `--broker amqp://localhost` (with the feature `rabbit`) takes the place of the broker in memory, `--listen` another
//! address; `--journal FILE` writes down what happens. A service for the public serves its own routes there, and those of the endpoint on a private address.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use eda::http::Endpoint;
use eda::journal::FileJournal;
use eda::prelude::*;
use eda::telemetry::metrics::buckets;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A customer has placed an order.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "order.placed", key = order_id)]
#[serde(deny_unknown_fields)]
struct OrderPlaced {
    order_id: u64,
    /// In cents.
    amount: u64,
}

/// Tells the kitchen.
#[handler]
#[expect(clippy::unused_async, clippy::print_stdout, reason = "a handler is async, and this one only tells")]
async fn cook(order: OrderPlaced, meta: Meta) {
    println!("order {} is cooked, event {}", order.order_id, meta.id);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { broker, listen, journal } = Arguments::of(std::env::args().skip(1))?;
    let prometheus = buckets().try_fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
        builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)
    })?;
    let metrics = prometheus.install_recorder()?;
    let app = App::new().service(Service::new("kitchen").handler::<cook>().publishes::<OrderPlaced>());
    let rendered = metrics.clone();
    let endpoint = Endpoint::of(&app)?.metrics(move || rendered.render());

    let mut broker = eda::connect(&broker).await?;
    if let Some(file) = journal {
        broker = broker.journaled(FileJournal::open(file)?);
    }
    let shop = Router::new().route("/orders", post(place)).with_state(broker.publisher("kitchen"));
    let listener = TcpListener::bind(listen).await?;
    #[expect(clippy::print_stdout, reason = "whoever starts it wants to know where it is")]
    {
        println!("listening on http://{}", listener.local_addr()?);
    }
    // it answers while the app starts: alive, and not ready
    let serving = axum::serve(listener, shop.merge(endpoint.router()));
    let working = async {
        let running = app.start(&broker).await?;
        endpoint.watch(running.health_watch());
        running.until_stopped().await
    };
    // what histograms gather between two questions is folded up
    let upkeep = async {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            metrics.run_upkeep();
        }
    };
    tokio::select! {
        ended = serving => ended?,
        ended = working => ended?,
        () = upkeep => {}
    }
    Ok(broker.close().await?)
}

/// Answers when the broker is responsible for the event, and not before.
async fn place(Shared(publisher): Shared<Publisher>, Json(order): Json<OrderPlaced>) -> (StatusCode, Json<Value>) {
    if order.amount == 0 {
        let told = json!({ "error": "expected an amount of at least 1 cent" });
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(told));
    }
    match publisher.publish(&order).await {
        Ok(id) => (StatusCode::ACCEPTED, Json(json!({ "event": id.to_string() }))),
        // unconfirmed, it may have been published: with the same id it is the same event
        Err(error) => {
            let told = json!({ "error": error.to_string(), "event": error.fact("id") });
            (StatusCode::SERVICE_UNAVAILABLE, Json(told))
        }
    }
}

struct Arguments {
    broker: String,
    listen: SocketAddr,
    journal: Option<String>,
}

impl Arguments {
    fn of(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        let mut arguments = Self { broker: "memory://".to_owned(), listen, journal: None };
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("expected a value after `{word}`"))?;
            match word.as_str() {
                "--broker" => arguments.broker = value,
                "--listen" => arguments.listen = value.parse()?,
                "--journal" => arguments.journal = Some(value),
                _ => {
                    return Err(format!(
                        "expected `--broker URL`, `--listen ADDRESS` or `--journal FILE`, found `{word}`"
                    )
                    .into());
                }
            }
        }
        Ok(arguments)
    }
}
