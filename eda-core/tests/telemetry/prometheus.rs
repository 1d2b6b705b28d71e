//! What an exporter makes of the metrics, as Prometheus' own tool reads it.

use std::io::Write;
use std::process::{Command, Stdio};

use eda_core::telemetry::metrics::{LIST, buckets};
use eda_core::{Failure, HandlerDef, Service};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

use crate::support::{OrderCreated, OrderPaid, broker, until};

/// Of an app in which everything happens that is counted.
async fn exposition() -> String {
    let builder = buckets().fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
        builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds).expect("there are some")
    });
    let recorder = builder.with_recommended_naming(true).build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (memory, broker) = broker().await;
    let charge = |order: OrderCreated| async move { OrderPaid { order_id: order.order_id } };
    let fail = |_: OrderPaid| async { Err::<(), _>(Failure::transient("away")) };
    let fail = HandlerDef::from_fn("fail", fail).configure(|options| options.retries(1));
    let service = Service::new("billing").on("charge", charge).register(fail);
    let running = service.start(&broker).await.expect("it starts");
    broker.publisher("web").publish(&OrderCreated { order_id: 1 }).await.expect("memory confirms");
    until(|| memory.dead_letters("billing.fail").len() == 1).await;
    running.shutdown().await.expect("nothing is in hand");
    recorder.handle().render()
}

#[tokio::test(start_paused = true)]
async fn every_metric_is_exported_under_its_name_with_its_labels() {
    let text = exposition().await;
    for metric in LIST {
        assert!(text.contains(&format!("# HELP {} {}\n", metric.name, metric.description)), "{}\n{text}", metric.name);
        let lines = text.lines().filter(|line| line.starts_with(metric.name));
        let labels =
            lines.filter_map(|line| line.split_once('{')?.1.split_once('}')).flat_map(|(labels, _)| labels.split(','));
        for name in labels.filter_map(|label| label.split_once('=')).map(|(name, _)| name).filter(|name| *name != "le")
        {
            assert!(metric.labels.contains(&name), "{}: {name}", metric.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn promtool_finds_nothing_to_say() {
    let text = exposition().await;
    let promtool = std::env::var("EDA_PROMTOOL").unwrap_or_else(|_| "promtool".into());
    let started = Command::new(&promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.unwrap_or_else(|error| {
        panic!("starting {promtool}: {error}; install Debian's package `prometheus`, or set EDA_PROMTOOL")
    });
    child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("promtool reads it");
    let output = child.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}\n{text}");
}
