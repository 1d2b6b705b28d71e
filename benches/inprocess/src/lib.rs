//! The framework's own path, without a broker: what the counts of instructions and allocations are of.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use eda::prelude::*;
use eda::topology::{Subscription, Topology};
use eda::transport::{
    Capabilities, ConsumerState, ConsumerStatus, Deliveries, Delivery, FailureRecord, Publish, Receipt, Settle, Token,
    Transport,
};
use eda::{EventId, Message, Result};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, watch};

/// Three fields, of which reading none allocates.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, Event)]
#[event(name = "bench.small")]
pub struct Small {
    /// A number.
    pub order_id: u64,
    /// Cents.
    pub amount: u64,
    /// A flag.
    pub is_express: bool,
}

impl Small {
    /// Always the same.
    pub const ONE: Self = Self { order_id: 4_711, amount: 4_200, is_express: true };
}

/// A service with one handler over deliveries that have come already, and a place where its messages end.
pub struct Prepared {
    runtime: Runtime,
    given: Given,
}

impl Prepared {
    /// So many deliveries of [`Small`].
    ///
    /// # Panics
    /// Where the system gives no runtime.
    pub fn deliveries(count: usize) -> Self {
        // one thread: what is counted is all that happens
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let messages: Vec<_> = (0..count).map(|_| Arc::new(message())).collect();
        let settled = Settled { left: AtomicUsize::new(count), done: Notify::new(), messages: messages.clone() };
        let settled = Arc::new(settled);
        let settle = Arc::clone(&settled) as Arc<dyn Settle>;
        let delivery = |(tag, message): (u64, Arc<Message>)| {
            let token = Token { generation: 1, tag };
            Delivery::new(message, 1, false, token, Arc::clone(&settle))
        };
        let waiting = (0..).zip(messages).map(delivery).collect();
        let given = Given { waiting: Arc::new(Mutex::new(waiting)), settled };
        Self { runtime: runtime.expect("a runtime without a driver always starts"), given }
    }

    /// Handles all of them: identify → decode → extract → call → settle.
    ///
    /// # Panics
    /// Where the service does not start.
    #[inline(never)]
    pub fn handle(&mut self) {
        let Self { runtime, given } = self;
        let (given, settled) = (given.clone(), Arc::clone(&given.settled));
        runtime.block_on(async move {
            let broker = Broker::new(given).await.expect("it gives a publisher");
            let service = Service::new("bench").state(Seen::default()).handler::<see>();
            let running = service.start(&broker).await.expect("the service is well formed");
            settled.done.notified().await;
            running.shutdown().await.expect("nothing can fail");
        });
    }

    /// Publishes so many instead: encode, and hand over to the transport.
    ///
    /// # Panics
    /// Where an event is not published.
    #[inline(never)]
    pub fn publish(self, count: usize) {
        let Self { runtime, given } = self;
        runtime.block_on(async move {
            let publisher = Broker::new(given).await.expect("it gives a publisher").publisher("bench");
            for _ in 0..count {
                publisher.publish(&Small::ONE).await.expect("it is confirmed");
            }
        });
    }
}

/// A state that is cheap to clone, as a pool is.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<AtomicUsize>);

#[handler]
#[expect(clippy::unused_async, reason = "handlers are async, also those that wait for nothing")]
async fn see(small: Small, State(seen): State<Seen>) {
    std::hint::black_box(small);
    seen.0.fetch_add(1, Ordering::Relaxed);
}

/// As a transport gives it that reads all attributes.
fn message() -> Message {
    let id = EventId::new();
    Message {
        name: Some(Small::NAME.to_owned().into()),
        version: Some(1),
        source: Some("shop".to_owned().into()),
        correlation_id: Some(id.to_string()),
        content_type: Some("application/json".to_owned().into()),
        id: Some(id),
        body: Small::ONE.encode().expect("it is JSON"),
        ..Message::new(Small::NAME, "")
    }
}

#[derive(Clone)]
struct Given {
    waiting: Arc<Mutex<Vec<Delivery>>>,
    settled: Arc<Settled>,
}

struct Settled {
    left: AtomicUsize,
    done: Notify,
    /// As a transport keeps them that may have to send them again. It made them, so to take them down is its own work, too.
    #[expect(dead_code, reason = "they are kept, no more")]
    messages: Vec<Arc<Message>>,
}

#[async_trait]
impl Transport for Given {
    fn describe(&self) -> String {
        "given deliveries".into()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        (capabilities.delayed_retry, capabilities.dead_letters) = (true, true);
        capabilities
    }

    async fn declare(&self, _topology: &Topology) -> Result<()> {
        Ok(())
    }

    async fn publisher(&self) -> Result<Box<dyn Publish>> {
        Ok(Box::new(Sink))
    }

    async fn subscribe(&self, _subscription: &Subscription) -> Result<Box<dyn Deliveries>> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let status = watch::Sender::new(ConsumerStatus::now(ConsumerState::Consuming, ""));
        Ok(Box::new(Waiting { waiting, status }))
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

struct Sink;

#[async_trait]
impl Publish for Sink {
    async fn send(&self, message: Message) -> Result<Receipt> {
        std::hint::black_box(message);
        Ok(Receipt::ready(Ok(())))
    }

    /// As a transport does it that has room.
    fn try_send(&self, message: Message) -> std::result::Result<Result<Receipt>, Message> {
        std::hint::black_box(message);
        Ok(Ok(Receipt::ready(Ok(()))))
    }
}

struct Waiting {
    waiting: Vec<Delivery>,
    status: watch::Sender<ConsumerStatus>,
}

#[async_trait]
impl Deliveries for Waiting {
    async fn receive(&mut self, batch: &mut Vec<Delivery>, max: usize) -> Result<usize> {
        let from = self.waiting.len().saturating_sub(max);
        if self.waiting.is_empty() {
            std::future::pending::<()>().await;
        }
        batch.extend(self.waiting.drain(from..));
        Ok(batch.len())
    }

    async fn cancel(&mut self) -> Result<()> {
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        Ok(())
    }

    fn status(&self) -> watch::Receiver<ConsumerStatus> {
        self.status.subscribe()
    }
}

#[async_trait]
impl Settle for Settled {
    fn ack(&self, _token: Token) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.done.notify_one();
        }
    }

    fn give_back(&self, _token: Token) {}

    async fn retry(&self, token: Token, _after: Duration, _failure: &FailureRecord) -> Result<()> {
        self.ack(token);
        Ok(())
    }

    async fn dead_letter(&self, token: Token, _failure: &FailureRecord) -> Result<()> {
        self.ack(token);
        Ok(())
    }
}
