//! What a worker keeps from one delivery to the next, so that none of it is made for each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tracing::error;

use crate::context::Call;
use crate::failure::Failure;
use crate::handler::Slot;
use crate::message::Message;
use crate::middleware::Emitted;
use crate::service::PreparedHandler;
use crate::transport::{Delivery, Publish};

use super::failed::panicked;

#[derive(Default)]
pub(super) struct Desk {
    /// One for each handler of the queue that was called before.
    slots: Vec<Option<Box<dyn Slot>>>,
    call: Option<Call>,
    /// In place of a message that is not kept.
    nothing: Arc<Message>,
    /// When a handler's last poll ended, while nothing else has run on this thread since.
    now: Option<Instant>,
}

/// A handler's call that is under way. Dropped, what is left of it is dropped, too.
pub(super) struct UnderWay<'a> {
    slot: &'a mut dyn Slot,
    begin: Option<Call>,
    now: &'a mut Option<Instant>,
}

impl Desk {
    /// Prepares the call of the queue's handler number `index`.
    pub(super) fn call(
        &mut self,
        (index, handler): (usize, &PreparedHandler),
        message: &Arc<Message>,
        delivery: &Delivery,
        service: &Arc<str>,
        publish: &Arc<dyn Publish>,
    ) -> UnderWay<'_> {
        let (name, attempt, redelivered) = (handler.meta.name, delivery.attempt(), delivery.redelivered());
        let renewed = self.call.as_mut().is_some_and(|call| call.renew(message, name, attempt, redelivered));
        if !renewed {
            let (message, service, publish) = (Arc::clone(message), Arc::clone(service), Arc::clone(publish));
            self.call = Some(Call::new(message, service, name, attempt, redelivered, publish));
        }
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        let slot = self.slots[index].get_or_insert_with(|| (handler.bound)());
        UnderWay { slot: &mut **slot, begin: self.call.clone(), now: &mut self.now }
    }

    /// Lets go of the last message, which may be large.
    pub(super) fn clear(&mut self) {
        if self.call.as_mut().is_some_and(|call| !call.let_go(&self.nothing)) {
            // whoever keeps a clone has it for himself
            self.call = None;
        }
    }

    /// Something else has run on this thread since the last poll of a handler.
    pub(super) fn forget_time(&mut self) {
        self.now = None;
    }
}

impl UnderWay<'_> {
    /// Goes on with it, and tells how long that took by the machine's clock: what blocks a thread stops the runtime's.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> (Poll<Result<Emitted, Failure>>, Duration) {
        let began = self.now.take().unwrap_or_else(Instant::now);
        let polled = catch_unwind(AssertUnwindSafe(|| self.slot.poll(&mut self.begin, context)))
            .unwrap_or_else(|panic| Poll::Ready(Err(panicked(&*panic))));
        let ended = Instant::now();
        if polled.is_ready() {
            *self.now = Some(ended);
        }
        (polled.map_ok(Emitted), ended.saturating_duration_since(began))
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        // what has become of the call stands, whatever its remains do
        if catch_unwind(AssertUnwindSafe(|| self.slot.clear())).is_err() {
            error!("what a handler left behind panicked when it was dropped");
        }
    }
}
