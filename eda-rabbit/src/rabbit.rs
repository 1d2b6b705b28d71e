//! The transport: two connections, one publisher, many subscriptions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use eda_core::transport::{
    Append, Capabilities, Deliveries, Destination, Keep, Operate, Publish, Receipt, Transport, Unrouted, limits,
};
use eda_core::{Error, ErrorKind, EventId, Message, Result, Subscription, Topology};
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use crate::backoff::Backoff;
use crate::config::Config;
use crate::connection::{Connection, closed, establish};
use crate::declared::Declared;
use crate::journal::JournalQueue;
use crate::publisher::{Parcel, Publisher, with_trouble};
use crate::subscriber::{Settler, Subscriber, Wanted};
use crate::topology::{EVENTS, EVENTS_STRICT, Plan};
use crate::wire::{Connect, Lapin, Link};

/// How long a start is tried at least, however short the time to connect is.
const REQUESTS: Duration = Duration::from_secs(10);
/// How long a close waits for the words on what was published, and then for the connections: 3 seconds in all.
const FINISH: Duration = Duration::from_secs(2);
const CLOSE: Duration = Duration::from_secs(1);

/// A RabbitMQ broker, over two connections: one publishes, one consumes, so that a broker which takes no messages for
/// now still hands them out. Both are made again when they end.
pub struct Rabbit {
    config: Config,
    consuming: Connection,
    publishing: Connection,
    publisher: Publisher,
    is_closed: AtomicBool,
    declared: Declared,
}

impl Rabbit {
    /// Connects; see [`Config`] for the URL.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) where the URL can't be read, [`Unavailable`](ErrorKind::Unavailable) where
    /// no broker answered in time, [`AccessRefused`](ErrorKind::AccessRefused) and
    /// [`NotFound`](ErrorKind::NotFound) where the broker refuses the login or has no such virtual host; the
    /// former, too, where the certificate of an `amqps` broker is not trusted or not its own.
    /// [`Unsupported`](ErrorKind::Unsupported) for `amqps` without the feature `tls`, and where the broker's
    /// `frame_max` is below 131072.
    ///
    /// # Cancel safety
    /// Cancelled, nothing stays connected.
    pub async fn connect(url: &str) -> Result<Self> {
        let config: Config = url.parse()?;
        if !config.tls && !config.hosts.iter().all(crate::config::Host::is_loopback) {
            warn!(broker = config.address(), "the connection is not encrypted: use `amqps://` beyond this machine");
        }
        let connect = |purpose: &'static str| {
            Arc::new(Lapin { config: config.clone(), name: format!("eda {purpose}") }) as Arc<dyn Connect>
        };
        Self::over(config.clone(), connect).await
    }

    /// Over a broker in memory.
    #[cfg(feature = "__simulation")]
    pub(crate) async fn simulated(url: &str, simulation: &crate::wire::simulation::Simulation) -> Result<Self> {
        let connect = |purpose: &'static str| {
            let simulation = simulation.clone();
            Arc::new(crate::wire::simulation::Simulated { simulation, purpose }) as Arc<dyn Connect>
        };
        Self::over(url.parse()?, connect).await
    }

    async fn over(config: Config, connect: impl Fn(&'static str) -> Arc<dyn Connect>) -> Result<Self> {
        let began = Instant::now();
        let open = async |purpose: &'static str| {
            let connect = connect(purpose);
            let link = establish(&*connect, began, config.connect_timeout).await;
            let link = link.map_err(|error| error.with("broker", config.address()))?;
            Ok::<_, Error>(Connection::supervise(connect, link, purpose))
        };
        let publishing = open("publishing").await?;
        let consuming = open("consuming").await?;
        let publisher = Publisher::start(publishing.clone());
        let (is_closed, declared) = (AtomicBool::new(false), Declared::default());
        Ok(Self { config, consuming, publishing, publisher, is_closed, declared })
    }

    async fn declare_once(&self, plan: &Plan) -> Result<Arc<dyn Link>> {
        let link = self.consuming.link().await?;
        let declare = async {
            let channel = link.channel().await?;
            plan.declare(&*channel).await?;
            channel.close().await
        };
        tokio::select! {
            declared = declare => declared.map(|()| Arc::clone(&link)),
            () = self.consuming.lost(&link) => Err(Error::new(ErrorKind::Unavailable, "the connection was lost")),
        }
    }

    /// Where requests are made that publish nothing.
    pub(crate) fn consuming(&self) -> Connection {
        self.consuming.clone()
    }

    /// Where copies are published.
    pub(crate) fn publishing(&self) -> Publisher {
        self.publisher.clone()
    }

    async fn consume(&self, subscription: &Subscription) -> Result<Box<dyn Deliveries>> {
        // a start that fails halfway has taken messages, and each of them has been delivered once more
        self.consuming.link().await?.check_room(self.declared.expected())?;
        let prefetch = subscription.policy.prefetch.unwrap_or(self.config.prefetch);
        let settler = Settler::new(self.publisher.clone(), self.consuming.clone(), subscription.clone());
        let wanted = Wanted {
            connection: self.consuming.clone(),
            subscription: subscription.clone(),
            prefetch,
            settler: Arc::new(settler),
            patience: self.patience(),
            declared_on: self.declared.take(subscription),
        };
        Ok(Box::new(Subscriber::open(wanted, &self.publishing).await?))
    }

    /// Resolves when there was no connection for so long.
    async fn away(&self, limit: Duration) {
        while let Ok(link) = timeout(limit, self.consuming.link()).await {
            match link {
                Ok(link) => self.consuming.lost(&link).await,
                // who asks is told so
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// How long a start waits for a broker that is away, or on which each attempt fails; what gets on takes its time.
    fn patience(&self) -> Option<Duration> {
        self.config.connect_timeout.map(|limit| limit.max(REQUESTS))
    }

    async fn unless_away<T>(&self, what: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(limit) = self.patience() else { return what.await };
        tokio::select! {
            outcome = what => outcome,
            () = self.away(limit) => {
                let text = format!("the broker did not come back within {}", humantime::format_duration(limit));
                let error = Error::new(ErrorKind::Unavailable, text).with("broker", self.config.address());
                Err(with_trouble(error, &self.consuming.trouble()))
            }
        }
    }

    fn check_open(&self) -> Result {
        if self.is_closed.load(Ordering::Acquire) { Err(closed()) } else { Ok(()) }
    }
}

#[async_trait]
impl Transport for Rabbit {
    fn describe(&self) -> String {
        format!("rabbitmq at {}", self.config.address())
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.delayed_retry = true;
        capabilities.dead_letters = true;
        capabilities.patterns = true;
        capabilities.foreign_queues = true;
        capabilities.persistent = true;
        capabilities
    }

    fn operate(&self) -> Option<&dyn Operate> {
        Some(self)
    }

    fn keep(&self) -> Option<&dyn Keep> {
        Some(self)
    }

    fn journal(&self) -> Option<Box<dyn Append>> {
        Some(Box::new(JournalQueue::new(&self.publishing)))
    }

    async fn declare(&self, topology: &Topology) -> Result<()> {
        self.check_open()?;
        let plan = Plan::of(topology)?;
        self.declared.expect(topology.subscriptions.len());
        let (mut backoff, patience) = (Backoff::new(), self.patience());
        let declare = async {
            loop {
                match self.declare_once(&plan).await {
                    Err(error) if error.kind() == ErrorKind::Unavailable && backoff.is_within(patience) => {
                        warn!(%error, "could not declare the topology; trying again");
                        sleep(backoff.next()).await;
                    }
                    settled => return settled,
                }
            }
        };
        let link = self.unless_away(declare).await?;
        self.declared.done(&topology.subscriptions, &link);
        Ok(())
    }

    async fn publisher(&self) -> Result<Box<dyn Publish>> {
        self.check_open()?;
        let exchange = match self.config.unrouted {
            Unrouted::Park => EVENTS,
            Unrouted::Reject => EVENTS_STRICT,
        };
        Ok(Box::new(EventPublisher { publisher: self.publisher.clone(), exchange }))
    }

    async fn subscribe(&self, subscription: &Subscription) -> Result<Box<dyn Deliveries>> {
        self.check_open()?;
        match self.unless_away(self.consume(subscription)).await {
            Err(error) if error.kind() == ErrorKind::Unavailable => Err(error.with("queue", &subscription.queue)),
            consumed => consumed,
        }
    }

    async fn close(&self) -> Result<()> {
        // all of this may be done again: a call that was given up has done a part of it
        self.is_closed.store(true, Ordering::Release);
        // a broker that takes nothing confirms nothing
        let is_blocked = self.publishing.blocked().borrow().is_some();
        self.publisher.finish(if is_blocked { Duration::ZERO } else { FINISH }).await;
        // what is not closed by then ends with its task, which is bounded in itself
        let _ = timeout(CLOSE, async { tokio::join!(self.consuming.close(), self.publishing.close()) }).await;
        Ok(())
    }
}

struct EventPublisher {
    publisher: Publisher,
    exchange: &'static str,
}

impl EventPublisher {
    fn parcel(&self, mut message: Message) -> Result<Parcel> {
        // returns are told apart by it
        message.id.get_or_insert_with(EventId::new);
        limits::check(&message)?;
        limits::check_headers(&message)?;
        Ok(Parcel::Event(Box::new(message), self.exchange))
    }
}

#[async_trait]
impl Publish for EventPublisher {
    async fn send(&self, message: Message) -> Result<Receipt> {
        self.publisher.send(self.parcel(message)?).await
    }

    fn try_send(&self, message: Message) -> std::result::Result<Result<Receipt>, Message> {
        let Some(place) = self.publisher.try_place() else { return Err(message) };
        Ok(self.parcel(message).and_then(|parcel| self.publisher.take(parcel, false, place)))
    }

    fn destination(&self) -> Destination {
        Destination::new("rabbitmq", self.exchange)
    }
}
