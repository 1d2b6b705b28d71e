//! Seeds that have found something, replayed always.

/// A seed, with the number of events that it was run with.
pub(crate) const SAVED: &[(u64, u64)] = &[];
