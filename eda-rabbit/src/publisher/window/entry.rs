//! One message of the window, and what is known of it.

use std::borrow::Cow;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::publisher::parcel::Parcel;
use crate::publisher::reply::Reply;

/// As long a word may be late, before the channel is given up for a new one.
pub(super) const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Entry {
    pub(super) parcel: Parcel,
    /// `None` after the deadline: the caller was told, but the place in the window is taken until the broker has spoken.
    pub(super) reply: Option<Reply>,
    pub(super) deadline: Instant,
    pub(super) known: Known,
    /// Whether its word can still come, on the present channel.
    pub(super) is_in_flight: bool,
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

impl Entry {
    /// Whether it is not to be sent any more: its caller was told that there is no word, or has taken it back.
    pub(super) fn is_given_up(&self) -> bool {
        self.reply.as_ref().is_none_or(Reply::is_taken_back)
    }

    pub(super) fn is_unsent(&self) -> bool {
        self.known == Known::Unsent && !self.is_in_flight
    }

    /// Whether its word has not come long after its caller was told: it holds its place, and only a new channel frees it.
    pub(super) fn is_stuck(&self, now: Instant) -> bool {
        self.reply.is_none() && self.deadline + GRACE <= now
    }

    pub(super) fn id(&self) -> Cow<'_, str> {
        self.parcel.id()
    }
}
