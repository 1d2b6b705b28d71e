//! Services and handlers as tools see them.

use crate::event::EventInfo;
use crate::handler::{HandlerMeta, Interest};
use crate::service::{PreparedHandler, PreparedService};
use crate::topology::Policy;

/// A service of an [`App`](crate::App), as tools see it.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct ServiceInfo<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its handlers, in the order in which they were added.
    pub handlers: Vec<HandlerInfo<'a>>,
    /// What it says to publish outside of handlers.
    pub publishes: &'a [EventInfo],
}

/// A handler of an [`App`](crate::App), as tools see it.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct HandlerInfo<'a> {
    /// Its name, its place in the source, its doc comment, and the options that it sets itself.
    pub meta: &'a HandlerMeta,
    /// Which messages it wants.
    pub interest: &'a Interest,
    /// What it may publish, as its signature lists it: one event can be there more than once.
    pub emits: &'a [EventInfo],
    /// What holds for it: its own options over the service's.
    pub policy: &'a Policy,
    /// The queue that it takes from.
    pub queue: String,
}

impl<'a> ServiceInfo<'a> {
    pub(super) fn new(service: &'a PreparedService) -> Self {
        let handler = |handler: &'a PreparedHandler| HandlerInfo {
            meta: &handler.meta,
            interest: &handler.interest,
            emits: &handler.emits,
            policy: &handler.policy,
            queue: handler.queue(&service.name),
        };
        let handlers = service.handlers.iter().map(handler).collect();
        Self { name: &service.name, handlers, publishes: &service.publishes }
    }
}
