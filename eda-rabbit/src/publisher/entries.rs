//! What is in hand, by its number: numbers are consecutive, and most go in the order in which they came.

use std::collections::{BTreeMap, VecDeque};

use slab::Slab;

/// How many numbers are looked up at once; what is older, and still there, is looked for.
const RECENT: usize = 4_096;

/// Values in the order of their numbers, which begin at 1. Adding, finding and removing take the same time, however many
/// there are, and what stays for long holds no place for those that come and go meanwhile.
pub(super) struct Entries<T> {
    slots: Slab<T>,
    /// Where those are that stay while many others come.
    old: BTreeMap<u64, usize>,
    /// Where each of the others is, from the oldest that is left to the newest that ever was.
    order: VecDeque<Option<usize>>,
    last: u64,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self { slots: Slab::new(), old: BTreeMap::new(), order: VecDeque::new(), last: 0 }
    }
}

impl<T> Entries<T> {
    /// Takes one in hand; tells its number.
    pub(super) fn push(&mut self, value: T) -> u64 {
        if self.order.len() == RECENT {
            let first = self.first();
            let oldest = self.order.pop_front().flatten();
            self.old.extend(oldest.map(|slot| (first, slot)));
            self.forget_the_gone();
        }
        self.order.push_back(Some(self.slots.insert(value)));
        self.last += 1;
        self.last
    }

    pub(super) fn get(&self, number: u64) -> Option<&T> {
        self.slots.get(self.slot(number)?)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let slot = self.slot(number)?;
        self.slots.get_mut(slot)
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.slot(number).is_some()
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<T> {
        let slot = match self.index(number) {
            Some(index) => self.order.get_mut(index)?.take()?,
            None => self.old.remove(&number)?,
        };
        self.forget_the_gone();
        Some(self.slots.remove(slot))
    }

    /// Keeps those of which it is true.
    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(u64, &mut T) -> bool) {
        let (slots, first) = (&mut self.slots, self.last + 1 - self.order.len() as u64);
        let mut is_gone = |number, slot| {
            let is_gone = slots.get_mut(slot).is_none_or(|value| !is_kept(number, value));
            if is_gone {
                slots.try_remove(slot);
            }
            is_gone
        };
        self.old.retain(|number, slot| !is_gone(*number, *slot));
        for (number, place) in (first..).zip(&mut self.order) {
            place.take_if(|slot| is_gone(number, *slot));
        }
        self.forget_the_gone();
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        let first = self.first();
        let recent = self.order.iter().enumerate();
        let recent = recent.filter_map(move |(index, slot)| Some((first + index as u64, (*slot)?)));
        let slots = self.old.iter().map(|(number, slot)| (*number, *slot)).chain(recent);
        slots.filter_map(|(number, slot)| Some((number, self.slots.get(slot)?)))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().map(|(_, value)| value)
    }

    /// The lowest number in hand.
    pub(super) fn oldest(&self) -> Option<u64> {
        let recent = (!self.order.is_empty()).then(|| self.first());
        self.old.first_key_value().map(|(number, _)| *number).or(recent)
    }

    /// The number of the newest that ever was.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    fn first(&self) -> u64 {
        self.last + 1 - self.order.len() as u64
    }

    /// Its place in the order; `None` where it is older than all that are there.
    fn index(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first())?).ok()
    }

    fn slot(&self, number: u64) -> Option<usize> {
        match self.index(number) {
            Some(index) => *self.order.get(index)?,
            None => self.old.get(&number).copied(),
        }
    }

    fn forget_the_gone(&mut self) {
        while let Some(None) = self.order.front() {
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Entries, RECENT};

    #[test]
    fn numbers_stay_while_others_go() {
        let mut entries = Entries::default();
        assert_eq!((entries.oldest(), entries.last()), (None, 0));
        let numbers: Vec<u64> = "abcde".chars().map(|letter| entries.push(letter)).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        assert_eq!((entries.remove(2), entries.remove(2), entries.remove(9)), (Some('b'), None, None));
        assert_eq!((entries.remove(1), entries.oldest()), (Some('a'), Some(3)));
        assert_eq!((entries.get(3), entries.get(1), entries.get(0)), (Some(&'c'), None, None));
        assert_eq!(entries.push('f'), 6);
        let mut seen = Vec::new();
        entries.retain(|number, letter| {
            seen.push((number, *letter));
            *letter != 'd'
        });
        assert_eq!(seen, [(3, 'c'), (4, 'd'), (5, 'e'), (6, 'f')]);
        assert_eq!(entries.remove(5), Some('e'));
        entries.retain(|number, letter| (number, *letter) != (6, 'c'));
        assert_eq!(entries.iter().collect::<Vec<_>>(), [(3, &'c'), (6, &'f')]);
        entries.retain(|_, _| false);
        assert_eq!((entries.oldest(), entries.last(), entries.push('g')), (None, 6, 7));
    }
    #[test]
    fn what_stays_for_long_costs_no_more_for_it() {
        let mut entries = Entries::default();
        let stayed = [entries.push(0_u64), entries.push(0)];
        for _ in 0..10 * RECENT {
            let number = entries.push(0);
            assert_eq!((entries.remove(number), entries.oldest()), (Some(0), Some(stayed[0])));
        }
        assert!(entries.order.len() <= RECENT, "{}", entries.order.len());
        let newest = entries.push(3);
        entries.iter_mut().for_each(|value| *value += 1);
        assert_eq!(entries.iter().collect::<Vec<_>>(), [(stayed[0], &1), (stayed[1], &1), (newest, &4)]);
        assert_eq!(entries.iter().next_back(), Some((newest, &4)));
        assert!(entries.contains(stayed[0]) && !entries.contains(stayed[1] + 1));
        entries.retain(|number, _| number != stayed[0]);
        assert_eq!(
            (entries.get(stayed[0]), entries.get(stayed[1]), entries.oldest()),
            (None, Some(&1), Some(stayed[1]))
        );
        assert_eq!((entries.remove(stayed[1]), entries.remove(newest), entries.oldest()), (Some(1), Some(4), None));
        assert_eq!((entries.remove(stayed[1]), entries.slots.is_empty()), (None, true));
    }
}
