//! Publishing, as a service does it outside of handlers.

use std::time::Instant;

use eda::Broker;
use eda_bench::event::{OrderPlaced, SOURCE};
use eda_bench::meter::{Meter, Sample};
use eda_bench::task::Task;

/// Many events; the transport keeps its window full.
pub(super) async fn window(broker: &Broker, task: &Task) -> eda::Result<Sample> {
    let publisher = broker.publisher(SOURCE);
    // the first one waits for the channel
    publisher.publish(&OrderPlaced::new(0)).await?;
    let meter = Meter::start();
    publisher.publish_all((1..task.events).map(OrderPlaced::new)).await?;
    Ok(meter.stop(task.events - 1))
}

/// One after the other, as a web request does it.
pub(super) async fn one_by_one(broker: &Broker, task: &Task) -> eda::Result<Sample> {
    let publisher = broker.publisher(SOURCE);
    publisher.publish(&OrderPlaced::new(0)).await?;
    let mut latencies = Vec::new();
    let meter = Meter::start();
    for number in 1..task.events {
        let begun = Instant::now();
        publisher.publish(&OrderPlaced::new(number)).await?;
        latencies.push(begun.elapsed());
    }
    Ok(meter.stop(task.events - 1).with_latencies(latencies))
}
