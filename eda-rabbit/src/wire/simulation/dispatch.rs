//! From a queue to its consumers and back, or to where dead letters go.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::agenda::Event;
use super::connection::Unacked;
use super::death::{dead_letter, is_cycle};
use super::frames::Frame;
use super::queue::{Entry, IN_HAND};
use super::world::{Counting, World};

/// After how long what could not be dead-lettered is tried again.
const SECOND_TRY: Duration = Duration::from_secs(180);

impl World {
    /// Hands out what waits to who takes more.
    pub(super) fn pump(&mut self, name: &str) {
        let shared: Arc<str> = name.into();
        loop {
            let Some(queue) = self.queues.get_mut(name) else { return };
            if queue.ready_count() == 0 || queue.consumers.is_empty() {
                return;
            }
            let mut taker = None;
            for _ in 0..queue.consumers.len() {
                let Some(place) = queue.consumers.pop_front() else { break };
                let consumer = self
                    .connections
                    .get_mut(&place.connection)
                    .and_then(|known| known.channels.get_mut(&place.channel))
                    .and_then(|channel| channel.consumers.get_mut(&place.tag));
                let takes_more = consumer.is_some_and(|consumer| consumer.open < consumer.prefetch);
                queue.consumers.push_back(place.clone());
                if takes_more {
                    taker = Some(place);
                    break;
                }
            }
            let Some(place) = taker else { return };
            let Some(entry) = queue.pop() else { return };
            queue.unacked += 1;
            let Some(channel) =
                self.connections.get_mut(&place.connection).and_then(|known| known.channels.get_mut(&place.channel))
            else {
                return;
            };
            channel.last_tag += 1;
            let tag = channel.last_tag;
            if let Some(consumer) = channel.consumers.get_mut(&place.tag) {
                consumer.open += 1;
            }
            let frame = Frame::Deliver {
                channel: place.channel,
                consumer: place.tag.clone(),
                tag,
                redelivered: entry.redelivered,
                count: entry.count,
                message: Arc::clone(&entry.message),
            };
            let numbers = [place.connection, place.channel.into(), tag];
            let message = Arc::clone(&entry.message);
            let unacked = Unacked { queue: Arc::clone(&shared), consumer: place.tag, entry, is_settling: false };
            channel.unacked.insert(tag, unacked);
            self.note("deliver", numbers, message.id());
            self.send_down(place.connection, frame);
        }
    }

    /// # Errors
    /// Where there is no such delivery: the channel ends.
    pub(super) fn ack(&mut self, id: u64, number: u16, tag: u64, multiple: bool) -> Result<(), (u16, String)> {
        let wait = self.random.below(self.options.commit + 1);
        let now = Instant::now();
        let Some(channel) = self.connections.get_mut(&id).and_then(|known| known.channels.get_mut(&number)) else {
            return Ok(());
        };
        let is_open = |unacked: &Unacked| !unacked.is_settling;
        if !(channel.unacked.get(&tag).is_some_and(is_open) || (multiple && tag == 0)) {
            return Err(unknown(tag));
        }
        let last = if tag == 0 { u64::MAX } else { tag };
        let first = if multiple { 0 } else { tag };
        let mut tags = Vec::new();
        for (tag, unacked) in channel.unacked.range_mut(first..=last).filter(|(_, unacked)| !unacked.is_settling) {
            unacked.is_settling = true;
            tags.push(*tag);
        }
        let at = channel.last_settle.unwrap_or(now).max(now + Duration::from_millis(wait));
        channel.last_settle = Some(at);
        if at <= now {
            self.settled(id, number, &tags);
        } else {
            self.plan(at, Event::Settled { connection: id, channel: number, tags });
        }
        Ok(())
    }

    /// A queue has written acks down, and hands out more.
    pub(super) fn settled(&mut self, id: u64, number: u16, tags: &[u64]) {
        let mut touched: Vec<Arc<str>> = Vec::new();
        let Some(channel) = self.connections.get_mut(&id).and_then(|known| known.channels.get_mut(&number)) else {
            return;
        };
        for tag in tags {
            let Some(Unacked { queue, consumer, .. }) = channel.unacked.remove(tag) else { continue };
            if let Some(consumer) = channel.consumers.get_mut(&consumer) {
                consumer.open -= 1;
            }
            if let Some(queue) = self.queues.get_mut(&*queue) {
                queue.unacked = queue.unacked.saturating_sub(1);
            }
            if !touched.contains(&queue) {
                touched.push(queue);
            }
        }
        for queue in touched {
            self.pump(&queue);
        }
    }

    /// # Errors
    /// Where there is no such delivery: the channel ends.
    pub(super) fn requeue(&mut self, id: u64, number: u16, tag: u64) -> Result<(), (u16, String)> {
        let Some(channel) = self.connections.get_mut(&id).and_then(|known| known.channels.get_mut(&number)) else {
            return Ok(());
        };
        if channel.unacked.get(&tag).is_none_or(|unacked| unacked.is_settling) {
            return Err(unknown(tag));
        }
        let Some(Unacked { queue, consumer, entry, .. }) = channel.unacked.remove(&tag) else { return Ok(()) };
        if let Some(consumer) = channel.consumers.get_mut(&consumer) {
            consumer.open -= 1;
        }
        let counts = self.options.counting == Counting::EveryReturn;
        self.put_back(&queue, entry, counts);
        self.pump(&queue);
        Ok(())
    }

    /// A delivery comes back to its queue, in front of what was never out.
    pub(super) fn put_back(&mut self, name: &str, mut entry: Entry, counts: bool) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        queue.unacked = queue.unacked.saturating_sub(1);
        entry.redelivered = true;
        entry.count += u64::from(counts);
        if queue.delivery_limit().is_some_and(|limit| entry.count > limit) {
            self.tally.over_the_limit += 1;
            self.bury(name, entry, "delivery_limit");
        } else {
            queue.returned.push_front(entry);
        }
    }

    /// A message leaves its queue for where dead letters go.
    pub(super) fn bury(&mut self, name: &str, entry: Entry, reason: &'static str) {
        self.note("dead", [0; 3], reason);
        let Some(queue) = self.queues.get_mut(name) else { return };
        if queue.dead_letters_at_least_once() {
            queue.dying.push_back((entry, reason));
            self.bury_what_waits(name);
        } else if !self.is_buried(name, &entry, reason) {
            // at most once: nobody is told
            self.tally.dropped += 1;
        }
    }

    fn bury_what_waits(&mut self, name: &str) {
        while let Some(queue) = self.queues.get_mut(name).filter(|queue| queue.held.len() < IN_HAND) {
            let Some((entry, reason)) = queue.dying.pop_front() else { break };
            if !self.is_buried(name, &entry, reason)
                && let Some(queue) = self.queues.get_mut(name)
            {
                queue.held.push((entry, reason));
            }
        }
        let Some(queue) = self.queues.get_mut(name) else { return };
        if !queue.held.is_empty() && !std::mem::replace(&mut queue.second_try_is_planned, true) {
            self.plan(Instant::now() + SECOND_TRY, Event::BuryAgain(name.to_owned()));
        }
    }

    pub(super) fn bury_again(&mut self, name: &str) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        queue.second_try_is_planned = false;
        let held = std::mem::take(&mut queue.held);
        for again in held.into_iter().rev() {
            queue.dying.push_front(again);
        }
        self.bury_what_waits(name);
    }

    /// Whether a dead letter has found its place.
    fn is_buried(&mut self, name: &str, entry: &Entry, reason: &'static str) -> bool {
        let Some(queue) = self.queues.get(name) else { return true };
        let Some(exchange) = queue.dead_letter_exchange() else { return false };
        let seconds = self.began.elapsed().as_secs();
        let letter = dead_letter(&entry.message, name, reason, exchange, queue.dead_letter_key(), seconds);
        let targets = self.route(exchange, &letter.routing_key).unwrap_or_default();
        let letter = Arc::new(letter);
        let mut is_buried = !targets.is_empty();
        for target in targets {
            if !is_cycle(&letter, &target) {
                is_buried &= self.enqueue(&target, &letter);
            }
        }
        is_buried
    }

    /// Lets what has expired leave a queue; only its head does.
    pub(super) fn expire(&mut self, name: &str) {
        let now = Instant::now();
        if let Some(queue) = self.queues.get_mut(name) {
            queue.expiry_is_planned = false;
        }
        while let Some(queue) = self.queues.get_mut(name) {
            if queue.head().and_then(|head| head.expires).is_none_or(|expires| expires > now) {
                break;
            }
            let Some(entry) = queue.pop() else { break };
            self.bury(name, entry, "expired");
        }
        self.watch_expiry(name);
    }

    pub(super) fn watch_expiry(&mut self, name: &str) {
        let Some(queue) = self.queues.get_mut(name).filter(|queue| !queue.expiry_is_planned) else { return };
        if let Some(expires) = queue.head().and_then(|head| head.expires) {
            queue.expiry_is_planned = true;
            self.plan(expires, Event::Expire(name.to_owned()));
        }
    }
}

fn unknown(tag: u64) -> (u16, String) {
    (406, format!("PRECONDITION_FAILED - unknown delivery tag {tag}"))
}
