//! Services become queues: which handlers share one, what it is bound to, and what stands in the way.

use std::sync::Arc;

use crate::app::check;
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventInfo;
use crate::service::{PreparedHandler, PreparedService, Redact};
use crate::telemetry::Traces;
use crate::topology::{Subscription, Topology};

/// What the runtime starts.
pub(crate) struct Plan {
    pub(crate) topology: Topology,
    pub(crate) queues: Vec<QueuePlan>,
}

/// One queue and the handlers that take from it.
pub(crate) struct QueuePlan {
    pub(crate) subscription: Subscription,
    pub(crate) service: Arc<str>,
    pub(crate) handlers: Vec<PreparedHandler>,
    pub(crate) redact: Option<Redact>,
    pub(crate) traces: Traces,
}

pub(crate) fn plan(services: &[PreparedService]) -> Result<Plan> {
    let mut problems = check::services(services);
    let mut queues: Vec<QueuePlan> = Vec::new();
    for service in services {
        for handler in &service.handlers {
            let name = handler.queue(&service.name);
            match queues.iter_mut().find(|queue| queue.subscription.queue == name) {
                Some(queue) => queue.join(&service.name, handler, &mut problems),
                None => queues.push(QueuePlan::new(service, name, handler)),
            }
        }
    }
    problems.extend(queues.iter().filter_map(check::queue));
    if !problems.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, check::report(&problems)));
    }
    let mut emits: Vec<EventInfo> = Vec::new();
    for event in services.iter().flat_map(|service| &service.handlers).flat_map(|handler| &handler.emits) {
        if !emits.contains(event) {
            emits.push(*event);
        }
    }
    let subscriptions = queues.iter().map(|queue| queue.subscription.clone()).collect();
    Ok(Plan { topology: Topology { subscriptions, emits, journal: false }, queues })
}

impl QueuePlan {
    fn new(service: &PreparedService, queue: String, handler: &PreparedHandler) -> Self {
        let (name, redact) = (&service.name, service.redact.clone());
        let subscription = Subscription {
            service: name.clone(),
            queue,
            declare: handler.meta.declare,
            bindings: bindings(handler),
            policy: handler.policy.clone(),
        };
        Self {
            subscription,
            service: name.as_str().into(),
            handlers: vec![handler.clone()],
            redact,
            traces: service.traces,
        }
    }

    fn join(&mut self, service: &str, handler: &PreparedHandler, problems: &mut Vec<String>) {
        problems.extend(check::join(self, service, handler));
        for binding in bindings(handler) {
            if !self.subscription.bindings.contains(&binding) {
                self.subscription.bindings.push(binding);
            }
        }
        self.handlers.push(handler.clone());
    }
}

/// A foreign queue is bound by whoever declares it.
fn bindings(handler: &PreparedHandler) -> Vec<String> {
    if handler.meta.declare {
        vec![handler.meta.pattern.unwrap_or(handler.interest.binding).to_owned()]
    } else {
        Vec::new()
    }
}
