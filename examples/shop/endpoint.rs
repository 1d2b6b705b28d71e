//! What a process of the shop tells over HTTP: whether it is ready, and its metrics.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use eda::http::Endpoint;
use eda::telemetry::metrics::buckets;
use eda::{App, Broker, Error, ErrorKind};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::time::sleep;

/// What `/metrics` tells.
pub type Metrics = PrometheusHandle;

/// Begins to record, where there is somebody to ask. First of all: what is connected before that is not seen.
pub fn record(address: Option<SocketAddr>) -> eda::Result<Option<Metrics>> {
    let refuse = |error| Error::new(ErrorKind::Internal, "could not record metrics").caused_by(error);
    let builder = || {
        buckets().try_fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
            builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)
        })
    };
    address.map(|_| builder().and_then(PrometheusBuilder::install_recorder).map_err(refuse)).transpose()
}

/// Runs the app until it is told to stop, and answers meanwhile where an address is given.
pub async fn run(app: App, broker: &Broker, address: Option<SocketAddr>, metrics: Option<Metrics>) -> eda::Result {
    let (Some(address), Some(metrics)) = (address, metrics) else { return app.run(broker).await };
    let rendered = metrics.clone();
    let endpoint = Endpoint::of(&app)?.metrics(move || rendered.render());
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Error::new(ErrorKind::Invalid, "could not listen").with("address", address).caused_by(error)
    })?;
    let running = app.start(broker).await?;
    endpoint.watch(running.health_watch());
    let serving = async {
        match endpoint.serve(listener).await {
            Ok(()) => pending().await,
            Err(error) => error,
        }
    };
    // what histograms gather between two questions is folded up
    let upkeep = async {
        loop {
            sleep(Duration::from_secs(5)).await;
            metrics.run_upkeep();
        }
    };
    tokio::select! {
        ended = running.until_stopped() => ended,
        error = serving => Err(error),
        () = upkeep => Ok(()),
    }
}
