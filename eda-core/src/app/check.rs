//! What stands in the way of starting: every problem at once, each with what to do.

use crate::app::plan::QueuePlan;
use crate::event::is_valid_name;
use crate::service::{PreparedHandler, PreparedService};
use crate::transport::limits;

/// Leaves room for `.dead` within what AMQP allows.
const QUEUE_LIMIT: usize = limits::SHORT_TEXT_LIMIT - ".dead".len();
/// What RabbitMQ and this framework keep for themselves.
const RESERVED: [&str; 2] = ["amq.", "eda."];

pub(super) fn report(problems: &[String]) -> String {
    let mut report = match problems.len() {
        1 => "the app can't start:".to_owned(),
        count => format!("the app can't start, for {count} reasons:"),
    };
    for problem in problems {
        report.push_str("\n  - ");
        report.push_str(problem);
    }
    report
}

pub(super) fn services(services: &[PreparedService]) -> Vec<String> {
    let mut problems = Vec::new();
    if services.is_empty() {
        problems.push("it has no service: add one with `.service(…)`".to_owned());
    }
    for (index, service) in services.iter().enumerate() {
        let name = &service.name;
        if !is_valid_name(name) {
            problems.push(format!(
                "`{name}` is no name for a service: use `a-z`, `0-9`, `.`, `_` and `-`, up to 200 bytes, no empty segment"
            ));
        }
        if services[..index].iter().any(|earlier| earlier.name == *name) {
            problems.push(format!("two services are named `{name}`: their queues would be shared; rename one"));
        }
        if service.handlers.is_empty() && service.publishes.is_empty() {
            problems.push(format!(
                "service `{name}` has no handler: add one with `.handler::<…>()` or `.on(…)`, or say what it publishes \
                 with `.publishes::<…>()`"
            ));
        }
        problems.extend(service.handlers.iter().filter_map(|handler| misnamed_event(name, handler)));
        problems.extend(service.handlers.iter().filter_map(|handler| misplaced_option(name, handler)));
    }
    problems
}

pub(super) fn queue(plan: &QueuePlan) -> Option<String> {
    let subscription = &plan.subscription;
    let queue = &subscription.queue;
    let handler = plan.handlers.first().map(|handler| place(&subscription.service, handler))?;
    if !is_valid_name(&subscription.service) && queue.starts_with(&*subscription.service) {
        // told of the service already
        return None;
    }
    if subscription.declare && (!is_valid_name(queue) || RESERVED.iter().any(|prefix| queue.starts_with(prefix))) {
        return Some(format!(
            "`{queue}` is no name for a queue of {handler}: use `a-z`, `0-9`, `.`, `_` and `-`, up to 200 bytes, not \
             beginning with `amq.` or `eda.`"
        ));
    }
    if queue.is_empty() || queue.len() > QUEUE_LIMIT {
        return Some(format!("`{queue}` is no name for a queue of {handler}: expected 1 to {QUEUE_LIMIT} bytes"));
    }
    let policy = &subscription.policy;
    if policy.concurrency == 0 || policy.prefetch == Some(0) || policy.timeout.is_zero() {
        return Some(format!("{handler} could never run: concurrency, prefetch and timeout must be greater than 0"));
    }
    let too_long = policy.backoff.waits(policy.retries).find_map(|wait| limits::check_delay(wait).err());
    too_long.map(|error| format!("{handler}: {error}"))
}

pub(super) fn join(plan: &QueuePlan, service: &str, handler: &PreparedHandler) -> Option<String> {
    let queue = &plan.subscription.queue;
    let first = plan.handlers.first()?;
    let (this, that) = (place(service, handler), place(&plan.subscription.service, first));
    if *plan.service != *service {
        return Some(format!(
            "{this} and {that} take from one queue, `{queue}`, for two services: give one another `queue`"
        ));
    }
    if let Some(same) = plan.handlers.iter().find(|other| overlaps(other, handler)) {
        let event = handler.interest.name.unwrap_or("every event");
        let that = place(service, same);
        return Some(if same.meta.queue.is_none() && handler.meta.queue.is_none() {
            format!("{this} and {that} have one name: give one another with `name = \"…\"`")
        } else {
            format!("{this} and {that} both take `{event}` from queue `{queue}`: give one a queue of its own")
        });
    }
    if first.policy != handler.policy || first.meta.declare != handler.meta.declare {
        return Some(format!(
            "{this} and {that} share queue `{queue}` with different options: make `retries`, `backoff`, `timeout`, \
             `concurrency`, `prefetch` and `declare` equal, or give one a queue of its own"
        ));
    }
    None
}

fn overlaps(one: &PreparedHandler, other: &PreparedHandler) -> bool {
    let names = |handler: &PreparedHandler| -> Option<Vec<&'static str>> {
        handler.interest.name.map(|name| handler.interest.accept.iter().copied().chain([name]).collect())
    };
    match (names(one), names(other)) {
        (Some(one), Some(other)) => one.iter().any(|name| other.contains(name)),
        // one that takes every event leaves none to the other
        _ => true,
    }
}

fn misnamed_event(service: &str, handler: &PreparedHandler) -> Option<String> {
    let events = handler.interest.name.into_iter().chain(handler.emits.iter().map(|event| event.name));
    let bad = events.into_iter().find(|name| !is_valid_name(name))?;
    let handler = place(service, handler);
    Some(format!(
        "`{bad}`, of {handler}, is no name for an event: use `a-z`, `0-9`, `.`, `_` and `-`, no empty segment"
    ))
}

fn misplaced_option(service: &str, handler: &PreparedHandler) -> Option<String> {
    let this = place(service, handler);
    if handler.meta.pattern.is_some() && handler.interest.name.is_some() {
        return Some(format!(
            "{this} has a `pattern` and takes a typed event: take `AnyEvent`, or leave the pattern out"
        ));
    }
    if !handler.meta.declare && handler.meta.queue.is_none() {
        return Some(format!("{this} has `declare = false` and names no queue: add `queue = \"…\"`"));
    }
    None
}

fn place(service: &str, handler: &PreparedHandler) -> String {
    let location = handler.meta.location;
    format!("handler `{service}.{}` ({}:{})", handler.meta.name, location.file(), location.line())
}
