//! What a consumer has not settled, each in a place that its tag names.

use std::sync::Arc;

use super::port::Entry;
use crate::message::Message;

/// As many places as a prefetch can ask for have numbers of so many bits.
const PLACE_BITS: u32 = 16;

#[derive(Debug, Default)]
pub(super) struct Unsettled {
    places: Vec<Option<One>>,
    free: Vec<usize>,
    last: u64,
}

#[derive(Debug)]
struct One {
    tag: u64,
    message: Arc<Message>,
    attempt: u32,
}

impl Unsettled {
    /// Gives the tag: they grow with each.
    pub(super) fn insert(&mut self, message: Arc<Message>, attempt: u32) -> u64 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.last += 1;
        let tag = self.last << PLACE_BITS | place as u64;
        self.places[place] = Some(One { tag, message, attempt });
        tag
    }

    /// `None` where it was settled before.
    pub(super) fn remove(&mut self, tag: u64) -> Option<Entry> {
        let place = usize::try_from(tag & ((1 << PLACE_BITS) - 1)).ok()?;
        let one = self.places.get_mut(place)?.take_if(|one| one.tag == tag)?;
        self.free.push(place);
        Some(one.into())
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// All in the order of delivery.
    pub(super) fn into_entries(self) -> impl Iterator<Item = Entry> {
        let mut all: Vec<One> = self.places.into_iter().flatten().collect();
        all.sort_unstable_by_key(|one| one.tag);
        all.into_iter().map(Entry::from)
    }
}

impl From<One> for Entry {
    fn from(One { message, attempt, .. }: One) -> Self {
        Self { message, attempt, redelivered: true }
    }
}
