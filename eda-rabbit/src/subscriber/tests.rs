//! A subscription over a connection that answers, and a queue that does not.

use std::sync::atomic::{AtomicBool, Ordering};

use eda_core::Policy;

use super::*;
use crate::publisher::Publisher;
use crate::topology::{Binding, Exchange, Queue};
use crate::wire::{Arrivals, BoxFuture, Channel, Confirm, Connect, Link, Outgoing};

/// Opens channels as long as it is well; on these, no queue is ever declared.
struct SickQueue {
    is_well: bool,
    is_abandoned: AtomicBool,
    blocked: watch::Sender<Option<String>>,
}

fn unavailable<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Unavailable, "no answer in time"))
}

#[async_trait]
impl Link for SickQueue {
    async fn channel(&self) -> Result<Arc<dyn Channel>> {
        if self.is_well { Ok(Arc::new(NoAnswer)) } else { unavailable() }
    }

    fn blocked(&self) -> watch::Receiver<Option<String>> {
        self.blocked.subscribe()
    }

    async fn ended(&self) -> String {
        std::future::pending().await
    }

    fn abandon(&self, _: &str) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    async fn close(&self) {}
}

#[async_trait]
impl Connect for Arc<SickQueue> {
    async fn connect(&self) -> Result<Arc<dyn Link>> {
        unavailable()
    }
}

struct NoAnswer;

#[async_trait]
impl Channel for NoAnswer {
    async fn declare_exchange(&self, _: &Exchange) -> Result {
        Ok(())
    }

    async fn declare_queue(&self, _: &Queue) -> Result {
        unavailable()
    }

    async fn bind(&self, _: &Binding) -> Result {
        unavailable()
    }

    async fn confirm_select(&self) -> Result {
        unavailable()
    }

    fn publish(&self, _: Outgoing) -> BoxFuture<Result<Confirm>> {
        Box::pin(async { unavailable() })
    }

    async fn consumers(&self, _: &str) -> Result<u32> {
        unavailable()
    }

    async fn qos(&self, _: u16) -> Result {
        unavailable()
    }

    async fn consume(&self, _: &str) -> Result<Box<dyn Arrivals>> {
        unavailable()
    }

    async fn cancel(&self, _: &str) -> Result {
        unavailable()
    }

    async fn ack(&self, _: u64, _: bool) -> Result {
        unavailable()
    }

    async fn requeue(&self, _: u64) -> Result {
        unavailable()
    }

    async fn close(&self) -> Result {
        unavailable()
    }
}

/// Whether the connection was given up over a queue that does not answer.
async fn is_abandoned(is_well: bool) -> bool {
    let link = Arc::new(SickQueue { is_well, is_abandoned: AtomicBool::new(false), blocked: watch::Sender::new(None) });
    let connection =
        Connection::supervise(Arc::new(Arc::clone(&link)), Arc::clone(&link) as Arc<dyn Link>, "consuming");
    let subscription = Subscription {
        service: "billing".into(),
        queue: "billing.charge".into(),
        declare: true,
        bindings: Vec::new(),
        policy: Policy::default(),
    };
    let publisher = Publisher::start(connection.clone());
    let settler = Arc::new(Settler::new(publisher, connection.clone(), subscription.clone()));
    let opened = open_session(&Wanted { connection, subscription, prefetch: 1, settler }, false).await;
    assert_eq!(opened.err().map(|error| error.kind()), Some(ErrorKind::Unavailable));
    link.is_abandoned.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn one_sick_queue_cuts_off_no_other() {
    assert!(!is_abandoned(true).await);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_opens_no_channel_is_given_up() {
    assert!(is_abandoned(false).await);
}
