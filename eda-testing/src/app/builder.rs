//! How a test app is started.

use std::env;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use eda_core::transport::Transport;
use eda_core::transport::memory::Memory;
use eda_core::{App, Broker, Error, Publisher, Result};

use super::log::Log;
use super::names::Names;
use super::observed::Observed;
use super::record::By;
use super::{TestApp, clock, fail};

const PATIENCE: Duration = Duration::from_secs(10);

/// The options of a [`TestApp`].
///
/// ```
/// use std::time::Duration;
///
/// use eda_core::{AnyEvent, Service};
/// use eda_testing::TestApp;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let audit = Service::new("audit").on("log", |_: AnyEvent| async {});
/// let app = TestApp::builder(audit).real_clock().patience(Duration::from_secs(30)).start().await;
/// assert!(app.health().is_ready());
/// # }
/// ```
#[must_use = "nothing runs before `.start().await`"]
pub struct TestAppBuilder {
    app: App,
    place: Place,
    real_clock: bool,
    patience: Duration,
}

enum Place {
    Memory(Memory),
    Broker(Broker),
    Connecting(Pin<Box<dyn Future<Output = Result<Broker>>>>),
}

impl TestAppBuilder {
    /// The environment variable that [`broker_from_env`](Self::broker_from_env) reads.
    pub const BROKER: &'static str = "EDA_TEST_BROKER";

    pub(super) fn new(app: App) -> Self {
        Self { app, place: Place::Memory(Memory::new()), real_clock: false, patience: PATIENCE }
    }

    /// Runs the app on a memory broker of the test's own making, such as one that rejects what is unrouted.
    pub fn memory(mut self, memory: Memory) -> Self {
        self.place = Place::Memory(memory);
        self
    }

    /// Runs the app on a broker, such as a RabbitMQ. Then time is real: the clock runs, and
    /// [`advance`](TestApp::advance) waits.
    ///
    /// Tests may share the broker: each has queues and routing keys under a prefix of its own, which only the broker sees.
    /// These queues stay there, so take a broker that is thrown away.
    pub fn broker(mut self, broker: Broker) -> Self {
        self.place = Place::Broker(broker);
        self
    }

    /// Runs the app on the [broker](Self::broker) whose URL is in the environment variable `EDA_TEST_BROKER`, which
    /// `connect` connects to; in memory, where there is no such variable. So one test runs on both:
    ///
    /// ```
    /// # use eda_core::{AnyEvent, App, Broker, Service, transport::memory::Memory};
    /// # use eda_testing::TestApp;
    /// # mod eda { pub async fn connect(_url: &str) -> eda_core::Result<eda_core::Broker> { unreachable!() } }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let service = Service::new("audit").on("log", |_: AnyEvent| async {});
    /// let app = TestApp::builder(service).broker_from_env(eda::connect).start().await;
    /// # }
    /// ```
    pub fn broker_from_env(mut self, connect: impl AsyncFnOnce(&str) -> Result<Broker> + 'static) -> Self {
        if let Some(url) = env::var(Self::BROKER).ok().filter(|url| !url.is_empty()) {
            self.place = Place::Connecting(Box::pin(async move { connect(&url).await }));
        }
        self
    }

    /// Leaves the clock as it is, also in memory: for handlers that wait for something else than time, such as a database.
    /// Meanwhile a paused clock would jump to the next timer: to the handler's timeout. (Work under
    /// `tokio::task::spawn_blocking` is no such thing: while it runs, a paused clock stands still.)
    pub fn real_clock(mut self) -> Self {
        self.real_clock = true;
        self
    }

    /// How long [`settle`](TestApp::settle) and [`advance`](TestApp::advance) wait at most, in real time, before they
    /// panic and say what is still in flight. Default 10 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts the app. Returns when all its handlers are subscribed.
    ///
    /// # Panics
    /// Where the app can't start, with the reason; where the clock can't be paused.
    #[track_caller]
    pub fn start(self) -> impl Future<Output = TestApp> {
        let at = Location::caller();
        async move { self.try_start().await.unwrap_or_else(|reason| fail(at, &reason)) }
    }

    async fn try_start(self) -> Result<TestApp, String> {
        let topology = self.app.topology().map_err(|error| format!("{error:?}"))?;
        let (transport, names, memory): (Arc<dyn Transport>, _, _) = match self.place {
            Place::Memory(memory) => {
                if !self.real_clock {
                    clock::pause()?;
                }
                let foreign = topology.subscriptions.iter().filter(|subscription| !subscription.declare);
                foreign.for_each(|subscription| memory.declare_queue(&subscription.queue));
                (Arc::new(memory.clone()), Names::plain(), Some(memory))
            }
            Place::Broker(broker) => {
                clock::resume();
                (Arc::clone(broker.transport()), Names::fresh(), None)
            }
            Place::Connecting(connecting) => {
                clock::resume();
                let broker = connecting.await.map_err(|error| format!("the broker of {}: {error:?}", Self::BROKER))?;
                (Arc::clone(broker.transport()), Names::fresh(), None)
            }
        };
        let log = Arc::new(Log::new(topology.subscriptions));
        let observed = Observed::new(transport, Arc::clone(&log), names);
        let report = |error: Error| format!("the app could not be started: {error:?}");
        let publish = Arc::from(observed.publisher_of(By::Test).await.map_err(report)?);
        let broker = Broker::new(observed).await.map_err(report)?;
        let running = self.app.start(&broker).await.map_err(report)?;
        let publisher = Publisher::new(Arc::clone(&publish), "test", None);
        Ok(TestApp { running, broker, publish, publisher, log, memory, patience: self.patience })
    }
}

impl fmt::Debug for TestAppBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestAppBuilder").field("app", &self.app).finish_non_exhaustive()
    }
}
