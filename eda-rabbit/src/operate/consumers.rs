//! The consumers of a walk, and what they hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::wire::{Arrivals, Channel};

/// The prefetch of the first consumer, when nothing is known of how large letters are.
const FIRST: u16 = 16;
/// How much the letters of one consumer may take of memory, by what those before took.
const ROOM: u64 = 12 * 1024 * 1024;
/// What a letter takes beside its body: its headers, parsed.
const FRAME: u64 = 3 * 1024;
pub(super) struct Opened {
    pub(super) channel: Arc<dyn Channel>,
    /// Consumers that hold as much as they may: they get nothing more, and are kept until the end.
    pub(super) full: Vec<Box<dyn Arrivals>>,
    /// Up to which tag all are removed.
    removed: u64,
}

impl Opened {
    pub(super) fn new(channel: Arc<dyn Channel>) -> Self {
        Self { channel, full: Vec::new(), removed: 0 }
    }

    /// The last of these tags, which ascend, where with them all are removed up to it.
    pub(super) fn removed_up_to(&mut self, tags: &[u64]) -> Option<u64> {
        let last = tags.last().copied()?;
        if last.checked_sub(self.removed) != Some(tags.len() as u64) {
            return None;
        }
        self.removed = last;
        Some(last)
    }
}

/// For a consumer after this one: as many letters as fit into the room, if they are like those before; four times as many as
/// the last one at most.
pub(super) fn prefetch(last: Option<&Current>, mean_size: u64) -> u16 {
    let Some(last) = last else { return FIRST };
    let fitting = u16::try_from(ROOM / (mean_size + FRAME)).unwrap_or(u16::MAX);
    fitting.clamp(1, last.prefetch.saturating_mul(4))
}

/// A consumer that has begun, and the channel if it is a new one.
pub(super) struct Begun {
    pub(super) channel: Option<Arc<dyn Channel>>,
    pub(super) arrivals: Box<dyn Arrivals>,
    pub(super) prefetch: u16,
}

/// The consumer that letters come from.
pub(super) struct Current {
    pub(super) arrivals: Box<dyn Arrivals>,
    pub(super) prefetch: u16,
    /// What it holds.
    pub(super) held: BTreeSet<u64>,
    /// Of these, what was sent back and is neither removed nor left: it makes room.
    pub(super) pledged: BTreeSet<u64>,
}

impl Current {
    pub(super) fn new(arrivals: Box<dyn Arrivals>, prefetch: u16) -> Self {
        Self { arrivals, prefetch, held: BTreeSet::new(), pledged: BTreeSet::new() }
    }

    /// Whether nothing more comes before something is removed.
    pub(super) fn is_full(&self) -> bool {
        self.held.len() >= usize::from(self.prefetch) && self.pledged.is_empty()
    }
}
