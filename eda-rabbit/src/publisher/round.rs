//! Everything that is ready, at once: what the window needs to be certain (see `window`).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

/// Resolves with the outcomes of all futures that are ready, one at least.
///
/// A set of futures that says "pending" may only be taking a breath after many polls, and wakes itself then. Here it is
/// asked until it says "pending" without a wake: so an outcome that came before one that was seen is always seen, too.
pub(crate) struct Rounds<'a, F>(pub(crate) &'a mut FuturesUnordered<F>);

impl<F: Future> Future for Rounds<'_, F> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let noticed = Arc::new(Noticed { woken: AtomicBool::new(false), waker: context.waker().clone() });
        let waker = Waker::from(Arc::clone(&noticed));
        let mut watching = Context::from_waker(&waker);
        let mut round = Vec::new();
        loop {
            noticed.woken.store(false, Ordering::SeqCst);
            match self.0.poll_next_unpin(&mut watching) {
                Poll::Ready(Some(outcome)) => round.push(outcome),
                Poll::Pending if noticed.woken.load(Ordering::SeqCst) => {}
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        if round.is_empty() { Poll::Pending } else { Poll::Ready(round) }
    }
}

struct Noticed {
    woken: AtomicBool,
    waker: Waker,
}

impl Wake for Noticed {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.waker.wake_by_ref();
    }
}
