//! The place in which a worker calls a handler: one call after the other, in memory that is taken once.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::context::Call;
use crate::failure::Failure;
use crate::message::Message;

/// One call at a time of one handler.
pub(crate) trait Slot: Send {
    /// Goes on with the call, which `begin` starts: user code runs here and nowhere else.
    fn poll(&mut self, begin: &mut Option<Call>, context: &mut Context<'_>) -> Poll<Result<Vec<Message>, Failure>>;

    /// Drops what is left of a call that did not end.
    fn clear(&mut self);
}

pub(crate) struct Kept<M, F> {
    make: M,
    future: Pin<Box<Option<F>>>,
}

impl<M, F> Kept<M, F>
where
    M: Fn(Call) -> F + Send + 'static,
    F: Future<Output = Result<Vec<Message>, Failure>> + Send + 'static,
{
    pub(crate) fn boxed(make: M) -> Box<dyn Slot> {
        Box::new(Self { make, future: Box::pin(None) })
    }
}

impl<M, F> Slot for Kept<M, F>
where
    M: Fn(Call) -> F + Send,
    F: Future<Output = Result<Vec<Message>, Failure>> + Send,
{
    fn poll(&mut self, begin: &mut Option<Call>, context: &mut Context<'_>) -> Poll<Result<Vec<Message>, Failure>> {
        if let Some(call) = begin.take() {
            let future = (self.make)(call);
            self.future.set(Some(future));
        }
        // nobody polls what has ended
        let Some(future) = self.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let polled = future.poll(context);
        if polled.is_ready() {
            self.future.set(None);
        }
        polled
    }

    fn clear(&mut self) {
        self.future.set(None);
    }
}
