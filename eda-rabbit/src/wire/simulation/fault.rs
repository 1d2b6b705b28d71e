//! What can go wrong, on purpose.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Simulation;
use super::agenda::Event;
use super::frames::Frame;
use super::inspect::Held;
use super::world::{SILENCE, World};

/// A direction between the client and the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the broker.
    Up,
    /// From the broker to the client.
    Down,
    /// Both.
    Both,
}

/// A fault; where it needs something to hit, the seed decides which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A connection is reset; both ends notice, at different times.
    Reset,
    /// The broker is killed, and back after a time; what a queue had not written down is gone.
    Crash(Duration),
    /// The network before the broker refuses and ends everything for a time.
    Away(Duration),
    /// The network of a connection swallows one way or both for a time, without a word.
    Silence(Way, Duration),
    /// The broker takes nothing from publishers for a time.
    Block(Duration),
    /// The broker ends the consumers of a queue; the queue stays.
    CancelConsumers(String),
    /// The broker closes the channel of one that consumes a queue, as after the consumer timeout.
    ConsumerTimeout(String),
    /// A channel on which something was published is closed by the broker.
    CloseChannel,
    /// A queue is deleted with all that it holds.
    DeleteQueue(String),
    /// The same, and its consumers are not told: RabbitMQ 3.10 forgets to where the queue's leader has just changed.
    DeleteQueueSilently(String),
    /// An exchange is deleted.
    DeleteExchange(String),
    /// A queue is bound no more, but for retries and dead letters.
    Unbind(String),
    /// Half of the confirms are never sent, for a time.
    LoseConfirms(Duration),
    /// No confirm is sent for a time.
    DelayConfirms(Duration),
    /// Queues refuse messages now and then, for a time.
    Nack(Duration),
    /// The network becomes slow: a frame takes up to so many milliseconds.
    Slow(u64),
}

impl Simulation {
    /// Lets a fault happen now. Tells whether there was something to hit.
    pub fn fault(&self, fault: &Fault) -> bool {
        let mut world = self.world();
        let hit = world.fault(fault);
        world.note("fault", [u64::from(hit), 0, 0], &format!("{fault:?}"));
        if hit {
            world.tally.faults += 1;
        }
        hit
    }

    /// Ends all faults that go on.
    pub fn end_faults(&self) {
        let mut world = self.world();
        let now = Instant::now();
        world.note("faults-end", [0; 3], "");
        world.away_until = None;
        world.confirms_lost_until = None;
        world.nacks_until = None;
        world.confirms_late_until = world.confirms_late_until.map(|until| until.min(now));
        if world.blocked_until.is_some() {
            world.blocked_until = Some(now);
            world.unblock();
        }
        let latency = world.options.latency;
        let connections: Vec<u64> = world.connections.keys().copied().collect();
        for id in connections {
            world.unsilence(id);
            if let Some(connection) = world.connections.get_mut(&id) {
                connection.latency = latency;
            }
        }
    }
}

impl World {
    fn fault(&mut self, fault: &Fault) -> bool {
        let now = Instant::now();
        match fault {
            Fault::Reset => {
                let Some(id) = self.any_connection() else { return false };
                self.reset(id);
            }
            Fault::Crash(back_after) => {
                self.epoch += 1;
                self.away_until = Some(now + *back_after);
                let all: Vec<u64> = self.connections.keys().copied().collect();
                for id in all {
                    self.end_at_broker(id, "the broker was killed");
                    self.end_at_client(id, "the connection was reset");
                }
            }
            Fault::Away(back_after) => {
                self.away_until = Some(now + *back_after);
                let all: Vec<u64> = self.connections.keys().copied().collect();
                for id in all {
                    self.reset(id);
                }
            }
            Fault::Silence(way, time) => {
                let Some(id) = self.any_connection() else { return false };
                self.silence(id, *way, *time);
            }
            Fault::Block(time) => {
                self.blocked_until = Some(now + *time);
                let all: Vec<u64> = self.connections.keys().copied().collect();
                for id in all {
                    self.block(id);
                }
                self.plan(now + *time, Event::Unblock);
            }
            Fault::CancelConsumers(queue) => return self.cancel_consumers(queue),
            Fault::ConsumerTimeout(queue) => {
                let Some(place) = self.queues.get(queue).and_then(|queue| queue.consumers.front().cloned()) else {
                    return false;
                };
                let text = format!(
                    "PRECONDITION_FAILED - delivery acknowledgement on channel {} timed out. Timeout value used: 1800000 \
                     ms. This timeout value can be configured, see consumers doc guide to learn more",
                    place.channel
                );
                self.close_channel(place.connection, place.channel, 406, &text);
            }
            Fault::CloseChannel => {
                let is_publishing = |id: &u64| self.connections[id].has_published && self.connections[id].is_at_broker;
                let Some(id) = self.connections.keys().copied().find(is_publishing) else { return false };
                let Some(number) = self.connections[&id].channels.keys().next_back().copied() else { return false };
                self.close_channel(id, number, 541, "INTERNAL_ERROR");
            }
            Fault::DeleteQueue(queue) => {
                self.cancel_consumers(queue);
                return self.delete_queue(queue);
            }
            Fault::DeleteQueueSilently(queue) => return self.delete_queue(queue),
            Fault::DeleteExchange(exchange) => return self.exchanges.remove(exchange).is_some(),
            Fault::Unbind(queue) => {
                let mut was_bound = false;
                for (name, exchange) in &mut self.exchanges {
                    if name.starts_with(crate::topology::EVENTS) {
                        was_bound |= exchange.unbind_all(queue);
                    }
                }
                return was_bound;
            }
            Fault::LoseConfirms(time) => self.confirms_lost_until = Some(now + *time),
            Fault::DelayConfirms(time) => self.confirms_late_until = Some(now + *time),
            Fault::Nack(time) => self.nacks_until = Some(now + *time),
            Fault::Slow(milliseconds) => {
                let Some(connection) = self.any_connection().and_then(|id| self.connections.get_mut(&id)) else {
                    return false;
                };
                connection.latency = *milliseconds;
            }
        }
        true
    }

    fn any_connection(&mut self) -> Option<u64> {
        let is_whole = |known: &&u64| self.connections[known].is_at_broker && self.connections[known].client.is_alive;
        let whole: Vec<u64> = self.connections.keys().filter(is_whole).copied().collect();
        self.random.pick(&whole).copied()
    }

    fn reset(&mut self, id: u64) {
        let (at_client, at_broker) = (self.random.below(20), self.random.below(200));
        let first = self.random.chance(50);
        self.plan_in(if first { 0 } else { at_client }, Event::ResetAtClient(id));
        self.plan_in(at_broker, Event::ResetAtBroker(id));
    }

    fn silence(&mut self, id: u64, way: Way, time: Duration) {
        let now = Instant::now();
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if way != Way::Down {
            connection.stuck_up.get_or_insert_default();
        }
        if way != Way::Up {
            connection.stuck_down.get_or_insert_default();
        }
        if way != Way::Down {
            self.plan(now + SILENCE, Event::BrokerGivesUp(id));
        }
        if way != Way::Up {
            self.plan(now + SILENCE, Event::ClientGivesUp(id));
        }
        self.plan(now + time, Event::Unsilence { connection: id });
    }

    pub(super) fn unsilence(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let up = connection.stuck_up.take().unwrap_or_default();
        let down = connection.stuck_down.take().unwrap_or_default();
        for (channel, request) in up {
            self.send_up(id, channel, request);
        }
        for frame in down {
            self.send_down(id, frame);
        }
    }

    /// Reads no more from who has published.
    pub(super) fn block(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.has_published && connection.is_at_broker && !connection.is_blocked {
            connection.is_blocked = true;
            self.send_down(id, Frame::Blocked(Some("low on memory".to_owned())));
        }
    }

    pub(super) fn unblock(&mut self) {
        if Self::is(self.blocked_until) {
            return;
        }
        self.blocked_until = None;
        let all: Vec<u64> = self.connections.keys().copied().collect();
        for id in all {
            let Some(connection) = self.connections.get_mut(&id).filter(|known| known.is_blocked) else { continue };
            connection.is_blocked = false;
            let unread = std::mem::take(&mut connection.unread);
            self.send_down(id, Frame::Blocked(None));
            for (number, request) in unread {
                self.arrive(id, number, request);
            }
        }
    }

    fn cancel_consumers(&mut self, name: &str) -> bool {
        let Some(queue) = self.queues.get_mut(name) else { return false };
        let places: Vec<_> = queue.consumers.drain(..).collect();
        for place in &places {
            let channel =
                self.connections.get_mut(&place.connection).and_then(|known| known.channels.get_mut(&place.channel));
            if let Some(channel) = channel {
                channel.consumers.remove(&place.tag);
            }
            let frame = Frame::CancelConsumer { channel: place.channel, consumer: place.tag.clone() };
            self.send_down(place.connection, frame);
        }
        !places.is_empty()
    }

    fn delete_queue(&mut self, name: &str) -> bool {
        if !self.queues.contains_key(name) {
            return false;
        }
        for exchange in self.exchanges.values_mut() {
            exchange.unbind_all(name);
        }
        let nowhere: Arc<str> = "".into();
        for connection in self.connections.values_mut() {
            for channel in connection.channels.values_mut() {
                for unacked in channel.unacked.values_mut().filter(|unacked| &*unacked.queue == name) {
                    unacked.queue = Arc::clone(&nowhere);
                    self.destroyed.push(Held::of(name, &unacked.entry.message));
                }
            }
        }
        if let Some(queue) = self.queues.remove(name) {
            self.destroyed.extend(queue.entries().map(|entry| Held::of(name, &entry.message)));
        }
        true
    }
}
