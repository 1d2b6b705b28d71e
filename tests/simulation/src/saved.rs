//! Seeds that have found something, replayed always.

/// A seed, with the number of events that it was run with.
pub(crate) const SAVED: &[(u64, u64)] = &[
    // found that what the broker counts was taken for attempts: good events were parked after one failure
    (554, 2_000),
    (618, 2_000),
    (943, 2_000),
    // a message that ends connections took its neighbours along to the delivery limit: a quarantine ended too soon
    (8, 2_000),
    (35, 2_000),
    (250, 2_000),
];
