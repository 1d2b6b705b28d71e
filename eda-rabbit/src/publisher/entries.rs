//! What is in hand, by its number: numbers are consecutive, and most go in the order in which they came.

use std::collections::VecDeque;

use slab::Slab;

/// Values in the order of their numbers, which begin at 1. Adding, finding and removing take the same time, however many
/// there are.
pub(super) struct Entries<T> {
    slots: Slab<T>,
    /// Where each is, from the oldest that is left to the newest that ever was.
    order: VecDeque<Option<usize>>,
    last: u64,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self { slots: Slab::new(), order: VecDeque::new(), last: 0 }
    }
}

impl<T> Entries<T> {
    /// Takes one in hand; tells its number.
    pub(super) fn push(&mut self, value: T) -> u64 {
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
        let index = self.index(number)?;
        let slot = self.order.get_mut(index)?.take()?;
        self.forget_the_gone();
        Some(self.slots.remove(slot))
    }

    /// Keeps those of which it is true.
    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(u64, &mut T) -> bool) {
        for (number, place) in (self.first()..).zip(&mut self.order) {
            let Some(slot) = *place else { continue };
            if self.slots.get_mut(slot).is_none_or(|value| !is_kept(number, value)) {
                self.slots.try_remove(slot);
                *place = None;
            }
        }
        self.forget_the_gone();
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        let first = self.first();
        let slots = self.order.iter().enumerate();
        slots.filter_map(move |(index, slot)| Some((first + index as u64, self.slots.get((*slot)?)?)))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().map(|(_, value)| value)
    }

    /// The lowest number in hand.
    pub(super) fn oldest(&self) -> Option<u64> {
        (!self.order.is_empty()).then(|| self.first())
    }

    /// The number of the newest that ever was.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    fn first(&self) -> u64 {
        self.last + 1 - self.order.len() as u64
    }

    fn index(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first())?).ok()
    }

    fn slot(&self, number: u64) -> Option<usize> {
        *self.order.get(self.index(number)?)?
    }

    fn forget_the_gone(&mut self) {
        while let Some(None) = self.order.front() {
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Entries;

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
}
