//! How deliveries are scheduled onto concurrency: a fixed number of workers share one line.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;
use tracing::error;

use super::desk::Desk;
use super::line::{Line, Seat};
use super::process::Processor;
use crate::transport::Delivery;

/// How many deliveries of a worker may wait for the broker's word on what they published: where it never comes, so many
/// handlers have run in vain.
const AHEAD: usize = 8;
/// How many a worker handles before others on its thread get their turn: heartbeats, timers, the next deliveries.
const TURN: u32 = 64;

/// The workers of one subscription. The line is as long as the transport's prefetch allows.
pub(super) struct Workers {
    line: Arc<Line>,
    tasks: JoinSet<()>,
}

impl Workers {
    pub(super) fn start(concurrency: usize, processor: &Arc<Processor>) -> Self {
        let line = Arc::new(Line::default());
        let mut tasks = JoinSet::new();
        for _ in 0..concurrency {
            tasks.spawn(work(line.seat(), Arc::clone(&line), Arc::clone(processor)));
        }
        Self { line, tasks }
    }

    /// Puts deliveries at the end of the line; `batch` is empty afterwards.
    pub(super) fn push(&self, batch: &mut Vec<Delivery>) {
        self.line.push(batch);
    }

    /// Gives back what waits and lets what runs finish, until the limit; then that is given back, too. Tells how many
    /// workers did not finish.
    pub(super) async fn drain(mut self, limit: Duration) -> usize {
        self.line.close();
        let finish = async { while self.tasks.join_next().await.is_some() {} };
        // the error says no more than that the limit has passed
        let _ = timeout(limit, finish).await;
        let unfinished = self.tasks.len();
        self.tasks.abort_all();
        unfinished
    }
}

/// A worker. All are there from the start, so that what a process holds does not depend on what it did; what handling takes
/// is made when it is first needed, so that those which only wait are small.
async fn work(mut seat: Seat, line: Arc<Line>, processor: Arc<Processor>) {
    if let Some(first) = line.next(&mut seat).await {
        Box::pin(handle_all(first, seat, &line, &processor)).await;
    }
}

/// Handles one delivery at a time. What comes after a handler waits for the broker, not for this process: meanwhile the
/// next ones are handled, some few, for what they publish may fail.
async fn handle_all(first: Delivery, mut seat: Seat, line: &Line, processor: &Processor) {
    let mut desk = Desk::default();
    let mut endings = FuturesUnordered::new();
    let (mut next, mut count) = (Some(first), 0_u32);
    while let Some(delivery) = next {
        // one whose connection was lost while it waited comes again: handled now, it would be handled twice
        if delivery.is_open() {
            // pinned here, since it is large, and moving it costs more than polling it
            let mut handling = pin!(async { processor.handle(delivery, &mut desk).await.ack() });
            if let Some(Some(unfinished)) = beside(&mut endings, survive(handling.as_mut())).await {
                // pinned inside, since what is given to an async function is kept twice
                endings.push(async { survive(pin!(processor.finish(unfinished))).await });
            }
        }
        while endings.len() >= AHEAD {
            endings.next().await;
        }
        count = count.wrapping_add(1);
        if count.is_multiple_of(TURN) {
            seat.leave();
            yield_now().await;
        }
        next = beside(&mut endings, line.next(&mut seat)).await;
        // what else this thread did meanwhile is not the handler's
        if seat.has_left() || !endings.is_empty() {
            desk.forget_time();
        }
    }
    while endings.next().await.is_some() {}
}

/// The outcome of `work`, while the endings go on.
async fn beside<T>(endings: &mut FuturesUnordered<impl Future>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    while !endings.is_empty() {
        tokio::select! {
            biased;
            // first, so that what a handler returned is sent before the next one begins
            _ = endings.next() => {}
            outcome = &mut work => return outcome,
        }
    }
    work.await
}

/// `None` where it panicked: a handler's panics are failures already, but the error that it returned can panic, too, and so can
/// a journal.
async fn survive<T>(mut path: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| path.as_mut().poll(context)));
        polled.map_or_else(
            |_| {
                error!("what a handler returned panicked when it was dropped, or a journal did; the delivery comes again where it was not settled");
                Poll::Ready(None)
            },
            |progress| progress.map(Some),
        )
    })
    .await
}
