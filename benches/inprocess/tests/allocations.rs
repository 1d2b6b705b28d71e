//! How many allocations the framework makes for each delivery and each publish: never more than it did.

use allocation_counter::measure;
use eda_inprocess::Prepared;

const ROUND: usize = 1_000;

/// Of all that happens between a delivery's arrival and its settlement. What the event needs is none of it.
const DELIVERY: u64 = 0;
/// Of an event's encoding and its hand-over to the transport: the body, the correlation id as text, and the future that is awaited.
/// Where what is sent is counted, that is a future of its own around the transport's.
const PUBLISH: u64 = if cfg!(feature = "telemetry") { 5 } else { 3 };

#[test]
fn a_delivery_allocates_no_more_than_it_did() {
    let each = each(|count| {
        let mut prepared = Prepared::deliveries(count);
        measure(|| prepared.handle()).count_total
    });
    assert_eq!(each, DELIVERY, "fewer are good news: write them down here");
}

#[test]
fn a_publish_allocates_no_more_than_it_did() {
    let each = each(|count| {
        let prepared = Prepared::deliveries(0);
        measure(|| prepared.publish(count)).count_total
    });
    assert_eq!(each, PUBLISH, "fewer are good news: write them down here");
}

/// What twice as many cost more: what is done once is left out.
fn each(counted: impl Fn(usize) -> u64) -> u64 {
    let (once, twice) = (counted(ROUND), counted(2 * ROUND));
    (twice - once) / ROUND as u64
}
