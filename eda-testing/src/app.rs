//! `TestApp`: an app of the user under test.

mod clock;
mod names;
mod record;
mod log;
mod observed;
mod builder;
mod assert;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use eda_core::transport::Publish;
use eda_core::transport::memory::Memory;
use eda_core::{App, Broker, Event, EventId, Health, Message, Publisher, Running};
use tokio::time::{Instant, sleep, sleep_until};

use self::log::Log;

pub use self::builder::TestAppBuilder;
pub use self::record::{Delivered, Settled};

/// An app that runs for a test: on the memory transport and with a paused clock, unless [told otherwise](Self::builder).
///
/// The test gives it events, lets it [settle](Self::settle) and looks at what it did: what was
/// [published](Self::published), and how each [delivery](Self::deliveries) was settled. Whatever is not as expected
/// panics, and the message tells all that happened since the start.
///
/// ```
/// use eda_core::{AnyEvent, Message, Service};
/// use eda_testing::TestApp;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app = TestApp::start(Service::new("audit").on("log", |_: AnyEvent| async {})).await;
/// app.publish_message(Message::new("order.created", r#"{"order_id": 1}"#)).await;
/// app.settle().await;
/// app.assert_all_acked();
/// assert_eq!(app.deliveries("audit.log").len(), 1);
/// # }
/// ```
///
/// # Time
///
/// The clock is tokio's, and it stands still unless something waits for it: [`settle`](Self::settle) moves it only while
/// a handler runs and waits for time to pass, and [`advance`](Self::advance) as far as it is told. So hours of backoff take
/// milliseconds, and a handler that never ends meets its timeout at once.
///
/// Dropped, the app stops at once, and what is in hand is given back.
pub struct TestApp {
    running: Running,
    broker: Broker,
    publish: Arc<dyn Publish>,
    publisher: Publisher,
    log: Arc<Log>,
    memory: Option<Memory>,
    patience: Duration,
}

impl TestApp {
    /// Starts an app, or a service alone, on the memory transport. Pauses the clock. A queue that the app takes as it is
    /// (`declare = false`) is declared, as its owner would.
    ///
    /// # Panics
    /// Where the app can't start, with every reason; where the runtime has more than one thread, which can't pause its
    /// clock.
    #[track_caller]
    pub fn start(app: impl Into<App>) -> impl Future<Output = Self> {
        Self::builder(app).start()
    }

    /// As [`start`](Self::start), with options: another broker, the real clock, more patience.
    pub fn builder(app: impl Into<App>) -> TestAppBuilder {
        TestAppBuilder::new(app.into())
    }

    /// Publishes an event as another service would. Gives its id.
    ///
    /// # Panics
    /// Where the broker does not take it.
    #[track_caller]
    pub fn publish<E: Event>(&self, event: &E) -> impl Future<Output = EventId> + Send {
        let at = Location::caller();
        let publishing = self.publisher.publish(event);
        async move { publishing.await.unwrap_or_else(|error| fail(at, &format!("the event was not published: {error:?}"))) }
    }

    /// Publishes a message as it is: what a foreign producer would send, such as a body that can't be read.
    ///
    /// # Panics
    /// Where the broker does not take it.
    #[track_caller]
    pub fn publish_message(&self, message: Message) -> impl Future<Output = ()> + Send {
        let at = Location::caller();
        async move {
            let word = match self.publish.send(message).await {
                Ok(receipt) => receipt.confirmed().await,
                Err(error) => Err(error),
            };
            word.unwrap_or_else(|error| fail(at, &format!("the message was not published: {error:?}")));
        }
    }

    /// Sends a message straight to a queue, as a foreign producer does through AMQP's default exchange. In memory only: at
    /// another broker, use a client of its own.
    ///
    /// # Panics
    /// Where there is no such queue, and where the app does not run in memory.
    #[track_caller]
    pub fn send_to_queue(&self, queue: &str, message: Message) {
        self.check_queue(queue);
        let Some(memory) = &self.memory else {
            panic!("messages can be sent straight to a queue in memory only: use a client of the broker")
        };
        let entry = self.log.send_to(queue, &message);
        let word = memory.send_to_queue(queue, message);
        self.log.confirmed(entry, word.clone());
        if let Err(error) = word {
            panic!("the message was not sent: {error:?}");
        }
    }

    /// Waits until nothing is in flight: every message that was published to a queue of the app is settled, and so is what
    /// its handlers published on the way. It counts them; no time need pass. Retries that wait for their time are not in
    /// flight: [`advance`](Self::advance) makes them due.
    ///
    /// What a foreign producer sends is counted from its arrival at a handler, since nobody knows of it before; and what a task
    /// publishes that a handler has left running, from when it does.
    ///
    /// # Panics
    /// After the [patience](TestAppBuilder::patience), with what is still in flight. A handler that blocks the thread of a
    /// runtime that has one can't be interrupted.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    #[track_caller]
    pub fn settle(&self) -> impl Future<Output = ()> + Send {
        let at = Location::caller();
        async move { self.settled(at).await }
    }

    /// Lets time pass, and everything that falls due happen in its time; then [settles](Self::settle). On a paused clock
    /// no real time passes. On the real clock it waits, but for no longer than until the last retry of that time is done.
    ///
    /// # Panics
    /// As [`settle`](Self::settle).
    ///
    /// # Cancel safety
    /// Cancelled, some of the time may have passed.
    #[track_caller]
    pub fn advance(&self, time: Duration) -> impl Future<Output = ()> + Send {
        let at = Location::caller();
        async move {
            if clock::is_paused() {
                self.patiently(sleep(time), at).await;
            } else {
                let end = Instant::now() + time;
                self.settled(at).await;
                while let Some(due) = self.log.next_due().filter(|due| *due <= end) {
                    sleep_until(due).await;
                    self.settled(at).await;
                }
            }
            self.settled(at).await;
        }
    }

    /// The broker that the app runs on: for a publisher that is part of the app, such as that of a web handler. What it
    /// publishes is the app's.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// What every subscription is doing right now.
    pub fn health(&self) -> Health {
        self.running.health()
    }

    async fn settled(&self, at: &Location<'_>) {
        if !self.log.is_idle() {
            self.patiently(self.log.until_idle(), at).await;
        }
    }

    async fn patiently(&self, waiting: impl Future<Output = ()>, at: &Location<'_>) {
        tokio::select! {
            biased;
            () = waiting => {}
            () = clock::real_time(self.patience) => fail(at, &self.unsettled()),
        }
    }

    fn unsettled(&self) -> String {
        let (patience, health) = (self.patience, self.health());
        let unwell = if health.is_ready() { String::new() } else { format!("\nthe app is {health}") };
        let (in_flight, history) = (self.log.in_flight(), self.history());
        format!("the app did not settle within {patience:?}; in flight:{in_flight}{unwell}\n{history}")
    }
}

impl fmt::Debug for TestApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestApp").field("broker", &self.broker).field("running", &self.running).finish_non_exhaustive()
    }
}

/// Panics with the place of the test that asked: an async function has no caller.
fn fail(at: &Location<'_>, text: &str) -> ! {
    panic!("{text}\nat {at}")
}
