//! Publishing in bulk: what becomes of each, in whatever order the broker speaks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use eda_core::journal::{Fact, Journal, What};
use eda_core::transport::memory::Memory;
use eda_core::transport::{Capabilities, Deliveries, Publish, Receipt, Transport, Unrouted};
use eda_core::{Broker, Error, ErrorKind, EventId, Message, Subscription, Topology};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::support::{Bench, OrderPaid, until};

#[tokio::test(start_paused = true)]
async fn publishing_in_bulk_tells_which_events_failed() {
    let bench = Bench::on(Memory::new().with_unrouted(Unrouted::Reject)).await;
    let publisher = bench.broker.publisher("web");
    let error =
        publisher.publish_all((0..3).map(|order_id| OrderPaid { order_id })).await.expect_err("nobody is bound");
    assert_eq!(error.failed().len(), 3);
    assert_eq!(error.failed()[2].index, 2);
    assert_eq!(error.failed()[0].error.kind(), ErrorKind::Unroutable);
    assert!(error.to_string().starts_with("3 of 3 events `order.paid` were not published"), "{error}");
}

/// A transport whose messages go through `P`.
struct Through<P>(Memory, P);

#[async_trait]
impl<P: Publish + Clone + 'static> Transport for Through<P> {
    fn describe(&self) -> String {
        "a test".into()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn declare(&self, topology: &Topology) -> eda_core::Result {
        self.0.declare(topology).await
    }

    async fn publisher(&self) -> eda_core::Result<Box<dyn Publish>> {
        Ok(Box::new(self.1.clone()))
    }

    async fn subscribe(&self, subscription: &Subscription) -> eda_core::Result<Box<dyn Deliveries>> {
        self.0.subscribe(subscription).await
    }

    async fn close(&self) -> eda_core::Result {
        self.0.close().await
    }
}

/// A broker that is away: each publish waits for it as long as it may.
#[derive(Clone)]
struct Away;

#[async_trait]
impl Publish for Away {
    async fn send(&self, _: Message) -> eda_core::Result<Receipt> {
        tokio::time::sleep(Duration::from_secs(10)).await;
        Err(Error::new(ErrorKind::Unavailable, "away"))
    }
}

#[tokio::test(start_paused = true)]
async fn publishing_in_bulk_waits_for_one_deadline_only() {
    let broker = Broker::new(Through(Memory::new(), Away)).await.expect("it connects");
    let began = Instant::now();
    let publisher = broker.publisher("web");
    let error = publisher.publish_all((0..50).map(|order_id| OrderPaid { order_id })).await.expect_err("it is away");
    assert_eq!(began.elapsed().as_secs(), 10);
    assert_eq!(error.failed().len(), 50);
}

type Word = eda_core::Result<()>;

/// Speaks on the first two messages at once, can't take the eighth, and leaves its words on all others to the test.
#[derive(Clone, Default)]
struct Taciturn(Arc<Mutex<Vec<Option<oneshot::Sender<Word>>>>>);

#[async_trait]
impl Publish for Taciturn {
    async fn send(&self, _: Message) -> eda_core::Result<Receipt> {
        let mut words = self.0.lock().expect("nobody panics");
        let (word, receipt) = Receipt::new();
        words.push(Some(word));
        match words.len() - 1 {
            0 => Ok(Receipt::ready(Err(refused()))),
            1 => Ok(Receipt::ready(Ok(()))),
            7 => Err(Error::new(ErrorKind::Invalid, "the eighth")),
            _ => Ok(receipt),
        }
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::Rejected, "full")
}

/// What was recorded of each event.
#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<Facts>>);

type Facts = BTreeMap<EventId, Vec<Result<(), ErrorKind>>>;

impl Journal for Recorded {
    fn record(&self, fact: &Fact<'_>) {
        let What::Published(Some(word)) = &fact.what else { panic!("expected a word, found {fact:?}") };
        let id = fact.message.id.clone().expect("each has an id");
        self.0.lock().expect("nobody panics").entry(id).or_default().push(word.map_err(Error::kind));
    }
}

#[tokio::test(start_paused = true)]
async fn publishing_in_bulk_hears_every_word_in_whatever_order_they_come() {
    let (words, recorded) = (Taciturn::default(), Recorded::default());
    let broker = Broker::new(Through(Memory::new(), words.clone())).await.expect("it connects");
    let publisher = broker.journaled(recorded.clone()).publisher("web");
    let publishing =
        tokio::spawn(async move { publisher.publish_all((0..12).map(|order_id| OrderPaid { order_id })).await });
    let words = &words.0;
    until(|| words.lock().expect("nobody panics").len() == 12).await;
    for index in (2..12).rev() {
        let word = words.lock().expect("nobody panics")[index].take().expect("it was not said");
        match index % 3 {
            // no word at all
            0 => drop(word),
            // the eighth was not taken: nobody listens
            1 => drop(word.send(Err(refused()))),
            _ => word.send(Ok(())).expect("somebody listens"),
        }
        // whoever waits may look
        tokio::task::yield_now().await;
    }
    let error = publishing.await.expect("no panic").expect_err("some fail");

    let failed: Vec<_> = error.failed().iter().map(|failed| (failed.index, failed.error.kind())).collect();
    let expected = [
        (0, ErrorKind::Rejected),
        (3, ErrorKind::Unconfirmed),
        (4, ErrorKind::Rejected),
        (6, ErrorKind::Unconfirmed),
        (7, ErrorKind::Invalid),
        (9, ErrorKind::Unconfirmed),
        (10, ErrorKind::Rejected),
    ];
    assert_eq!(failed, expected);
    let recorded = recorded.0.lock().expect("nobody panics");
    assert_eq!(recorded.len(), 12);
    assert!(recorded.values().all(|facts| facts.len() == 1), "each is recorded once: {recorded:?}");
    for failed in error.failed() {
        assert_eq!(recorded[&failed.id], [Err(failed.error.kind())]);
    }
}
