//! The path of one delivery: identify, call, publish what was returned, settle.

use std::ptr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tracing::{debug, error, warn};

use crate::app::QueuePlan;
use crate::envelope;
use crate::error::ErrorKind;
use crate::failure::Failure;
use crate::journal::{Ending, Journal};
use crate::message::Message;
use crate::middleware::Emitted;
use crate::mutant;
use crate::retry::{NextStep, next_step};
use crate::service::{PreparedHandler, Redact};
use crate::telemetry::{Attempt, Places};
use crate::topology::Policy;
use crate::transport::{Delivery, FailureRecord, Publish, Reason, limits};

use super::complete::complete;
use super::desk::Desk;
use super::failed::detail;
use super::identify::identify;
use super::poll::{Told, watched};

/// All that is needed to handle the deliveries of one queue.
pub(super) struct Processor {
    service: Arc<str>,
    policy: Policy,
    handlers: Vec<PreparedHandler>,
    redact: Option<Redact>,
    publish: Arc<dyn Publish>,
    told: Told,
    places: Places,
}

/// A delivery whose handler has returned, if there was one.
pub(super) struct Handled<'a> {
    delivery: Delivery,
    message: Arc<Message>,
    attempt: Attempt<'a>,
    outcome: Result<Emitted, Failure>,
}

impl Processor {
    pub(super) fn new(plan: QueuePlan, publish: Arc<dyn Publish>, journal: Option<&Arc<dyn Journal>>) -> Self {
        let QueuePlan { subscription, service, handlers, redact, traces } = plan;
        let places = handlers.iter().map(|handler| {
            let event = handler.interest.name.or(handler.meta.pattern).unwrap_or(handler.interest.binding);
            (format!("{service}.{}", handler.meta.name), event)
        });
        let places = Places::new(publish.destination().system, subscription.queue, traces, places);
        let places = places.journaled(journal, &service);
        Self { service, policy: subscription.policy, handlers, redact, publish, told: Told::default(), places }
    }

    /// Has a delivery handled. Cancelled, it is given back.
    pub(super) async fn handle(&self, delivery: Delivery, desk: &mut Desk) -> Handled<'_> {
        let number = delivery.attempt();
        let message = match readable(delivery.message()) {
            Ok(message) => message,
            Err(failure) => {
                let message = Arc::clone(delivery.message());
                let attempt = self.places.begin(None, &message, number);
                return Handled { delivery, message, attempt, outcome: Err(failure) };
            }
        };
        let handler = match identify(&message, &self.handlers) {
            Ok(handler) => handler,
            Err(failure) => {
                let attempt = self.places.begin(None, &message, number);
                return Handled { delivery, message, attempt, outcome: Err(failure) };
            }
        };
        let index = self.handlers.iter().position(|known| ptr::eq(known, handler)).unwrap_or_default();
        let attempt = self.places.begin(Some(index), &message, number);
        if mutant::is_without("handle-before-ack") {
            delivery.ack_unhandled();
        }
        let call = desk.call((index, handler), &message, &delivery, &self.service, &self.publish);
        let blocked = |took| self.tell_blocked(handler, &message, &attempt, took);
        let outcome = attempt.within(watched(call, self.policy.timeout, blocked)).await;
        attempt.returned(outcome.as_ref().err().map(Failure::reason));
        desk.clear();
        Handled { delivery, message, attempt, outcome }
    }

    /// Publishes what was returned and acks, or settles the failure. Cancelled, the delivery is given back.
    pub(super) async fn finish(&self, handled: Handled<'_>) {
        let Handled { delivery, message, attempt, outcome } = handled;
        let completed = match outcome {
            Ok(emitted) => {
                if mutant::is_without("returned-before-ack") {
                    delivery.ack_unhandled();
                }
                attempt.within(complete(emitted, &*self.publish)).await
            }
            Err(failure) => Err(failure),
        };
        match completed {
            Ok(()) => done(delivery, &message, attempt),
            // rare, and large: who waits for a confirm is not to hold room for it
            Err(failure) => Box::pin(self.settle(delivery, &message, attempt, &failure)).await,
        }
    }

    fn tell_blocked(&self, handler: &PreparedHandler, message: &Message, attempt: &Attempt<'_>, took: Duration) {
        attempt.blocked();
        if self.told.is_due(handler.meta.name) {
            let (event, id) = (message.name.as_deref().unwrap_or(&message.routing_key), message.id_or_dash());
            let (handler, took) = (attempt.place(), format!("{}ms", took.as_millis()));
            warn!(handler, event, %id, took, "a handler blocked its thread, and all else that runs there: await what takes time, or use `spawn_blocking`");
        }
    }

    /// `message` is the delivery's, as the handler saw it.
    async fn settle(&self, delivery: Delivery, message: &Message, tried: Attempt<'_>, failure: &Failure) {
        let record = FailureRecord {
            reason: failure.reason(),
            detail: detail(failure, self.redact.as_ref()),
            handler: tried.place().to_owned(),
            attempt: delivery.attempt(),
            failed_at: SystemTime::now(),
        };
        let (event, id) = (message.name.as_deref().unwrap_or(&message.routing_key), message.id_or_dash());
        let (key, correlation_id) = (message.partition_key.as_deref(), message.correlation_id.as_deref());
        let FailureRecord { reason, detail, handler, attempt, .. } = &record;
        let step = next_step(&self.policy, *reason, *attempt);
        let settled = match step {
            NextStep::Retry(after) => {
                let next = format!("retry in {}", humantime::format_duration(after));
                warn!(event, %id, key, correlation_id, handler, attempt, next, %reason, error = detail, "attempt failed");
                delivery.retry(after, &record).await
            }
            NextStep::DeadLetter => {
                error!(event, %id, key, correlation_id, handler, attempt, next = "dead letter", %reason, error = detail, "delivery failed for good");
                delivery.dead_letter(&record).await
            }
        };
        match (&settled, step) {
            (Ok(()), NextStep::Retry(after)) => {
                tried.note(message, *attempt, Ending::Retry { after, reason: *reason, error: detail });
            }
            (Ok(()), NextStep::DeadLetter) => {
                tried.note(message, *attempt, Ending::DeadLetter { reason: *reason, error: detail });
            }
            (Err(error), _) => {
                tried.note(message, *attempt, Ending::GivenBack { reason: *reason, error: detail });
                warn!(event, %id, handler, %error, "the failed delivery could not be moved; it was given back and comes again");
            }
        }
        tried.failed(*reason, detail, settled.is_ok().then_some(step));
    }
}

impl Handled<'_> {
    /// Acks what leaves nothing to wait for; gives back the rest, which is to be [finished](Processor::finish).
    pub(super) fn ack(self) -> Option<Self> {
        match self.outcome {
            Ok(ref emitted) if emitted.0.is_empty() => {
                done(self.delivery, &self.message, self.attempt);
                None
            }
            _ => Some(self),
        }
    }
}

fn done(delivery: Delivery, message: &Message, tried: Attempt<'_>) {
    let event = message.name.as_deref().unwrap_or(&message.routing_key);
    let (key, attempt) = (message.partition_key.as_deref(), delivery.attempt());
    // the id is made text only where somebody reads it
    debug!(event, id = %message.id_or_dash(), key, handler = tried.place(), attempt, "handled");
    delivery.ack();
    tried.note(message, attempt, Ending::Handled);
    tried.done(message.time);
}

/// The message with its attributes out of a structured body; most messages have none and stay as they are.
pub(super) fn readable(message: &Arc<Message>) -> Result<Arc<Message>, Failure> {
    let too_large = |error| Failure::because(Reason::TooLarge, error);
    limits::check_size(message).map_err(too_large)?;
    if !envelope::is_structured(message) {
        return Ok(Arc::clone(message));
    }
    let mut unfolded = Message::clone(message);
    envelope::unfold(&mut unfolded).map_err(|error| match error.kind() {
        ErrorKind::TooLarge => too_large(error),
        _ => Failure::because(Reason::Undecodable, error),
    })?;
    // what stood in the body are headers now
    limits::check_size(&unfolded).map_err(too_large)?;
    Ok(Arc::new(unfolded))
}
