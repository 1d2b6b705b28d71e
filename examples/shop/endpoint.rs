//! What a process of the shop tells over HTTP: whether it is ready, and its metrics.

use std::future::pending;
use std::net::SocketAddr;

use eda::http::Endpoint;
use eda::{App, Broker, Error, ErrorKind};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;

/// Runs the app until it is told to stop, and answers meanwhile where an address is given.
pub async fn run(app: App, broker: &Broker, address: Option<SocketAddr>) -> eda::Result {
    let Some(address) = address else { return app.run(broker).await };
    let metrics = PrometheusBuilder::new()
        .install_recorder()
        .map_err(|error| Error::new(ErrorKind::Internal, "could not record metrics").caused_by(error))?;
    let endpoint = Endpoint::of(&app)?.metrics(move || metrics.render());
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
    tokio::select! {
        ended = running.until_stopped() => ended,
        error = serving => Err(error),
    }
}
