//! The process that publishes: `publish <body bytes> <events> <url>`.

use eda::prelude::*;
use eda_bench::event::SOURCE;
use eda_bench::meter::Meter;
use eda_bench::say;

/// An event whose body is as large as it is asked for.
#[derive(Serialize, Deserialize, Event)]
#[event(name = "bench.scale.noted")]
pub(crate) struct Noted {
    number: u64,
    note: String,
}

/// What a body has beside its note.
const FRAME: usize = r#"{"number":1000000000000000,"note":""}"#.len();

pub(super) async fn run(words: &[String]) -> Result<(), String> {
    let [size, events, url] = words else { return Err("expected publish <body bytes> <events> <url>".into()) };
    let size: usize = size.parse().map_err(|_| "expected a number of bytes".to_owned())?;
    let events: u64 = events.parse().map_err(|_| "expected a number of events".to_owned())?;
    let broker = eda::connect(url).await.map_err(|error| error.to_string())?;
    let publisher = broker.publisher(SOURCE);
    let noted = |number| Noted { number: 1_000_000_000_000_000 + number, note: "n".repeat(size.saturating_sub(FRAME)) };
    // the first one waits for the channel
    publisher.publish(&noted(0)).await.map_err(|error| error.to_string())?;
    let meter = Meter::start();
    // in lots, so that a million of events is not a million of receipts
    for lot in (1..events).collect::<Vec<_>>().chunks(50_000) {
        publisher.publish_all(lot.iter().copied().map(noted)).await.map_err(|error| error.to_string())?;
    }
    let sample = meter.stop(events - 1);
    broker.close().await.map_err(|error| error.to_string())?;
    say(&serde_json::to_string(&sample).map_err(|error| error.to_string())?);
    Ok(())
}
