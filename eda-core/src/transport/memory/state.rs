//! All queues and bindings of a memory broker, behind one short lock, and each queue behind one of its own.
//!
//! Whoever takes both takes this one first. Settling takes the queue's only, so that consumers and publishers meet no
//! longer than they must. While this one is held nothing is published: then queues can be looked at one after the other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::keep::Shelf;
use super::queue::{Owner, Queue};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::topology::{Pattern, Subscription, Topology};
use crate::transport::{Unrouted, limits};

#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Told whenever a queue has nothing left that is ready or unsettled, and when the broker closes.
    pub(super) idle: Notify,
}

/// Queues are never removed, so their index stays.
#[derive(Debug, Default)]
pub(super) struct State {
    queues: Vec<Arc<Locked>>,
    names: BTreeMap<String, usize>,
    bindings: Vec<(Pattern, usize)>,
    routes: BTreeMap<String, Arc<[usize]>>,
    pub(super) unrouted: Shelf<Arc<Message>>,
    pub(super) unrouted_policy: Unrouted,
    pub(super) is_closed: bool,
    generations: u64,
}

/// A queue, for one at a time.
#[derive(Debug)]
pub(super) struct Locked(Mutex<Queue>);

impl Locked {
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.queues.iter().for_each(|queue| queue.queue().close_all("the broker was closed"));
        self.idle.notify_waiters();
    }
}

impl State {
    /// Like a broker, it declares one after the other, and stops at the first that it can't.
    pub(super) fn declare(&mut self, topology: &Topology) -> Result {
        self.check_open()?;
        topology.subscriptions.iter().try_for_each(limits::check_subscription)?;
        for subscription in &topology.subscriptions {
            let queue = self.claim(subscription)?;
            if !subscription.declare {
                continue;
            }
            for binding in &subscription.bindings {
                let binding = (Pattern::new(binding), queue);
                if !self.bindings.contains(&binding) {
                    self.bindings.push(binding);
                    self.routes.clear();
                }
            }
        }
        Ok(())
    }

    fn claim(&mut self, subscription: &Subscription) -> Result<usize> {
        let name = &subscription.queue;
        match self.index_of(name) {
            Some(index) if subscription.declare && self.queues[index].queue().owner() == Owner::Foreign => {
                let text = format!(
                    "the queue `{name}` was declared by someone else, with other properties: set `declare = false`, or \
                     take another name"
                );
                Err(Error::new(ErrorKind::Conflict, text))
            }
            Some(index) => Ok(index),
            None if subscription.declare => Ok(self.queue_or_insert(name, Owner::Us)),
            None => {
                let text = format!(
                    "there is no queue `{name}`, and the handler has `declare = false`: declare it, or leave that out"
                );
                Err(Error::new(ErrorKind::NotFound, text))
            }
        }
    }

    /// The broker's word, or that it is closed.
    pub(super) fn publish(&mut self, message: &Arc<Message>) -> Result<Result> {
        self.check_open()?;
        let routes = self.route(&message.routing_key);
        if routes.is_empty() {
            return Ok(self.park(message));
        }
        for index in &*routes {
            self.queues[*index].queue().push(Arc::clone(message));
        }
        Ok(Ok(()))
    }

    pub(super) fn is_routable(&mut self, routing_key: &str) -> bool {
        !self.route(routing_key).is_empty()
    }

    pub(super) fn send_to_queue(&mut self, queue: &str, message: Message) -> Result {
        self.check_open()?;
        let Some(index) = self.index_of(queue) else {
            return Err(Error::new(ErrorKind::Unroutable, format!("there is no queue `{queue}`")));
        };
        self.queues[index].queue().push(Arc::new(message));
        Ok(())
    }

    pub(super) fn queue_or_insert(&mut self, name: &str, owner: Owner) -> usize {
        if let Some(index) = self.names.get(name) {
            return *index;
        }
        let index = self.queues.len();
        self.queues.push(Arc::new(Locked(Mutex::new(Queue::new(owner)))));
        self.names.insert(name.to_owned(), index);
        index
    }

    pub(super) fn index_of(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(super) fn queue(&self, name: &str) -> Option<&Arc<Locked>> {
        self.names.get(name).map(|index| &self.queues[*index])
    }

    pub(super) fn queues(&self) -> impl Iterator<Item = &Arc<Locked>> {
        self.queues.iter()
    }

    pub(super) fn next_generation(&mut self) -> u64 {
        self.generations += 1;
        self.generations
    }

    pub(super) fn check_open(&self) -> Result {
        if self.is_closed { Err(Error::new(ErrorKind::Closed, "the memory broker was closed")) } else { Ok(()) }
    }

    /// Remembered for each routing key, until a binding is added. Keys may vary without end, so the memory is bounded.
    fn route(&mut self, routing_key: &str) -> Arc<[usize]> {
        const REMEMBERED: usize = 1024;
        if let Some(known) = self.routes.get(routing_key) {
            return Arc::clone(known);
        }
        let matching = self.bindings.iter().filter(|(pattern, _)| pattern.matches(routing_key));
        let mut found: Vec<_> = matching.map(|(_, index)| *index).collect();
        found.sort_unstable();
        found.dedup();
        let found: Arc<[usize]> = found.into();
        if self.routes.len() >= REMEMBERED {
            self.routes.clear();
        }
        self.routes.insert(routing_key.to_owned(), Arc::clone(&found));
        found
    }

    fn park(&mut self, message: &Arc<Message>) -> Result {
        if self.unrouted_policy == Unrouted::Reject {
            let text = format!(
                "no queue is bound for the routing key `{}`: start a service that handles it",
                message.routing_key
            );
            return Err(Error::new(ErrorKind::Unroutable, text));
        }
        if self.unrouted.len() == limits::UNROUTED_LIMIT {
            self.unrouted.drop_oldest();
        }
        self.unrouted.push(Arc::clone(message));
        Ok(())
    }
}
