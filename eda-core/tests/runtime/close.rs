//! What the end of a broker waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use eda_core::journal::{Fact, Journal};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::support::{Bench, OrderCreated};

/// A journal at a broker that takes its lines only when the test lets it.
#[derive(Clone)]
struct Slow {
    gate: Arc<Semaphore>,
    written: Arc<AtomicUsize>,
}

impl Slow {
    fn new(permits: usize) -> Self {
        Self { gate: Arc::new(Semaphore::new(permits)), written: Arc::default() }
    }

    fn written(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Journal for Slow {
    fn record(&self, _: &Fact<'_>) {}

    fn is_at_broker(&self) -> bool {
        true
    }

    async fn flush(&self) {
        self.gate.acquire().await.expect("it stays open").forget();
        self.written.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_after_a_cancelled_one_writes_what_is_not_written() {
    let bench = Bench::new().await;
    let (quick, slow) = (Slow::new(9), Slow::new(0));
    let broker = bench.broker.journaled(quick.clone()).journaled(slow.clone());
    let cancelled = timeout(Duration::from_secs(1), broker.close()).await;
    assert!(cancelled.is_err(), "one of them is not written");
    let published = broker.publisher("test").publish(&OrderCreated { order_id: 1 }).await;
    published.expect("the connection is still there");

    let closing = tokio::spawn({
        let broker = broker.clone();
        async move { broker.close().await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!closing.is_finished(), "it waits for the journal");
    slow.gate.add_permits(9);
    closing.await.expect("no panic").expect("memory always closes");
    assert_eq!((quick.written(), slow.written()), (1, 1));

    broker.close().await.expect("memory always closes");
    assert_eq!((quick.written(), slow.written()), (1, 1), "once is enough");
}
