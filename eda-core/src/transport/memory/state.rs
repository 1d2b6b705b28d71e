//! All queues and bindings of a memory broker, behind one short lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Unrouted;
use super::queue::Queue;
use super::routing::Pattern;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::topology::Topology;
use crate::transport::limits;

const UNROUTED_LIMIT: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
}

/// Queues are never removed, so their index stays.
#[derive(Debug, Default)]
pub(super) struct State {
    queues: Vec<Slot>,
    names: BTreeMap<String, usize>,
    bindings: Vec<(Pattern, usize)>,
    routes: BTreeMap<String, Vec<usize>>,
    pub(super) unrouted: VecDeque<Message>,
    pub(super) unrouted_policy: Unrouted,
    pub(super) is_closed: bool,
    generations: u64,
}

#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) queue: Queue,
    /// Woken when something becomes ready, a place in a prefetch becomes free, or the broker closes.
    pub(super) changed: std::sync::Arc<Notify>,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        for slot in &state.queues {
            slot.changed.notify_waiters();
        }
    }
}

impl State {
    pub(super) fn declare(&mut self, topology: &Topology) -> Result {
        self.check_open()?;
        for subscription in &topology.subscriptions {
            let name = &subscription.queue;
            limits::short_text("queue name", name)?;
            if !subscription.declare {
                if !self.names.contains_key(name) {
                    let text = format!(
                        "there is no queue `{name}`, and the handler has `declare = false`: declare it, or leave that out"
                    );
                    return Err(Error::new(ErrorKind::NotFound, text));
                }
                continue;
            }
            if name.starts_with("amq.") {
                return Err(Error::new(
                    ErrorKind::AccessRefused,
                    format!("`{name}` begins with `amq.`, which is reserved"),
                ));
            }
            let index = self.queue_or_insert(name);
            for binding in &subscription.bindings {
                limits::short_text("binding", binding)?;
                let binding = (Pattern::new(binding), index);
                if !self.bindings.contains(&binding) {
                    self.bindings.push(binding);
                    self.routes.clear();
                }
            }
        }
        Ok(())
    }

    /// The broker's word, or that it is closed.
    pub(super) fn publish(&mut self, message: Message) -> Result<Result> {
        self.check_open()?;
        let routes = self.route(&message.routing_key);
        let Some((last, others)) = routes.split_last() else { return Ok(self.park(message)) };
        for index in others {
            self.push(*index, message.clone());
        }
        self.push(*last, message);
        Ok(Ok(()))
    }

    pub(super) fn send_to_queue(&mut self, queue: &str, message: Message) -> Result {
        self.check_open()?;
        let Some(index) = self.names.get(queue).copied() else {
            return Err(Error::new(ErrorKind::Unroutable, format!("there is no queue `{queue}`")));
        };
        self.push(index, message);
        Ok(())
    }

    pub(super) fn queue_or_insert(&mut self, name: &str) -> usize {
        if let Some(index) = self.names.get(name) {
            return *index;
        }
        let index = self.queues.len();
        self.queues.push(Slot::default());
        self.names.insert(name.to_owned(), index);
        index
    }

    pub(super) fn index_of(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(super) fn slot(&mut self, index: usize) -> &mut Slot {
        &mut self.queues[index]
    }

    pub(super) fn queue(&self, name: &str) -> Option<&Queue> {
        self.names.get(name).map(|index| &self.queues[*index].queue)
    }

    pub(super) fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.queues.iter().map(|slot| &slot.queue)
    }

    pub(super) fn next_generation(&mut self) -> u64 {
        self.generations += 1;
        self.generations
    }

    pub(super) fn check_open(&self) -> Result {
        if self.is_closed { Err(Error::new(ErrorKind::Closed, "the memory broker was closed")) } else { Ok(()) }
    }

    fn push(&mut self, index: usize, message: Message) {
        let slot = &mut self.queues[index];
        slot.queue.push(message, 1);
        slot.changed.notify_waiters();
    }

    /// Remembered for each routing key, until a binding is added. Keys may vary without end, so the memory is bounded.
    fn route(&mut self, routing_key: &str) -> Vec<usize> {
        const REMEMBERED: usize = 1024;
        if let Some(known) = self.routes.get(routing_key) {
            return known.clone();
        }
        let matching = self.bindings.iter().filter(|(pattern, _)| pattern.matches(routing_key));
        let mut found: Vec<_> = matching.map(|(_, index)| *index).collect();
        found.sort_unstable();
        found.dedup();
        if self.routes.len() >= REMEMBERED {
            self.routes.clear();
        }
        self.routes.insert(routing_key.to_owned(), found.clone());
        found
    }

    fn park(&mut self, message: Message) -> Result {
        if self.unrouted_policy == Unrouted::Reject {
            let text = format!(
                "no queue is bound for the routing key `{}`: start a service that handles it",
                message.routing_key
            );
            return Err(Error::new(ErrorKind::Unroutable, text));
        }
        if self.unrouted.len() == UNROUTED_LIMIT {
            self.unrouted.pop_front();
        }
        self.unrouted.push_back(message);
        Ok(())
    }
}
