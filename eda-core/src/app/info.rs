//! Handlers as tools see them.

use crate::event::EventInfo;
use crate::handler::{HandlerMeta, Interest};
use crate::service::PreparedService;
use crate::topology::Policy;

/// A handler of an [`App`](crate::App), as tools see it.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct HandlerInfo<'a> {
    /// Its service.
    pub service: &'a str,
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

pub(super) fn handlers(services: &[PreparedService]) -> impl Iterator<Item = HandlerInfo<'_>> {
    services.iter().flat_map(|service| {
        service.handlers.iter().map(|handler| HandlerInfo {
            service: &service.name,
            meta: &handler.meta,
            interest: &handler.interest,
            emits: &handler.emits,
            policy: &handler.policy,
            queue: handler.queue(&service.name),
        })
    })
}
