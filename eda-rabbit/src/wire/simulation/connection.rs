//! A connection as both of its ends see it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::frames::{Frame, Request};
use super::queue::{Entry, Message};
use crate::wire::{Arrived, Returned, Word};

/// Why something that was asked for does not come.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    Broker { code: u16, text: String },
    Lost(String),
}

pub(super) type Asker = oneshot::Sender<Result<(), Refusal>>;
pub(super) type Stream = mpsc::UnboundedSender<Result<Arrived, Refusal>>;

#[derive(Debug)]
pub(super) struct Connection {
    /// Whether the broker still has it.
    pub(super) is_at_broker: bool,
    pub(super) channels: BTreeMap<u16, BrokerChannel>,
    pub(super) has_published: bool,
    pub(super) is_blocked: bool,
    /// What came while it was blocked.
    pub(super) unread: VecDeque<(u16, Request)>,
    pub(super) client: Client,
    /// When the last frame of each direction comes, so that the next does not overtake it.
    pub(super) up: Instant,
    pub(super) down: Instant,
    /// Frames that are stuck in a silent network, by direction; `None` while it works.
    pub(super) stuck_up: Option<Vec<(u16, Request)>>,
    pub(super) stuck_down: Option<Vec<Frame>>,
    /// How long a frame takes at most, in milliseconds.
    pub(super) latency: u64,
}

/// What the client library keeps.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) ended: watch::Sender<Option<String>>,
    pub(super) blocked: watch::Sender<Option<String>>,
    pub(super) is_alive: bool,
    pub(super) channels: BTreeMap<u16, ClientChannel>,
    pub(super) last_channel: u16,
    /// What can't be written while the connection is blocked; with who waits for that.
    pub(super) unwritten: VecDeque<(u16, Request, Option<Asker>)>,
    /// Those whom a client that has ended leaves waiting.
    pub(super) forgotten: Vec<Asker>,
    pub(super) forgotten_words: Vec<oneshot::Sender<Result<Word, Refusal>>>,
}

#[derive(Debug, Default)]
pub(super) struct ClientChannel {
    pub(super) is_closed: bool,
    pub(super) askers: VecDeque<Asker>,
    pub(super) last_publish: u64,
    pub(super) pending: BTreeMap<u64, Pending>,
    pub(super) returned: VecDeque<Returned>,
    pub(super) consumers: BTreeMap<Arc<str>, Stream>,
    pub(super) last_consumer: u64,
}

#[derive(Debug)]
pub(super) struct Pending {
    pub(super) word: oneshot::Sender<Result<Word, Refusal>>,
    pub(super) message: Arc<Message>,
    pub(super) since: Instant,
}

#[derive(Debug, Default)]
pub(super) struct BrokerChannel {
    pub(super) confirms: bool,
    pub(super) last_publish: u64,
    pub(super) settled: BTreeSet<(u64, bool)>,
    pub(super) flush_is_planned: bool,
    /// Everything below has its confirm.
    pub(super) confirmed: BTreeSet<u64>,
    pub(super) confirmed_up_to: u64,
    pub(super) prefetch: u16,
    pub(super) consumers: BTreeMap<Arc<str>, Consumer>,
    pub(super) last_tag: u64,
    pub(super) unacked: BTreeMap<u64, Unacked>,
    pub(super) last_settle: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) queue: String,
    pub(super) prefetch: usize,
    pub(super) open: usize,
}

#[derive(Debug)]
pub(super) struct Unacked {
    pub(super) queue: Arc<str>,
    pub(super) consumer: Arc<str>,
    pub(super) entry: Entry,
    /// Acked, and not yet written down.
    pub(super) is_settling: bool,
}

impl Connection {
    pub(super) fn new(now: Instant, latency: u64) -> Self {
        let client = Client {
            ended: watch::Sender::new(None),
            blocked: watch::Sender::new(None),
            is_alive: true,
            channels: BTreeMap::new(),
            last_channel: 0,
            unwritten: VecDeque::new(),
            forgotten: Vec::new(),
            forgotten_words: Vec::new(),
        };
        Self {
            is_at_broker: true,
            channels: BTreeMap::new(),
            has_published: false,
            is_blocked: false,
            unread: VecDeque::new(),
            client,
            up: now,
            down: now,
            stuck_up: None,
            stuck_down: None,
            latency,
        }
    }
}

impl ClientChannel {
    /// Ends everything that waits on it.
    pub(super) fn end(&mut self, refusal: &Refusal) {
        self.is_closed = true;
        for asker in self.askers.drain(..) {
            // who asked may have stopped waiting
            let _ = asker.send(Err(refusal.clone()));
        }
        for pending in std::mem::take(&mut self.pending).into_values() {
            let _ = pending.word.send(Err(refusal.clone()));
        }
        for consumer in std::mem::take(&mut self.consumers).into_values() {
            let _ = consumer.send(Err(refusal.clone()));
        }
        self.returned.clear();
    }
}
