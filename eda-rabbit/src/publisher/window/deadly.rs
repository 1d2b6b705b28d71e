//! Over which message a channel has ended, and how it is kept from ending all others.
//!
//! Where the broker says why it closes a channel, the message is known as soon as it was on its way alone. Where the
//! connection just ends, as at a firewall that does not like what it reads, it may be chance: so what was on its way time and
//! again is sent behind all others, one each second while connections end, and is given up when it had its time.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use eda_core::Error;
use tokio::time::Instant;

use super::Window;
use super::entry::{Entry, WORD};
use crate::publisher::DEADLINE;
use crate::publisher::told::unconfirmed;

/// So many connections may end with a message on its way before it is no chance any more.
const CHANCE: u32 = 3;
/// And so many before it is not tried any more.
pub(super) const GIVEN_UP: u32 = 2 * CHANCE;
/// How long the others have for themselves, from one that a connection has ended over to the next.
const REST: Duration = Duration::from_secs(1);
/// And on a channel where the last one can't have ended over one of these.
const FIRST: Duration = Duration::from_millis(200);
const TROUBLE: &str = "connections end when it is sent, as if the broker or something on the way did not bear it";

/// What connections end over, as it seems, and waits for its turn.
#[derive(Default)]
pub(super) struct Deadly {
    /// Those that fewer connections have ended over go first.
    waiting: VecDeque<u64>,
    /// Those that have it, and how many may: one more with each that was borne.
    turns: BTreeSet<u64>,
    width: usize,
    /// Nothing was sent yet on this channel, on which the others have so long for themselves.
    is_new: bool,
    rest: Duration,
    /// From when on the next one may go: with nothing else on its way, or beside others.
    alone: Option<Instant>,
    beside: Option<Instant>,
}

impl Deadly {
    /// The channel is gone; these are for the next one.
    pub(super) fn begin(&mut self, waiting: VecDeque<u64>, now: Instant) {
        let rest = if self.turns.is_empty() { Duration::ZERO } else { REST };
        self.turns.clear();
        (self.waiting, self.width, self.is_new, self.alone) = (waiting, 1, true, Some(now + rest));
        self.rest = rest.max(FIRST);
    }

    /// There is a channel, on which the others go first.
    pub(super) fn opened(&mut self, now: Instant) {
        if std::mem::take(&mut self.is_new) {
            self.beside = Some(now + self.rest);
        }
    }

    /// When there is room for one more.
    fn due(&self, open: usize) -> Option<Instant> {
        if open == 0 { self.alone } else { self.beside }.filter(|_| !self.waiting.is_empty())
    }

    /// It is on its way.
    pub(super) fn took(&mut self, number: u64, now: Instant) {
        self.turns.insert(number);
        if self.turns.len() >= self.width {
            (self.alone, self.beside) = (Some(now + REST), Some(now + REST));
        }
    }

    pub(super) fn has_turn(&self, number: u64) -> bool {
        self.turns.contains(&number)
    }

    /// It was not sent, and has its turn later.
    pub(super) fn put_back(&mut self, number: u64) {
        self.turns.remove(&number);
        self.waiting.push_front(number);
    }

    /// One that had its turn was borne, and so may the next ones be.
    pub(super) fn heard_of(&mut self, number: u64, is_acked: bool) {
        if !self.turns.is_empty() && self.turns.remove(&number) {
            // what is refused is borne on each channel again, and two would go together behind it each time
            self.width += usize::from(is_acked);
            let now = Instant::now();
            (self.alone, self.beside) = (Some(now), Some(now));
        }
    }
}

impl Window {
    /// Over which message the channel has ended, by its place among all that were sent, where that is known: there were words for
    /// what was sent after all others that had their turn.
    pub(super) fn culprit(&self) -> Option<u64> {
        let mut suspects = self.turns_in_flight().map(|entry| entry.sent).filter(|sent| *sent > self.heard);
        suspects.next().filter(|_| suspects.next().is_none())
    }

    /// Of those that have their turn some may wait for a full queue, or were given up.
    fn turns_in_flight(&self) -> impl Iterator<Item = &Entry> {
        self.deadly.turns.iter().filter_map(|number| self.entries.get(*number)).filter(|entry| entry.is_in_flight)
    }

    /// When the next one has its turn.
    pub(super) fn next_turn(&self) -> Option<Instant> {
        self.deadly.due(self.open).filter(|_| !self.is_silent())
    }

    /// Whether as many have their turn as may, and nothing is heard of one of them, nor of what was sent after it: it may be
    /// swallowed, and what goes behind it would be, too.
    pub(super) fn is_silent(&self) -> bool {
        let is_full = self.deadly.turns.len() >= self.deadly.width;
        is_full && self.turns_in_flight().any(|entry| entry.sent > self.heard)
    }

    /// The broker has closed the channel over one of those that are on their way; tells whether it is known over which.
    pub(super) fn suspect(&mut self, refusal: &Error) -> bool {
        let is_open = |(number, entry): &(u64, &Entry)| entry.is_in_flight && !self.waiting.contains(number);
        let mut open = self.entries.iter().filter(is_open).map(|(number, _)| number);
        let ends = (open.next(), open.next_back());
        drop(open);
        match ends {
            (Some(culprit), None) => {
                if let Some(reply) = self.entries.remove(culprit).and_then(|entry| entry.reply) {
                    reply.tell(Err(refusal.clone()));
                }
                return true;
            }
            (_, Some(last)) => (self.suspects, self.suspected_until) = (last, None),
            (None, None) => {}
        }
        false
    }

    /// Gives one its turn, where it is time: then it is what waits next.
    pub(super) fn give_turn(&mut self, now: Instant) -> bool {
        // some are told that their time is over while they wait for a full queue
        self.deadly.turns.retain(|number| self.entries.contains(*number));
        while self.next_turn().is_some_and(|due| due <= now) {
            let Some(number) = self.deadly.waiting.pop_front() else { break };
            if self.entries.get(number).is_none_or(Entry::is_given_up) {
                self.entries.remove(number);
            } else {
                self.deadly.took(number, now);
                self.waiting.push_front(number);
                return true;
            }
        }
        false
    }

    /// What is to be sent on a new channel.
    pub(super) fn sort_out(&mut self, now: Instant) {
        self.give_up_deadly(now);
        let (mut deadly, others): (Vec<_>, Vec<_>) = self
            .entries
            .iter()
            .map(|(number, entry)| (entry.deaths, number))
            .partition(|(deaths, _)| *deaths >= CHANCE);
        deadly.sort_unstable();
        self.waiting = others.into_iter().map(|(_, number)| number).collect();
        self.deadly.begin(deadly.into_iter().map(|(_, number)| number).collect(), now);
    }

    /// Whether the channel has ended over something that was sent on it: not where the broker only had no word for a queue
    /// whose leader does not answer, and had words for what was sent after it.
    pub(super) fn has_ended(&self, now: Instant) -> bool {
        let is_silent = |entry: &Entry| entry.is_stuck(now + WORD / 2) && entry.sent > self.heard;
        !self.is_stuck(now) || self.entries.iter().any(|(_, entry)| is_silent(entry))
    }

    /// Tells the callers of those that were tried for as long as any event, and that connections ended with all the time, while
    /// others had their word.
    fn give_up_deadly(&mut self, now: Instant) {
        let words = self.words;
        self.entries.retain(|_, entry| {
            let had_its_time = entry.deaths >= GIVEN_UP && entry.began + DEADLINE <= now && entry.words_before < words;
            if had_its_time && let Some(reply) = entry.reply.take() {
                reply.tell(Err(unconfirmed(TROUBLE)));
            }
            !had_its_time
        });
    }
}
