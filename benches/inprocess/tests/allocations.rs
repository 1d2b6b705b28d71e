//! How many allocations the framework makes for each delivery and each publish, and what it holds: never more than it did.

use std::sync::Arc;

use allocation_counter::measure;
use async_trait::async_trait;
use eda::transport::{Publish, Receipt};
use eda::{EventId, Message, Publisher};
use eda_inprocess::{Prepared, Small};

const ROUND: usize = 1_000;

/// Of all that happens between a delivery's arrival and its settlement. What the event needs is none of it.
const DELIVERY: u64 = 0;
/// Of an event's encoding and its hand-over to the transport: the body, the correlation id as text, and the future that is awaited.
/// Where what is sent is counted, there are a future around the hand-over, and what hears the broker's word, too.
const PUBLISH: u64 = if cfg!(feature = "telemetry") { 5 } else { 3 };
/// Bytes that an event of many takes until all are confirmed: its id, in a list that doubles, and is copied then.
const PUBLISHED: u64 = size_of::<EventId>() as u64 * 3 / 2;

#[test]
fn publishing_in_bulk_holds_no_more_than_the_ids_of_what_is_confirmed() {
    // powers of two, so that the list of ids is full both times
    let (once, twice) = (held(1 << 12), held(1 << 13));
    let each = (twice - once) / (1 << 12);
    assert!(each <= PUBLISHED, "{each} bytes an event, where {PUBLISHED} were enough");
}

#[test]
fn a_delivery_allocates_no_more_than_it_did() {
    let more = more(|count| {
        let mut prepared = Prepared::deliveries(count);
        measure(|| prepared.handle()).count_total
    });
    // lists that grow by doubling are a few
    assert_eq!(more / ROUND as u64, DELIVERY, "fewer are good news: write them down here");
}

#[test]
fn a_publish_allocates_no_more_than_it_did() {
    let more = more(|count| {
        let prepared = Prepared::deliveries(0);
        measure(|| prepared.publish(count)).count_total
    });
    assert_eq!(more, PUBLISH * ROUND as u64, "fewer are good news: write them down here");
}

/// What twice as many cost more than one round: what is done once is left out.
fn more(counted: impl Fn(usize) -> u64) -> u64 {
    // what the first use of anything makes
    counted(1);
    counted(2 * ROUND) - counted(ROUND)
}

/// The most bytes that so many events held at once while they were published in bulk.
fn held(count: usize) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("one without a driver always starts");
    let publisher = Publisher::<eda::publisher::AnyOf>::new(Arc::new(Confirms), "bench", None);
    let publishing = publisher.publish_all((0..count).map(|_| Small::ONE));
    measure(|| drop(runtime.block_on(publishing).expect("all are confirmed"))).bytes_max
}

/// Confirms right away what it is given, as a broker does it: the word is awaited.
struct Confirms;

#[async_trait]
impl Publish for Confirms {
    async fn send(&self, _: Message) -> eda::Result<Receipt> {
        let (word, receipt) = Receipt::new();
        word.send(Ok(())).expect("the receipt is here");
        Ok(receipt)
    }
}
