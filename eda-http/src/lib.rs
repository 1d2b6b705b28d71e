//! What a running process tells over HTTP: health for probes, metrics for a collector, and what the app consists of for
//! people. Use it through the feature `http` of the facade.
//!
//! | route | answers |
//! |---|---|
//! | `/health/live` | 200 as long as the process answers |
//! | `/health/ready` | 200 when the broker has confirmed every consumer, else 503; either way a [`Readiness`] as JSON |
//! | `/metrics` | what [`Endpoint::metrics`] renders, in Prometheus' text format; 404 without |
//! | `/describe` | what `describe --json` writes |
//! | `/graph` | the event flow as one page that loads nothing from elsewhere |
//!
//! It asks nobody who they are, so it belongs on a private address. It tells names of services, handlers, events and queues,
//! the places of handlers in the sources, and why a consumer does not consume; never a URL's password, and no event.

mod readiness;
mod routes;

use std::sync::{Arc, OnceLock};

use axum::Router;
use eda_core::{App, Error, ErrorKind, HealthWatch, Result};
use eda_description::{Description, EventGraph};
use tokio::net::TcpListener;

pub use self::readiness::{Consumers, Readiness, SubscriptionReadiness};

/// What a process tells over HTTP. It can be served before the app starts: until then it is alive and not ready. Clones
/// share everything.
///
/// ```
/// use eda_core::transport::memory::Memory;
/// use eda_core::{AnyEvent, App, Broker, Service};
/// use eda_http::Endpoint;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> eda_core::Result {
/// let app = App::new().service(Service::new("audit").on("log", |_: AnyEvent| async {}));
/// let endpoint = Endpoint::of(&app)?;
/// let router: axum::Router = endpoint.router(); // to be merged into yours, or served alone
/// assert!(!endpoint.readiness().ready);
///
/// let broker = Broker::new(Memory::new()).await?;
/// let running = app.start(&broker).await?;
/// endpoint.watch(running.health_watch());
/// assert!(endpoint.readiness().ready);
/// # drop(router);
/// # running.shutdown().await
/// # }
/// ```
#[derive(Clone)]
pub struct Endpoint(Arc<Shared>);

struct Shared {
    description: String,
    graph: String,
    /// Service and queue of each subscription.
    expected: Vec<(String, String)>,
    health: OnceLock<HealthWatch>,
    metrics: OnceLock<Box<dyn Fn() -> String + Send + Sync>>,
}

impl Endpoint {
    /// Of an app that is to be started.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) with every problem at once where the app could not start.
    pub fn of(app: &App) -> Result<Self> {
        let subscriptions = app.topology()?.subscriptions;
        let description = Description::of(app)?;
        Ok(Self(Arc::new(Shared {
            graph: EventGraph::of(&description).page(),
            description: description.to_json()?,
            expected: subscriptions.into_iter().map(|wanted| (wanted.service, wanted.queue)).collect(),
            health: OnceLock::new(),
            metrics: OnceLock::new(),
        })))
    }

    /// Says what `/metrics` answers: `render` writes Prometheus' text format, such as
    /// `move || handle.render()` with the handle of `metrics-exporter-prometheus`. It runs on the runtime's threads, so it
    /// must not wait. The first one counts.
    #[must_use]
    pub fn metrics(self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        // a second one is ignored, as said above
        let _ = self.0.metrics.set(Box::new(render));
        self
    }

    /// Says how the started app is: `running.health_watch()`. The first one counts.
    pub fn watch(&self, health: HealthWatch) {
        // a second one is ignored, as said above
        let _ = self.0.health.set(health);
    }

    /// Whether the app is ready, and what each of its subscriptions is doing: what `/health/ready` answers.
    pub fn readiness(&self) -> Readiness {
        let expected = self.0.expected.iter().map(|(service, queue)| (service.as_str(), queue.as_str()));
        Readiness::of(self.0.health.get().map(HealthWatch::health).as_ref(), expected)
    }

    /// The routes, to be merged into a router of yours, of any state. Where that has a fallback, a login or a limit, it
    /// decides whether they hold for these, too.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        routes::router(self)
    }

    /// Serves the routes, and nothing else, until it is dropped: for a process that has no other server. The listener is the
    /// place to bind it to a private address.
    ///
    /// # Errors
    /// Where the listener fails.
    ///
    /// # Cancel safety
    /// Cancelled, it accepts no more connections; answers that are under way are finished by their own tasks.
    pub async fn serve(&self, listener: TcpListener) -> Result<()> {
        let served = axum::serve(listener, self.router::<()>()).await;
        served.map_err(|error| Error::new(ErrorKind::Internal, "the HTTP endpoint ended").caused_by(error))
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("readiness", &self.readiness()).finish_non_exhaustive()
    }
}
