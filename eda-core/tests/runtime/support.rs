//! Events and an app under test.

use std::io::Write;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use eda_core::transport::memory::Memory;
use eda_core::{App, Broker, Event, Message, Running, event, json};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tracing::callsite::rebuild_interest_cache;
use tracing::subscriber::{set_default, set_global_default};

macro_rules! event {
    ($name:ident, $wire:literal { $($field:ident: $type:ty),* }) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub(crate) struct $name { $(pub(crate) $field: $type),* }

        impl Event for $name {
            const NAME: &'static str = $wire;

            fn encode(&self) -> event::Encoded {
                json::encode(self)
            }

            fn decode(body: &[u8]) -> event::Decoded<Self> {
                json::decode(body)
            }
        }
    };
}

event!(OrderCreated, "order.created" { order_id: u64 });
event!(OrderPaid, "order.paid" { order_id: u64 });
event!(OrderShipped, "order.shipped" { order_id: u64 });
event!(ReportMade, "report.made" { text: String });

pub(crate) struct Bench {
    pub(crate) memory: Memory,
    pub(crate) broker: Broker,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::on(Memory::new()).await
    }

    pub(crate) async fn on(memory: Memory) -> Self {
        let broker = Broker::new(memory.clone()).await.expect("memory always connects");
        Self { memory, broker }
    }

    pub(crate) async fn start(&self, app: App) -> Running {
        app.start(&self.broker).await.expect("the app starts")
    }

    pub(crate) async fn publish<E: Event>(&self, event: &E) {
        self.broker.publisher("test").publish(event).await.expect("memory confirms");
    }

    /// As a foreign producer would: a message of its own making.
    pub(crate) async fn send(&self, message: Message) {
        use eda_core::transport::Transport;
        let publisher = self.memory.publisher().await.expect("memory gives publishers");
        publisher.send(message).await.expect("memory takes it").confirmed().await.expect("memory confirms");
    }

    pub(crate) async fn dead_letters(&self, queue: &str, count: usize) -> Vec<eda_core::transport::memory::DeadLetter> {
        until(|| self.memory.dead_letters(queue).len() >= count).await;
        self.memory.dead_letters(queue)
    }
}

/// Waits in virtual time until a condition holds; the clock is paused, so no real time passes.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(24 * 3600), waiting).await.expect("the condition comes to hold");
}

/// Where handlers tell the test what they saw.
pub(crate) fn notes<T>() -> (mpsc::UnboundedSender<T>, Notes<T>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Notes(receiver))
}

pub(crate) struct Notes<T>(mpsc::UnboundedReceiver<T>);

impl<T> Notes<T> {
    pub(crate) async fn next(&mut self) -> T {
        let next = tokio::time::timeout(Duration::from_secs(24 * 3600), self.0.recv()).await;
        next.expect("a note comes within a virtual day").expect("the handler is still there")
    }

    pub(crate) fn is_empty(&mut self) -> bool {
        self.0.is_empty()
    }
}

/// The lines of a log.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panics here").clone()).expect("UTF-8")
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics here").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Without a subscriber in every thread, a callsite that another test meets first may be turned off for all.
static EVERYWHERE: Once = Once::new();

/// What this thread logs from here on.
pub(crate) fn log() -> (Log, tracing::subscriber::DefaultGuard) {
    EVERYWHERE.call_once(|| {
        set_global_default(tracing_subscriber::registry()).expect("no other one is set");
        rebuild_interest_cache();
    });
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::TRACE);
    (log, set_default(subscriber.with_writer(move || writer.clone()).finish()))
}
