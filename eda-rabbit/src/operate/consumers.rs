//! The consumers of a walk, and what they hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use eda_core::Result;

use super::operator;
use crate::wire::{Arrivals, Channel, Link};

/// The prefetch of the first consumer, when nothing is known of how large letters are: each may have 1 MiB of body. Those
/// after it grow fourfold, as far as there is room.
const FIRST: u16 = 8;
/// How much the letters of one consumer may take of memory, by what those before took.
const ROOM: u64 = 12 * 1024 * 1024;
/// What a letter takes beside its body: its headers, parsed.
const FRAME: u64 = 3 * 1024;

/// How many letters have come so far, and how large they were.
#[derive(Default)]
pub(super) struct Seen {
    letters: u64,
    bytes: u64,
}

impl Seen {
    pub(super) fn add(&mut self, bytes: usize) {
        self.letters += 1;
        self.bytes += bytes as u64;
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.letters == 0
    }

    /// As many as fit into the room, if they are like those before; four times as many as the last one at most.
    pub(super) fn prefetch(&self, last: Option<u16>) -> u16 {
        let Some(last) = last else { return FIRST };
        let mean = self.bytes / self.letters.max(1) + FRAME;
        let fitting = u16::try_from(ROOM / mean).unwrap_or(u16::MAX);
        fitting.clamp(1, last.saturating_mul(4))
    }
}

pub(super) struct Opened {
    pub(super) channel: Arc<dyn Channel>,
    /// Consumers that get nothing more, since they hold as much as they may, or were left for a larger one: kept until the
    /// end.
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

/// A consumer that has begun, and the channel if it is a new one.
pub(super) struct Begun {
    pub(super) channel: Option<Arc<dyn Channel>>,
    pub(super) arrivals: Box<dyn Arrivals>,
    pub(super) prefetch: u16,
}

impl Begun {
    /// On the channel that is open, or on a new one; `number` is how many consumers it has already.
    pub(super) async fn on(
        open: Option<Arc<dyn Channel>>,
        link: Arc<dyn Link>,
        queue: String,
        number: usize,
        prefetch: u16,
    ) -> Result<Self> {
        let (channel, is_new) = match open {
            Some(channel) => (channel, false),
            None => (link.channel().await?, true),
        };
        channel.qos(prefetch).await?;
        let arrivals = operator(&*channel)?.consume_as(&queue, &format!("eda-walk-{number:04}")).await?;
        Ok(Self { channel: is_new.then_some(channel), arrivals, prefetch })
    }
}

/// The consumer that letters come from.
pub(super) struct Current {
    pub(super) arrivals: Box<dyn Arrivals>,
    pub(super) prefetch: u16,
    /// How many letters came from it.
    pub(super) given: u64,
    /// What it holds.
    pub(super) held: BTreeSet<u64>,
    /// Of these, what was sent back and is neither removed nor left: it makes room.
    pub(super) pledged: BTreeSet<u64>,
    /// It was cancelled, so what is on the way to it comes, and then its end.
    pub(super) is_leaving: bool,
    pub(super) has_ended: bool,
}

impl Current {
    pub(super) fn new(arrivals: Box<dyn Arrivals>, prefetch: u16) -> Self {
        let (held, pledged) = (BTreeSet::new(), BTreeSet::new());
        Self { arrivals, prefetch, given: 0, held, pledged, is_leaving: false, has_ended: false }
    }

    /// Whether nothing more comes before something is removed.
    pub(super) fn is_full(&self) -> bool {
        self.has_ended || (self.held.len() >= usize::from(self.prefetch) && self.pledged.is_empty())
    }

    /// Whether a larger one should follow it. One whose letters are removed never becomes full, and as few as the first one
    /// may hold would be under way for ever.
    pub(super) fn is_outgrown(&self, seen: &Seen, left: u64) -> bool {
        let prefetch = u64::from(self.prefetch);
        let next = u64::from(seen.prefetch(Some(self.prefetch)));
        !self.is_leaving && self.given >= prefetch && left > prefetch && next >= 2 * prefetch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumers_grow_fourfold_as_far_as_there_is_room() {
        let grown = |size: usize| {
            let mut seen = Seen::default();
            assert!(seen.is_nothing());
            let mut last = seen.prefetch(None);
            let mut prefetches = vec![last];
            for _ in 0..5 {
                (0..last).for_each(|_| seen.add(size));
                last = seen.prefetch(Some(last));
                prefetches.push(last);
            }
            prefetches
        };
        assert_eq!(grown(200), [8, 32, 128, 512, 2_048, 3_845]);
        assert_eq!(grown(1024 * 1024), [8, 11, 11, 11, 11, 11], "12 MiB, at most");
        assert_eq!(grown(64 * 1024 * 1024)[1..], [1; 5]);
    }
}
