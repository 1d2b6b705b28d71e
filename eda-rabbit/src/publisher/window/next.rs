//! What is sent next: what waits, then what finds out about a route, then what connections may end over; beside others, whose turn
//! it is goes before them.

use std::time::Duration;

use tokio::time::Instant;

use super::Window;
use super::entry::WORD;
use crate::wire::Outgoing;

/// How long one of the messages that may have ended a channel is looked for.
pub(super) const SUSPECTED: Duration = Duration::from_secs(10);

/// How many may find out about their routes at once, whatever else is on its way.
const PROBING: usize = 16;
/// And so often one more, since as many may find nothing out.
const ONE_MORE: Duration = Duration::from_millis(50);

impl Window {
    /// What is to be sent now, in order, one at a time; counts as sent from here on.
    pub(crate) fn next_waiting(&mut self, now: Instant) -> Option<(u64, Outgoing)> {
        self.deadly.opened(now);
        if !self.waiting.is_empty() && self.suspected_until.is_none() {
            self.suspected_until = Some(now + SUSPECTED);
        }
        loop {
            if self.open > 0 && self.may_send(now) {
                // before those that have come since, where these leave no room for a moment
                self.give_turn(now);
            }
            while self.may_send(now) {
                let Some(number) = self.waiting.pop_front() else { break };
                let Some(entry) = self.entries.get(number) else { continue };
                if entry.is_given_up() {
                    self.entries.remove(number);
                } else if !self.holds.keep(number, &entry.parcel) {
                    return self.take(number, now);
                }
            }
            while self.may_find_out(now) {
                // one that has its turn, and waited here, does not go behind another one that may be swallowed
                let (is_silent, mut early) = (self.is_silent(), Vec::new());
                let may_go = |number| {
                    let is_early = is_silent && self.deadly.has_turn(number);
                    early.extend(is_early.then_some(number));
                    !is_early && self.entries.get(number).is_some_and(|entry| !entry.is_given_up())
                };
                let probe = self.holds.take_probe(now, may_go);
                early.into_iter().rev().for_each(|number| self.deadly.put_back(number));
                let Some(number) = probe else { break };
                if let Some(taken) = self.take(number, now) {
                    return Some(taken);
                }
            }
            if !self.may_send(now) || !self.give_turn(now) {
                return None;
            }
        }
    }

    /// When [`next_waiting`](Self::next_waiting) has something that waited for a time.
    pub(crate) fn next_probe(&self) -> Option<Instant> {
        let probe = self.holds.next_probe().map(|due| self.one_more_at().map_or(due, |at| at.max(due)));
        let probe = probe.filter(|due| self.may_find_out(*due));
        probe.into_iter().chain(self.next_turn().filter(|due| self.may_send(*due))).min()
    }

    /// Whoever finds out about a route may wait for long, and takes no room from others.
    fn may_send(&self, now: Instant) -> bool {
        let others = self.open.saturating_sub(self.holds.probing());
        self.open == 0 || (!self.is_one_by_one(now) && self.pace.allows(others))
    }

    /// Nor do others, which may be many, take theirs.
    fn may_find_out(&self, now: Instant) -> bool {
        self.open == 0 || (!self.is_one_by_one(now) && self.one_more_at().is_none_or(|at| at <= now))
    }

    /// When one more may find out where there is no room for it; `None` where there is some.
    fn one_more_at(&self) -> Option<Instant> {
        let has_room = self.open == 0 || self.holds.probing() < PROBING || self.pace.allows(self.open);
        if has_room { None } else { self.holds.last().map(|last| last + ONE_MORE) }
    }

    fn is_one_by_one(&self, now: Instant) -> bool {
        self.entries.oldest().is_some_and(|oldest| oldest <= self.suspects)
            && self.suspected_until.is_none_or(|until| now < until)
    }

    fn take(&mut self, number: u64, now: Instant) -> Option<(u64, Outgoing)> {
        let entry = self.entries.get_mut(number)?;
        self.sent += 1;
        (entry.is_in_flight, entry.is_late_at, entry.sent) = (true, now + WORD, self.sent);
        self.open += 1;
        let outgoing = entry.parcel.outgoing(&mut self.writer);
        self.look_at(now + WORD);
        Some((number, outgoing))
    }
}
