//! From a publish to its confirm.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::agenda::Event;
use super::frames::Frame;
use super::inspect::Held;
use super::library::shuffle;
use super::queue::{Entry, Message};
use super::world::World;
use crate::topology::{EVENTS, EVENTS_STRICT};

/// A message that its queues are writing down.
#[derive(Debug)]
pub(super) struct Commit {
    connection: u64,
    channel: u16,
    /// `None` without confirms.
    number: Option<u64>,
    queues: Vec<String>,
    epoch: u64,
    message: Arc<Message>,
}

impl World {
    /// # Errors
    /// Where there is no such exchange: the channel ends.
    pub(super) fn accept(&mut self, id: u64, number: u16, message: &Arc<Message>) -> Result<(), (u16, String)> {
        let Some(queues) = self.route(&message.exchange, &message.routing_key) else {
            return Err((404, format!("NOT_FOUND - no exchange '{}' in vhost '/'", message.exchange)));
        };
        // what is not routed at all is returned, which its publisher must know
        let is_event = !queues.is_empty() && [EVENTS, EVENTS_STRICT].contains(&message.exchange.as_str());
        for (key, queue) in self.expected_routes.iter().filter(|_| is_event) {
            if *key == message.routing_key && !queues.contains(queue) {
                self.unserved.push(Held::of(queue, message));
            }
        }
        let Some(channel) = self.connections.get_mut(&id).and_then(|known| known.channels.get_mut(&number)) else {
            return Ok(());
        };
        let publish = channel.confirms.then(|| {
            channel.last_publish += 1;
            channel.last_publish
        });
        if queues.is_empty() {
            // a handler whose events are returned is called again
            self.tally.exposed_publishes += 1;
            self.note("returned", [id, number.into(), publish.unwrap_or(0)], message.id());
            self.send_down(id, Frame::Return { channel: number, message: Arc::clone(message) });
            if let Some(publish) = publish {
                self.settle_publish(id, number, publish, true);
            }
            return Ok(());
        }
        let wait = self.random.below(self.options.commit + 1);
        let mut at = Instant::now() + Duration::from_millis(wait);
        // what one channel publishes to a queue stays in order
        for queue in &queues {
            at = at.max(self.queues.get(queue).and_then(|queue| queue.last_commit).unwrap_or(at));
        }
        for queue in &queues {
            if let Some(queue) = self.queues.get_mut(queue) {
                queue.last_commit = Some(at);
            }
        }
        let commit = Commit {
            connection: id,
            channel: number,
            number: publish,
            queues: queues.into_iter().collect(),
            epoch: self.epoch,
            message: Arc::clone(message),
        };
        if self.options.commit == 0 && at <= Instant::now() {
            self.commit(commit);
        } else {
            self.plan(at, Event::Commit(commit));
        }
        Ok(())
    }

    /// The queues that a message goes to; `None` where there is no such exchange.
    pub(super) fn route(&self, exchange: &str, key: &str) -> Option<BTreeSet<String>> {
        if exchange.is_empty() {
            return Some(self.queues.contains_key(key).then(|| key.to_owned()).into_iter().collect());
        }
        let mut known = self.exchanges.get(exchange)?;
        // exchanges that are each other's alternates would go round for ever
        for _ in 0..10 {
            let queues = known.route(key);
            if !queues.is_empty() {
                return Some(queues.into_iter().map(str::to_owned).collect());
            }
            let alternate = known.alternate.as_ref().and_then(|name| self.exchanges.get(name));
            let Some(alternate) = alternate else { break };
            known = alternate;
        }
        Some(BTreeSet::new())
    }

    pub(super) fn commit(&mut self, commit: Commit) {
        let Commit { connection, channel, number, queues, epoch, message } = commit;
        if epoch != self.epoch {
            return;
        }
        let mut is_taken = true;
        let is_nacked = Self::is(self.nacks_until) && self.random.chance(30);
        self.tally.nacked += u64::from(is_nacked);
        for queue in queues {
            // one that refuses may have taken it all the same
            if is_nacked && self.random.chance(50) {
                continue;
            }
            is_taken &= self.enqueue(&queue, &message);
        }
        if let Some(number) = number {
            self.settle_publish(connection, channel, number, is_taken && !is_nacked);
        }
    }

    /// Puts a message into a queue; tells whether it was taken.
    pub(super) fn enqueue(&mut self, name: &str, message: &Arc<Message>) -> bool {
        let now = Instant::now();
        let Some(queue) = self.queues.get_mut(name) else {
            // a queue that was deleted meanwhile has had it
            self.destroyed.push(Held::of(name, message));
            return true;
        };
        if queue.is_full() {
            if queue.rejects_when_full() {
                return false;
            }
            if let Some(oldest) = queue.pop() {
                self.bury(name, oldest, "maxlen");
            }
        }
        let Some(queue) = self.queues.get_mut(name) else { return true };
        let expires = queue.expiry(message, now);
        queue.ready.push_back(Entry { message: Arc::clone(message), count: 0, redelivered: false, expires });
        self.note("enqueued", [0; 3], name);
        self.watch_expiry(name);
        self.pump(name);
        true
    }

    /// The broker's word on a publish is certain, and leaves with others.
    fn settle_publish(&mut self, id: u64, number: u16, publish: u64, is_ack: bool) {
        let Some(channel) = self.connections.get_mut(&id).and_then(|known| known.channels.get_mut(&number)) else {
            return;
        };
        channel.settled.insert((publish, is_ack));
        if !std::mem::replace(&mut channel.flush_is_planned, true) {
            let wait = self.random.below(self.options.commit + 1);
            self.plan_in(wait, Event::FlushConfirms { connection: id, channel: number });
        }
    }

    pub(super) fn flush_confirms(&mut self, id: u64, number: u16) {
        if let Some(until) = self.confirms_late_until.filter(|until| Instant::now() < *until) {
            self.plan(until, Event::FlushConfirms { connection: id, channel: number });
            return;
        }
        let Some(channel) = self.connections.get_mut(&id).and_then(|known| known.channels.get_mut(&number)) else {
            return;
        };
        channel.flush_is_planned = false;
        let mut words: Vec<(u64, bool)> = std::mem::take(&mut channel.settled).into_iter().collect();
        if Self::is(self.confirms_lost_until) && self.random.chance(50) {
            self.tally.exposed_publishes += words.len() as u64;
            return;
        }
        let mut single = Vec::new();
        let mut frames = Vec::new();
        let style = if self.options.commit == 0 { 0 } else { self.random.below(3) };
        let Some(channel) = self.connections.get_mut(&id).and_then(|known| known.channels.get_mut(&number)) else {
            return;
        };
        channel.confirmed.extend(words.iter().map(|(publish, _)| *publish));
        let before = channel.confirmed_up_to;
        while channel.confirmed.remove(&(channel.confirmed_up_to + 1)) {
            channel.confirmed_up_to += 1;
        }
        let up_to = channel.confirmed_up_to;
        let all_acked = words.iter().all(|(_, is_ack)| *is_ack);
        if style == 1 && up_to > before && all_acked {
            words.retain(|(publish, _)| *publish > up_to);
            frames.push(Frame::Confirm { channel: number, tag: up_to, multiple: true, is_ack: true });
        }
        single.append(&mut words);
        if style == 2 {
            let mut random = self.random.fork();
            shuffle(&mut single, &mut random);
        }
        let single = single.into_iter();
        frames.extend(single.map(|(tag, is_ack)| Frame::Confirm { channel: number, tag, multiple: false, is_ack }));
        for frame in frames {
            self.send_down(id, frame);
        }
    }
}
