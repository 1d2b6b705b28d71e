//! Which message a channel has ended over, and how it is kept from ending the next ones.
//!
//! Where the broker says why it closes a channel, the message is known as soon as it was on its way alone. Where the
//! connection just ends, as at a firewall that does not like what it reads, it may be chance: what was on its way time and
//! again is sent alone, behind all others, and is given up when it had its time.

use eda_core::Error;
use tokio::time::Instant;

use super::Window;
use super::entry::Entry;
use crate::publisher::DEADLINE;
use crate::publisher::told::unconfirmed;

/// So many connections may end with a message on its way, before it is sent alone.
const CHANCE: u32 = 3;
const TROUBLE: &str =
    "each connection that it was sent on has ended, as if the broker or something on the way did not bear it";

impl Window {
    /// Tells whether it is known over what the channel has ended.
    pub(super) fn suspect(&mut self, refusal: Option<&Error>) -> bool {
        let is_open = |(number, entry): &(u64, &Entry)| entry.is_in_flight && !self.waiting.contains(number);
        let open: Vec<_> =
            self.entries.iter().filter(is_open).map(|(number, entry)| (number, entry.deaths + 1)).collect();
        match (&open[..], refusal) {
            ([(culprit, _)], Some(refusal)) => {
                self.give_up(*culprit, refusal.clone());
                return true;
            }
            ([(culprit, _)], None) if self.entries.get(*culprit).is_some_and(Entry::had_its_time) => {
                self.give_up(*culprit, unconfirmed(TROUBLE));
            }
            ([.., (last, _)], _) if refusal.is_some() || open.iter().any(|(_, deaths)| *deaths >= CHANCE) => {
                (self.suspects, self.suspected_until) = (*last, None);
            }
            _ => {}
        }
        false
    }

    fn give_up(&mut self, number: u64, why: Error) {
        if let Some(reply) = self.entries.remove(number).and_then(|entry| entry.reply) {
            reply.tell(Err(why));
        }
    }
}

impl Entry {
    /// Those of a higher one are sent behind the others.
    pub(super) fn rank(&self) -> u32 {
        if self.deaths >= CHANCE { self.deaths } else { 0 }
    }

    /// Whether it was tried for as long as any event, and connections ended with it all the time.
    fn had_its_time(&self) -> bool {
        self.deaths >= CHANCE && self.began + DEADLINE <= Instant::now()
    }
}
