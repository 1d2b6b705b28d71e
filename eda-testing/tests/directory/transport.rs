//! The transport: what an app opens, declares, publishes to and subscribes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use async_trait::async_trait;
use eda_core::transport::{Capabilities, Deliveries, Publish, Receipt, Transport, Unrouted, limits};
use eda_core::{Error, ErrorKind, EventId, Message, Policy, Result, Subscription, Topology};
use tokio::sync::watch;

use crate::consumer::{Channel, Consumer};
use crate::store::{Queue, failed, write};

/// A connection to a directory that holds queues. One process at a time may have it open.
#[derive(Clone)]
pub(crate) struct Directory {
    shared: Arc<Shared>,
    unrouted: Unrouted,
    is_closed: Arc<AtomicBool>,
    /// What was subscribed over this connection.
    channels: Arc<Mutex<Vec<Weak<Channel>>>>,
}

/// What all connections to a directory share.
pub(crate) struct Shared {
    root: PathBuf,
    last_number: AtomicU64,
    /// Told whenever a consumer should look again.
    pub(crate) changed: watch::Sender<()>,
}

impl Directory {
    /// Opens a directory, or makes it. What a process had in hand that ended without a word goes back to its queue.
    pub(crate) fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        fs::create_dir_all(root.join("queues")).map_err(failed)?;
        // later than all that is there, also after a restart
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let last_number = AtomicU64::new(u64::try_from(since.as_nanos()).unwrap_or_default());
        let shared = Arc::new(Shared { root, last_number, changed: watch::Sender::new(()) });
        for queue in shared.queues()? {
            queue.1.give_back_all()?;
        }
        Ok(Self { shared, unrouted: Unrouted::default(), is_closed: Arc::default(), channels: Arc::default() })
    }

    /// Another connection to the same directory.
    pub(crate) fn another(&self, unrouted: Unrouted) -> Self {
        Self { shared: Arc::clone(&self.shared), unrouted, is_closed: Arc::default(), channels: Arc::default() }
    }

    pub(crate) fn queue(&self, name: &str) -> Option<Queue> {
        Queue::existing(self.shared.folder(name))
    }

    /// Where messages are parked that no queue is bound for.
    pub(crate) fn parked(&self) -> Result<Queue> {
        Queue::create(self.shared.root.join("unrouted"))
    }

    fn check_open(&self) -> Result<()> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, "the directory was closed by this program"));
        }
        Ok(())
    }
}

#[async_trait]
impl Transport for Directory {
    fn describe(&self) -> String {
        format!("directory {}", self.shared.root.display())
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.delayed_retry = true;
        capabilities.dead_letters = true;
        capabilities.patterns = true;
        capabilities.persistent = true;
        capabilities
    }

    async fn declare(&self, topology: &Topology) -> Result<()> {
        self.check_open()?;
        topology.subscriptions.iter().try_for_each(check)?;
        topology.subscriptions.iter().try_for_each(|subscription| self.shared.declare(subscription))
    }

    async fn publisher(&self) -> Result<Box<dyn Publish>> {
        self.check_open()?;
        Ok(Box::new(self.clone()))
    }

    async fn subscribe(&self, subscription: &Subscription) -> Result<Box<dyn Deliveries>> {
        self.check_open()?;
        check(subscription)?;
        let Some(queue) = self.queue(&subscription.queue) else {
            let text = format!("there is no queue `{}`: declare the topology first", subscription.queue);
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        let consumer = Consumer::new(&self.shared, queue, &subscription.policy);
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.push(Arc::downgrade(consumer.channel()));
        Ok(Box::new(consumer))
    }

    async fn close(&self) -> Result<()> {
        self.is_closed.store(true, Ordering::Release);
        let channels = std::mem::take(&mut *self.channels.lock().unwrap_or_else(PoisonError::into_inner));
        channels.iter().filter_map(Weak::upgrade).for_each(|channel| channel.close());
        Ok(())
    }
}

#[async_trait]
impl Publish for Directory {
    async fn send(&self, mut message: Message) -> Result<Receipt> {
        self.check_open()?;
        message.id.get_or_insert_with(EventId::new);
        limits::check(&message)?;
        limits::check_headers(&message)?;
        let mut queues = self.shared.route(&message.routing_key)?;
        if queues.is_empty() {
            if self.unrouted == Unrouted::Reject {
                let text = format!("no queue is bound for `{}`: start a service that handles it", message.routing_key);
                return Ok(Receipt::ready(Err(Error::new(ErrorKind::Unroutable, text))));
            }
            queues.push(self.parked()?);
        }
        // each is on the disk when this returns, so the word is known already
        let added = queues.iter().try_for_each(|queue| queue.add(self.shared.next_number(), &message));
        self.shared.changed.send_replace(());
        Ok(Receipt::ready(added))
    }
}

impl Shared {
    /// Grows with every message and every retry.
    pub(crate) fn next_number(&self) -> u64 {
        self.last_number.fetch_add(1, Ordering::Relaxed)
    }

    fn folder(&self, queue: &str) -> PathBuf {
        self.root.join("queues").join(queue)
    }

    fn declare(&self, subscription: &Subscription) -> Result<()> {
        let folder = self.folder(&subscription.queue);
        Queue::create(folder.clone())?;
        let mut bindings = bindings(&folder);
        bindings.extend(subscription.bindings.iter().cloned());
        bindings.sort_unstable();
        bindings.dedup();
        write(&folder.join("bindings"), bindings.join("\n").as_bytes())
    }

    /// The queues that are bound for a routing key, each once.
    fn route(&self, routing_key: &str) -> Result<Vec<Queue>> {
        let takes = |folder: &Path| {
            let (service, queue, policy) = (String::new(), String::new(), Policy::default());
            let subscription = Subscription { service, queue, declare: true, bindings: bindings(folder), policy };
            subscription.takes(routing_key)
        };
        Ok(self.queues()?.into_iter().filter(|(folder, _)| takes(folder)).map(|(_, queue)| queue).collect())
    }

    fn queues(&self) -> Result<Vec<(PathBuf, Queue)>> {
        let folders = fs::read_dir(self.root.join("queues")).map_err(failed)?;
        let folders = folders.filter_map(|folder| Some(folder.ok()?.path()));
        Ok(folders.filter_map(|folder| Some((folder.clone(), Queue::existing(folder)?))).collect())
    }
}

fn bindings(folder: &Path) -> Vec<String> {
    fs::read_to_string(folder.join("bindings")).unwrap_or_default().lines().map(Into::into).collect()
}

/// The limits that all transports keep, and that a name is one of a folder.
fn check(subscription: &Subscription) -> Result<()> {
    limits::check_subscription(subscription)?;
    let name = &subscription.queue;
    if name.contains(['/', '\\', '\0']) || name.starts_with('.') {
        let text = format!("`{name}` is no name for a folder: leave out `/` and `\\`, and a dot at the begin");
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    Ok(())
}
