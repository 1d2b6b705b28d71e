//! What is published and not yet confirmed, and what the broker's words mean for it. It holds no connection.
//!
//! lapin hangs the return of an unroutable message on whichever confirm comes next, not on its own. Two facts of the
//! protocol and of lapin make the outcome certain all the same: a return precedes the confirm of its own message, and a
//! confirm that comes *without* a return says that none was left over at that moment. So a word without a return is
//! final; an ack with somebody else's return waits for a later one without, or until nothing is open. What is refused is tried
//! again, so nothing is told that could be wrong.
//!
//! A channel that the broker closes over one message takes the words of all others with it. Then everything that was on
//! its way is sent again one by one, so that the one which ends the channel a second time is known, and fails alone.
//!
//! What the broker refuses is tried again until its deadline, with one message of each route at a time (see `hold`). What it
//! is silent about may be published again, and is sent once all the same (see `unheard`). What connections end with again and
//! again holds up no others (see `deadly`).

mod deadly;
mod entry;
mod next;
mod pace;
mod unheard;

use std::collections::VecDeque;
use std::time::Duration;

use eda_core::{Error, mutant};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use self::deadly::{Deadly, GIVEN_UP};
use self::entry::{Entry, GRACE, Known, Unroutable, WORD};
use self::pace::Pace;
use self::unheard::{State, Unheard};
use super::Parcel;
use super::entries::Entries;
use super::hold::Holds;
use super::reply::Reply;
use super::told::{self, rejected, unavailable, unconfirmed};
use crate::connection::closed;
use crate::convert::Writer;
use crate::wire::{Returned, Word};

#[derive(Default)]
pub(crate) struct Window {
    entries: Entries<Entry>,
    /// Not sent, or to be sent again.
    waiting: VecDeque<u64>,
    /// Acked with somebody else's return.
    undecided: Vec<u64>,
    /// Sent, and without a word.
    open: usize,
    /// How many words have come at all.
    words: u64,
    /// How many were sent at all, and the last of these that a word has come for.
    sent: u64,
    heard: u64,
    pace: Pace,
    /// One of the messages up to this one has ended a channel: until it is found, all are sent one by one.
    suspects: u64,
    /// Set with the first of them that is sent: one that can't be sent for long holds up no others.
    suspected_until: Option<Instant>,
    /// When to look for what is over its time, or before.
    next_look: Option<Instant>,
    returned: Vec<Unroutable>,
    holds: Holds,
    deadly: Deadly,
    unheard: Unheard,
    writer: Writer,
}

impl Window {
    pub(crate) fn admit(
        &mut self,
        parcel: Parcel,
        reply: Reply,
        deadline: Instant,
        place: Option<OwnedSemaphorePermit>,
    ) {
        let earlier = self.unheard.take(&parcel);
        if let Some(State::Confirmed(_)) = earlier {
            return reply.tell(Ok(()));
        }
        if let Some(State::InFlight(number)) = earlier
            && let Some(entry) = self.entries.get_mut(number)
        {
            debug_assert!(entry.reply.is_none(), "its caller was told");
            // it has a place already
            (entry.reply, entry.deadline, entry.began) = (Some(reply), deadline, Instant::now());
            return self.look_at(deadline);
        }
        self.look_at(deadline);
        self.waiting.push_back(self.entries.push(Entry::new(parcel, reply, deadline, place, self.words)));
    }

    /// Something is to be told or done at this time, or before.
    fn look_at(&mut self, time: Instant) {
        self.next_look = Some(self.next_look.map_or(time, |known| known.min(time)));
    }

    /// The words that have come since the last round, all of them; tells the callers whose outcome is certain.
    pub(crate) fn hear(&mut self, round: Vec<(u64, Word)>) {
        self.open -= round.len();
        self.words += round.len() as u64;
        self.pace.heard(round.len());
        let mut certain = Vec::with_capacity(round.len());
        let mut uncertain = Vec::new();
        let mut nothing_is_left_over = self.open == 0;
        for (number, word) in round {
            let (is_acked, mut returned) = match word {
                Word::Ack { returned } => (true, returned),
                Word::Nack { returned } => (false, returned),
            };
            if mutant::is_without("returns-by-id")
                && let (Some(returned), Some(entry)) = (&mut returned, self.entries.get(number))
            {
                let (routing_key, exchange) = entry.parcel.route();
                (returned.routing_key, returned.exchange) = (routing_key.to_owned(), exchange.to_owned());
                returned.message_id = entry.id().into_owned();
            }
            self.heard = self.heard.max(self.entries.get(number).map_or(0, |entry| entry.sent));
            nothing_is_left_over |= returned.is_none();
            if !is_acked || returned.as_ref().is_none_or(|returned| self.is_of(number, returned)) {
                certain.push((number, is_acked));
            } else {
                uncertain.push(number);
            }
            if let Some(returned) = returned {
                self.returned.push(Unroutable { returned, newest: self.entries.last() });
            }
        }
        if nothing_is_left_over {
            certain.extend(self.undecided.drain(..).map(|number| (number, true)));
        }
        if self.open == 0 {
            certain.extend(uncertain.drain(..).map(|number| (number, true)));
        }
        for number in &uncertain {
            // taken or returned: either way its route takes what waits
            self.release(*number);
        }
        self.undecided.append(&mut uncertain);
        // together, so that who waits for room is woken once, and finds much
        let mut places: Option<OwnedSemaphorePermit> = None;
        for (number, is_acked) in certain {
            match (&mut places, self.tell(number, is_acked)) {
                (Some(places), Some(place)) => places.merge(place),
                (None, place) => places = place,
                (Some(_), None) => {}
            }
        }
        let oldest = self.entries.oldest();
        self.returned.retain(|unroutable| oldest.is_some_and(|oldest| oldest <= unroutable.newest));
    }

    /// The channel is gone, and with it every word that had not come: what a caller still waits for is sent again.
    /// `refusal` is the broker's reason, where it closed the channel over something that was sent on it; tells whether it
    /// is known over what.
    pub(crate) fn lose(&mut self, refusal: Option<&Error>) -> bool {
        let now = Instant::now();
        let is_known = refusal.is_some_and(|refusal| self.suspect(refusal));
        let has_ended = refusal.is_none() && self.has_ended(now);
        self.returned.clear();
        self.undecided.clear();
        self.open = 0;
        self.pace.begin_slowly();
        // of all that were on their way, also of those that nobody waits for any more
        let culprit = self.culprit();
        self.entries.retain(|_, entry| !entry.is_given_up());
        self.holds.lose();
        self.unheard.lose();
        for entry in self.entries.iter_mut() {
            if std::mem::take(&mut entry.is_in_flight) {
                entry.known = Known::Unknown;
                entry.deaths += u32::from(has_ended && (entry.deaths + 1 < GIVEN_UP || culprit == Some(entry.sent)));
                if refusal.is_none() {
                    self.holds.doubt(&entry.parcel);
                }
            }
        }
        self.sort_out(now);
        is_known
    }

    /// Nothing can be sent, for a reason that waiting does not mend: tells the callers whose message never was.
    pub(crate) fn refuse(&mut self, refusal: &Error) {
        self.entries.retain(|_, entry| {
            if entry.is_unsent()
                && let Some(reply) = entry.reply.take()
            {
                reply.tell(Err(refusal.clone()));
            }
            !entry.is_unsent()
        });
        self.waiting.retain(|number| self.entries.contains(*number));
    }

    /// Tells the callers whose deadline has passed. `trouble` says what stood in the way, where that is known.
    pub(crate) fn expire(&mut self, now: Instant, trouble: &str) {
        self.entries.retain(|number, entry| {
            if entry.deadline <= now
                && let Some(reply) = entry.reply.take()
            {
                reply.tell(Err(match entry.known {
                    Known::Unsent if !entry.is_in_flight => unavailable(trouble),
                    Known::Refused if !entry.is_in_flight => rejected(),
                    _ => unconfirmed(trouble),
                }));
                if entry.is_in_flight {
                    self.unheard.begin(number, &entry.parcel, now);
                }
            }
            entry.is_in_flight || !entry.is_given_up()
        });
        self.waiting.retain(|number| self.entries.contains(*number));
        self.next_look = self.entries.iter().filter_map(|(_, entry)| entry.next_deadline()).min();
    }

    /// Whether a word does not come.
    pub(crate) fn is_stuck(&self, now: Instant) -> bool {
        self.entries.iter().any(|(_, entry)| entry.is_stuck(now))
    }

    /// Those that are stuck are waited for some time more.
    pub(crate) fn wait_on(&mut self, now: Instant) {
        self.entries.iter_mut().filter(|entry| entry.is_stuck(now)).for_each(|entry| entry.is_late_at = now + GRACE);
        self.next_look = self.entries.iter().filter_map(|(_, entry)| entry.next_deadline()).min();
    }

    /// The broker takes something again, after so long: that time does not count.
    pub(crate) fn unblocked(&mut self, after: Duration, now: Instant) {
        for entry in self.entries.iter_mut().filter(|entry| entry.is_in_flight) {
            entry.is_late_at = (entry.is_late_at + after).min(now + WORD);
        }
        self.next_look = self.entries.iter().filter_map(|(_, entry)| entry.next_deadline()).min();
    }

    /// When [`expire`](Self::expire) or [`is_stuck`](Self::is_stuck) may have something to say: not later than they have.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.next_look.filter(|_| self.entries.oldest().is_some())
    }

    /// Tells everyone that there will be no word.
    pub(crate) fn close(&mut self) {
        self.entries.retain(|_, entry| {
            let outcome = if entry.is_unsent() { closed() } else { unconfirmed("") };
            if let Some(reply) = entry.reply.take() {
                reply.tell(Err(outcome));
            }
            false
        });
    }

    /// Whether nobody waits for a word.
    pub(crate) fn is_idle(&self) -> bool {
        self.entries.iter().all(|(_, entry)| entry.reply.is_none())
    }

    fn is_of(&self, number: u64, returned: &Returned) -> bool {
        self.entries.get(number).is_some_and(|entry| entry.is_returned(returned))
    }

    /// The broker has spoken for this one's route.
    fn release(&mut self, number: u64) {
        let Some(entry) = self.entries.get(number) else { return };
        for waiting in self.holds.taken(number, &entry.parcel).into_iter().rev() {
            self.waiting.push_front(waiting);
        }
    }

    /// Gives back the place in the window, where the outcome is certain.
    fn tell(&mut self, number: u64, is_acked: bool) -> Option<OwnedSemaphorePermit> {
        self.deadly.heard_of(number, is_acked);
        let entry = self.entries.get_mut(number)?;
        let unroutable = self.returned.iter().position(|unroutable| {
            // an older return of the same id was of an earlier message
            number <= unroutable.newest && entry.is_returned(&unroutable.returned)
        });
        let outcome = match unroutable {
            Some(index) => Err(told::unroutable(&entry.parcel, &self.returned[index].returned)),
            None if is_acked => Ok(()),
            None => {
                entry.is_in_flight = false;
                if entry.known == Known::Unsent {
                    entry.known = Known::Refused;
                }
                self.holds.refused(number, &entry.parcel);
                if entry.is_given_up() {
                    self.unheard.end(number, &entry.parcel, None);
                    self.entries.remove(number);
                }
                return None;
            }
        };
        if entry.reply.is_none() {
            self.unheard.end(number, &entry.parcel, outcome.is_ok().then(Instant::now));
        }
        self.release(number);
        let Entry { reply, place, .. } = self.entries.remove(number)?;
        if let Some(index) = unroutable {
            let returned = &self.returned[index].returned;
            // where the same event is on its way twice, it is not known of which one it was
            if !self.entries.iter().any(|(_, entry)| entry.is_returned(returned)) {
                self.returned.remove(index);
            }
        }
        if let Some(reply) = reply {
            reply.tell(outcome);
        }
        place
    }
}

#[cfg(test)]
mod tests;
