//! Messages on their way: handed to the client, written by it, and waiting for the broker's word.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use eda_core::Result;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::wire::{BoxFuture, Confirm, Word};

/// Messages on their way, by their numbers.
#[derive(Default)]
pub(super) struct Flights {
    /// Not known to be written. One channel writes them in their order.
    writing: VecDeque<(u64, BoxFuture<Result<Confirm>>)>,
    flying: FuturesUnordered<Flight>,
    failed: Vec<(u64, Result<Word>)>,
}

impl Flights {
    /// Hands a message to the client, now. Of a burst only the last one wakes anybody when it is written.
    pub(super) fn begin(&mut self, number: u64, mut publishing: BoxFuture<Result<Confirm>>) {
        match publishing.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(written) => self.written(number, written),
            Poll::Pending => self.writing.push_back((number, publishing)),
        }
    }

    /// The words that are there, all of them, and one at least: what the window needs to be certain (see `window`).
    ///
    /// # Cancel safety
    /// Cancelled, nothing is lost.
    pub(super) async fn round(&mut self) -> Vec<(u64, Result<Word>)> {
        std::future::poll_fn(|context| self.poll_round(context)).await
    }

    pub(super) fn is_empty(&self) -> bool {
        self.writing.is_empty() && self.flying.is_empty() && self.failed.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// A set of futures that says "pending" may only be taking a breath after many polls, and wakes itself then. Here it is
    /// asked until it says "pending" without a wake, and until no more is written: so a word that came before one that
    /// was seen is always seen, too.
    fn poll_round(&mut self, context: &mut Context<'_>) -> Poll<Vec<(u64, Result<Word>)>> {
        let noticed = Arc::new(Noticed { woken: AtomicBool::new(false), waker: context.waker().clone() });
        let waker = Waker::from(Arc::clone(&noticed));
        let mut watching = Context::from_waker(&waker);
        self.take_written(&mut watching);
        let mut round = std::mem::take(&mut self.failed);
        loop {
            noticed.woken.store(false, Ordering::SeqCst);
            match self.flying.poll_next_unpin(&mut watching) {
                Poll::Ready(Some(word)) => round.push(word),
                Poll::Pending if noticed.woken.load(Ordering::SeqCst) => {}
                Poll::Ready(None) | Poll::Pending => {
                    if round.is_empty() || !self.take_written(&mut watching) {
                        break;
                    }
                }
            }
        }
        if round.is_empty() { Poll::Pending } else { Poll::Ready(round) }
    }

    /// Whether there was any. Where there are more, the last of them wakes.
    fn take_written(&mut self, watching: &mut Context<'_>) -> bool {
        let before = self.writing.len();
        while let Some((number, publishing)) = self.writing.front_mut() {
            if let Poll::Ready(written) = publishing.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                let number = *number;
                self.writing.pop_front();
                self.written(number, written);
                continue;
            }
            let Some((number, publishing)) = self.writing.back_mut() else { break };
            let Poll::Ready(written) = publishing.as_mut().poll(watching) else { break };
            let number = *number;
            self.writing.pop_back();
            self.written(number, written);
        }
        self.writing.len() < before
    }

    fn written(&mut self, number: u64, written: Result<Confirm>) {
        match written {
            Ok(confirm) => self.flying.push(Flight { number, confirm }),
            Err(error) => self.failed.push((number, Err(error))),
        }
    }
}

struct Flight {
    number: u64,
    confirm: Confirm,
}

impl Future for Flight {
    type Output = (u64, Result<Word>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let number = self.number;
        Pin::new(&mut self.confirm).poll(context).map(|word| (number, word))
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
