//! One message of the window, and what is known of it.

use std::borrow::Cow;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::publisher::parcel::Parcel;
use crate::publisher::reply::Reply;
use crate::wire::Returned;

/// How long a word may take, before the channel is given up for a new one: longer than a caller of an event waits.
pub(super) const WORD: Duration = Duration::from_secs(15);
/// How long it is waited for again, where it is known why it takes so long.
pub(super) const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Entry {
    pub(super) parcel: Parcel,
    /// `None` after the deadline: the caller was told, but the place in the window is taken until the broker has spoken.
    pub(super) reply: Option<Reply>,
    pub(super) deadline: Instant,
    pub(super) known: Known,
    pub(super) began: Instant,
    /// How many words had come when it was admitted.
    pub(super) words_before: u64,
    /// Its place among all that were sent; 0 before.
    pub(super) sent: u64,
    /// How many channels have ended while it was on its way, without a word why.
    pub(super) deaths: u32,
    /// Whether its word can still come, on the present channel.
    pub(super) is_in_flight: bool,
    /// Until when that is waited for: it holds its place, and only a new channel frees it.
    pub(super) is_late_at: Instant,
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// What is known of a message beside what is on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It was never sent.
    Unsent,
    /// The broker has taken none that was sent.
    Refused,
    /// One was sent on a channel that was lost: the broker may have it, whatever it says of another.
    Unknown,
}

/// What was returned, by the broker's word.
pub(super) struct Unroutable {
    pub(super) returned: Returned,
    /// The newest message at that time: when it and all before are gone, nobody asks any more.
    pub(super) newest: u64,
}

impl Entry {
    pub(super) fn new(
        parcel: Parcel,
        reply: Reply,
        deadline: Instant,
        place: Option<OwnedSemaphorePermit>,
        words_before: u64,
    ) -> Self {
        Self {
            parcel,
            reply: Some(reply),
            deadline,
            known: Known::Unsent,
            began: Instant::now(),
            words_before,
            sent: 0,
            deaths: 0,
            is_in_flight: false,
            is_late_at: deadline,
            place,
        }
    }

    /// Whether it is not to be sent any more: its caller was told that there is no word, or has taken it back.
    pub(super) fn is_given_up(&self) -> bool {
        self.reply.as_ref().is_none_or(Reply::is_taken_back)
    }

    pub(super) fn is_unsent(&self) -> bool {
        self.known == Known::Unsent && !self.is_in_flight
    }

    pub(super) fn is_stuck(&self, now: Instant) -> bool {
        self.is_in_flight && self.is_late_at <= now
    }

    /// When there is something to tell its caller, or to do about it.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let told = self.reply.is_some().then_some(self.deadline);
        told.into_iter().chain(self.is_in_flight.then_some(self.is_late_at)).min()
    }

    /// Whether a return is of this message, or of one that can't be told from it.
    pub(super) fn is_returned(&self, returned: &Returned) -> bool {
        let (routing_key, exchange) = self.parcel.route();
        returned.routing_key == routing_key && returned.exchange == exchange && self.id() == returned.message_id
    }

    pub(super) fn id(&self) -> Cow<'_, str> {
        self.parcel.id()
    }
}
