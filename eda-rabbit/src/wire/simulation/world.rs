//! Everything there is: the broker's memory, the network, the clients, and what happens next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::agenda::{Agenda, Event};
use super::connection::{Connection, Refusal};
use super::exchange::Exchange;
use super::frames::{Frame, Request};
use super::inspect::{Held, Tally};
use super::queue::Queue;
use super::random::Random;
use super::trace::Trace;

/// How a broker counts what comes back towards the delivery limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// Up to 4.2: whatever comes back.
    EveryReturn,
    /// From 4.3: what a client gave back does not count, what it lost does.
    LostOnly,
}

/// What stays the same over a run.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about a broker or a client")]
pub struct Options {
    /// How returns are counted.
    pub counting: Counting,
    /// Whether a return is hung on whichever confirm comes next, as lapin does.
    pub misattributes_returns: bool,
    /// Whether a client that has lost its connection leaves those waiting for ever who wait on it.
    pub forgets_waiters: bool,
    /// How long a frame takes at most, in milliseconds.
    pub latency: u64,
    /// How long a queue takes at most to write something down, in milliseconds.
    pub commit: u64,
    /// Whether acks that a close follows at once can be lost, as on a quorum queue.
    pub loses_late_acks: bool,
    /// Whether the trace is kept as text.
    pub trace: bool,
}

impl Default for Options {
    /// A broker and a network that take no time and do nothing odd but what lapin does always.
    fn default() -> Self {
        Self {
            counting: Counting::EveryReturn,
            misattributes_returns: true,
            forgets_waiters: false,
            latency: 0,
            commit: 0,
            loses_late_acks: false,
            trace: false,
        }
    }
}

/// Two and a half heartbeats: the client looks twice in each.
pub(super) const SILENCE: Duration = Duration::from_secs(20);

pub(super) struct World {
    pub(super) began: Instant,
    pub(super) random: Random,
    pub(super) options: Options,
    agenda: Agenda,
    wake: Arc<Notify>,
    /// Until when the driver sleeps.
    sleeps_until: Option<Instant>,
    pub(super) exchanges: BTreeMap<String, Exchange>,
    pub(super) queues: BTreeMap<String, Queue>,
    pub(super) connections: BTreeMap<u64, Connection>,
    last_connection: u64,
    /// Grows with each crash: what a queue had not written down by then is gone.
    pub(super) epoch: u64,
    pub(super) away_until: Option<Instant>,
    pub(super) blocked_until: Option<Instant>,
    pub(super) confirms_lost_until: Option<Instant>,
    pub(super) confirms_late_until: Option<Instant>,
    pub(super) nacks_until: Option<Instant>,
    pub(super) destroyed: Vec<Held>,
    /// Ids of messages that no client survives.
    pub(super) lethal: BTreeSet<String>,
    pub(super) expected_routes: Vec<(String, String)>,
    pub(super) unserved: Vec<Held>,
    pub(super) tally: Tally,
    pub(super) trace: Trace,
}

impl World {
    pub(super) fn new(random: Random, options: Options, wake: Arc<Notify>) -> Self {
        let trace = Trace::new(options.trace);
        Self {
            began: Instant::now(),
            random,
            options,
            agenda: Agenda::default(),
            wake,
            sleeps_until: None,
            exchanges: BTreeMap::new(),
            queues: BTreeMap::new(),
            connections: BTreeMap::new(),
            last_connection: 0,
            epoch: 0,
            away_until: None,
            blocked_until: None,
            confirms_lost_until: None,
            confirms_late_until: None,
            nacks_until: None,
            destroyed: Vec::new(),
            lethal: BTreeSet::new(),
            expected_routes: Vec::new(),
            unserved: Vec::new(),
            tally: Tally::default(),
            trace,
        }
    }

    /// Lets happen what is due; tells when the next is.
    pub(super) fn run_due(&mut self) -> Option<Instant> {
        let now = Instant::now();
        while let Some(event) = self.agenda.take_due(now) {
            self.happen(event);
        }
        self.sleeps_until = self.agenda.next();
        self.sleeps_until
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive { connection, channel, request } => self.arrive(connection, channel, request),
            Event::Reach { connection, frame } => self.reach(connection, frame),
            Event::Commit(commit) => self.commit(commit),
            Event::FlushConfirms { connection, channel } => self.flush_confirms(connection, channel),
            Event::Settled { connection, channel, tags } => self.settled(connection, channel, &tags),
            Event::Expire(queue) => self.expire(&queue),
            Event::BuryAgain(queue) => self.bury_again(&queue),
            Event::BrokerGivesUp(connection) => {
                if self.connections.get(&connection).is_some_and(|known| known.stuck_up.is_some()) {
                    self.end_at_broker(connection, "the client was silent");
                }
            }
            Event::ClientGivesUp(connection) => {
                if self.connections.get(&connection).is_some_and(|known| known.stuck_down.is_some()) {
                    let why = "the broker was silent for two heartbeats: the connection was given up";
                    self.end_at_client(connection, why);
                }
            }
            Event::ResetAtClient(connection) => self.end_at_client(connection, "the connection was reset"),
            Event::ResetAtBroker(connection) => self.end_at_broker(connection, "the connection was reset"),
            Event::Unsilence { connection } => self.unsilence(connection),
            Event::Unblock => self.unblock(),
        }
    }

    pub(super) fn plan(&mut self, at: Instant, event: Event) {
        if self.sleeps_until.is_none_or(|until| at < until) {
            self.wake.notify_one();
        }
        self.agenda.plan(at, event);
    }

    pub(super) fn plan_in(&mut self, milliseconds: u64, event: Event) {
        self.plan(Instant::now() + Duration::from_millis(milliseconds), event);
    }

    pub(super) fn note(&mut self, what: &str, numbers: [u64; 3], text: &str) {
        let at = self.began.elapsed();
        self.trace.note(at, what, numbers, text);
    }

    pub(super) fn is(until: Option<Instant>) -> bool {
        until.is_some_and(|until| Instant::now() < until)
    }

    /// # Errors
    /// Why no connection can be made for now.
    pub(super) fn connect(&mut self, purpose: &'static str) -> Result<u64, Refusal> {
        if Self::is(self.away_until) {
            self.note("refused", [0; 3], purpose);
            return Err(Refusal::Lost("no broker answers there: is it running?".to_owned()));
        }
        self.last_connection += 1;
        let connection = Connection::new(Instant::now(), self.options.latency);
        self.connections.insert(self.last_connection, connection);
        self.note("connected", [self.last_connection, 0, 0], purpose);
        Ok(self.last_connection)
    }

    /// Puts a frame on its way to the broker.
    pub(super) fn send_up(&mut self, id: u64, channel: u16, request: Request) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if let Some(stuck) = &mut connection.stuck_up {
            stuck.push((channel, request));
            return;
        }
        let latency = Duration::from_millis(self.random.below(connection.latency + 1));
        connection.up = connection.up.max(Instant::now() + latency);
        let at = connection.up;
        self.plan(at, Event::Arrive { connection: id, channel, request });
    }

    /// Puts a frame on its way to the client.
    pub(super) fn send_down(&mut self, id: u64, frame: Frame) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if let Some(stuck) = &mut connection.stuck_down {
            stuck.push(frame);
            return;
        }
        let latency = Duration::from_millis(self.random.below(connection.latency + 1));
        connection.down = connection.down.max(Instant::now() + latency);
        let at = connection.down;
        self.plan(at, Event::Reach { connection: id, frame });
    }

    /// Forgets a connection that both ends have forgotten.
    pub(super) fn sweep(&mut self, id: u64) {
        let is_over = |known: &Connection| !known.is_at_broker && !known.client.is_alive;
        if self.connections.get(&id).is_some_and(is_over) && !self.options.forgets_waiters {
            self.connections.remove(&id);
        }
    }
}
