//! How deliveries are scheduled onto concurrency: a fixed number of workers share one line.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::error;

use super::process::Processor;
use crate::transport::Delivery;

/// The workers of one subscription. The line is as long as the transport's prefetch allows.
pub(super) struct Workers {
    line: Arc<Line>,
    tasks: JoinSet<()>,
}

struct Line {
    waiting: Mutex<VecDeque<Delivery>>,
    /// As many permits as there are waiting deliveries.
    count: Semaphore,
}

impl Workers {
    pub(super) fn start(concurrency: usize, processor: &Arc<Processor>) -> Self {
        let line = Arc::new(Line { waiting: Mutex::default(), count: Semaphore::new(0) });
        let mut tasks = JoinSet::new();
        for _ in 0..concurrency {
            tasks.spawn(work(Arc::clone(&line), Arc::clone(processor)));
        }
        Self { line, tasks }
    }

    /// Puts deliveries at the end of the line; `batch` is empty afterwards.
    pub(super) fn push(&self, batch: &mut Vec<Delivery>) {
        let count = batch.len();
        self.line.waiting().extend(batch.drain(..));
        self.line.count.add_permits(count);
    }

    /// Gives back what waits and lets what runs finish, until the limit; then that is given back, too. Tells how many
    /// workers did not finish.
    pub(super) async fn drain(mut self, limit: Duration) -> usize {
        self.line.count.close();
        self.line.waiting().clear();
        let finish = async { while self.tasks.join_next().await.is_some() {} };
        // the error says no more than that the limit has passed
        let _ = timeout(limit, finish).await;
        let unfinished = self.tasks.len();
        self.tasks.abort_all();
        unfinished
    }
}

impl Line {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Delivery>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn work(line: Arc<Line>, processor: Arc<Processor>) {
    while let Ok(permit) = line.count.acquire().await {
        permit.forget();
        let next = line.waiting().pop_front();
        // one whose connection was lost while it waited comes again: handled now, it would be handled twice
        let Some(delivery) = next.filter(Delivery::is_open) else { continue };
        let mut path = pin!(processor.process(delivery));
        let survived = poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| path.as_mut().poll(context))) {
            Ok(progress) => progress.map(|()| true),
            Err(_) => Poll::Ready(false),
        });
        if !survived.await {
            error!("what a handler left behind panicked when it was dropped; its delivery was given back");
        }
    }
}
