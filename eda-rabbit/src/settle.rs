//! Which deliveries of a consumer are settled, and what the broker is told. It knows no AMQP and no connection.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// As many acks are sent in one frame at most, if they come quickly.
const BATCH: usize = 64;
/// As long an ack waits for others to join it.
const LINGER: Duration = Duration::from_millis(2);
/// As long acks wait behind a delivery that is still open, unless there are many, before each is sent alone.
const PATIENCE: Duration = Duration::from_millis(20);
/// As many acks wait so at most, in batches.
const BATCHES: usize = 8;

/// The deliveries of one channel; with each that is open, what the transport needs to make a copy of it. What the broker
/// was told of is forgotten, so it holds no more than twice what the broker hands out.
pub(crate) struct Ledger<T> {
    /// In the order of their tags; the first one is not told.
    entries: VecDeque<Entry<T>>,
    /// How many before the first open one.
    settled: usize,
    open: usize,
    /// Not told yet.
    acked: usize,
    /// Not told yet.
    given_back: Vec<u64>,
    last: u64,
    /// The first that the broker has sent and that never came here.
    unseen: Option<u64>,
    /// How many acks are sent at once, and how many wait behind an open delivery: never so many that the broker waits for
    /// them. A failed delivery is open until its copy is confirmed, so waiting spares most of those behind it a frame.
    batch: usize,
    patient: usize,
    /// Since when there are acks that wait.
    since: Option<Instant>,
}

struct Entry<T> {
    tag: u64,
    state: State<T>,
}

enum State<T> {
    Open(T),
    Acked,
    /// The broker was told of it, or is to be told that it was given back.
    Told,
}

/// What to tell the broker now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Flush {
    /// Everything up to this tag is acked.
    pub(crate) up_to: Option<u64>,
    /// Acked beyond that.
    pub(crate) single: Vec<u64>,
    /// Given back.
    pub(crate) given_back: Vec<u64>,
}

/// A delivery that was open until now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Settled<T> {
    pub(crate) entry: T,
    /// Whether the broker should be told right away.
    pub(crate) is_due: bool,
}

impl<T> Ledger<T> {
    /// `prefetch` is how many deliveries the broker hands out before it waits for acks.
    pub(crate) fn new(prefetch: u16) -> Self {
        Self {
            entries: VecDeque::new(),
            settled: 0,
            open: 0,
            acked: 0,
            given_back: Vec::new(),
            last: 0,
            unseen: None,
            batch: batch(prefetch),
            patient: patient(prefetch),
            since: None,
        }
    }

    pub(crate) fn set_prefetch(&mut self, prefetch: u16) {
        (self.batch, self.patient) = (batch(prefetch), patient(prefetch));
    }

    /// A delivery has come. Tags count up by one, from 1: AMQP 0-9-1 §1.8.3.13 promises that they ascend, and RabbitMQ
    /// leaves no gap. Where one is seen all the same, somebody has dropped a delivery: no ack of many goes over it, so that
    /// the channel's end gives it back. One that does not ascend is none of ours.
    pub(crate) fn open(&mut self, tag: u64, entry: T) {
        if tag <= self.last {
            return;
        }
        if tag > self.last + 1 {
            self.unseen.get_or_insert(self.last + 1);
        }
        self.last = tag;
        self.open += 1;
        self.entries.push_back(Entry { tag, state: State::Open(entry) });
    }

    /// What a copy is made of, while the delivery is open.
    pub(crate) fn get(&self, tag: u64) -> Option<&T> {
        match &self.entries[self.index(tag)?].state {
            State::Open(entry) => Some(entry),
            State::Acked | State::Told => None,
        }
    }

    /// `None` where it is not open.
    pub(crate) fn ack(&mut self, tag: u64, now: Instant) -> Option<Settled<T>> {
        let entry = self.settle(tag, State::Acked)?;
        self.acked += 1;
        self.since.get_or_insert(now);
        Some(Settled { entry, is_due: self.acked == 1 || self.acked.is_multiple_of(self.batch) })
    }

    /// `None` where it is not open.
    pub(crate) fn give_back(&mut self, tag: u64) -> Option<Settled<T>> {
        let entry = self.settle(tag, State::Told)?;
        self.given_back.push(tag);
        self.forget_the_told();
        Some(Settled { entry, is_due: true })
    }

    /// When the next flush is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        let first_is_acked = self.settled > 0 && self.entries.front().is_some_and(|first| self.is_seen(first.tag));
        Some(self.since? + if first_is_acked { LINGER } else { PATIENCE })
    }

    /// What is to be told now; `everything` also tells what could wait.
    pub(crate) fn flush(&mut self, now: Instant, everything: bool) -> Flush {
        let mut flush = Flush { given_back: std::mem::take(&mut self.given_back), ..Flush::default() };
        let Some(since) = self.since else { return flush };
        let waited = now.saturating_duration_since(since);
        if everything || waited >= LINGER || self.acked >= self.batch {
            flush.up_to = self.take_prefix();
        }
        if everything || waited >= PATIENCE || self.acked >= self.patient {
            flush.single = self.take_acked();
        }
        if self.acked == 0 {
            self.since = None;
        } else if flush.up_to.is_some() {
            self.since = Some(now);
        }
        flush
    }

    /// How many deliveries are open.
    pub(crate) fn open_count(&self) -> usize {
        self.open
    }

    /// The tag of the first delivery that is open.
    pub(crate) fn oldest_open(&self) -> Option<u64> {
        self.entries.iter().find(|entry| matches!(entry.state, State::Open(_))).map(|entry| entry.tag)
    }

    /// The tag of the last delivery that has come; 0 before there is one.
    pub(crate) fn newest(&self) -> u64 {
        self.last
    }

    /// The last of those that one ack can tell.
    fn take_prefix(&mut self) -> Option<u64> {
        let mut last = None;
        while self.settled > 0
            && let Some(first) = self.entries.front()
            && self.is_seen(first.tag)
        {
            if matches!(first.state, State::Acked) {
                last = Some(first.tag);
                self.acked -= 1;
            }
            self.entries.pop_front();
            self.settled -= 1;
        }
        last
    }

    fn take_acked(&mut self) -> Vec<u64> {
        let mut tags = Vec::with_capacity(self.acked);
        for Entry { tag, state } in &mut self.entries {
            if matches!(state, State::Acked) {
                *state = State::Told;
                tags.push(*tag);
            }
        }
        self.acked = 0;
        self.forget_the_told();
        tags
    }

    /// Whether an ack of many may reach it: it is before all that never came here.
    fn is_seen(&self, tag: u64) -> bool {
        self.unseen.is_none_or(|unseen| tag < unseen)
    }

    fn settle(&mut self, tag: u64, state: State<T>) -> Option<T> {
        let index = self.index(tag)?;
        let place = &mut self.entries[index].state;
        if !matches!(place, State::Open(_)) {
            return None;
        }
        let State::Open(entry) = std::mem::replace(place, state) else { return None };
        self.open -= 1;
        if index == self.settled {
            self.settled += 1;
            let rest = self.entries.range(self.settled..);
            self.settled += rest.take_while(|entry| !matches!(entry.state, State::Open(_))).count();
        }
        Some(entry)
    }

    /// Where nothing is missing between, its place follows from its tag.
    fn index(&self, tag: u64) -> Option<usize> {
        let near = usize::try_from(tag.checked_sub(self.entries.front()?.tag)?).ok();
        let near = near.filter(|near| self.entries.get(*near).is_some_and(|entry| entry.tag == tag));
        near.or_else(|| self.entries.binary_search_by_key(&tag, |entry| entry.tag).ok())
    }

    fn forget_the_told(&mut self) {
        while let Some(Entry { state: State::Told, .. }) = self.entries.front() {
            self.entries.pop_front();
            self.settled = self.settled.saturating_sub(1);
        }
        // behind one that stays open for long
        if self.entries.len() > 2 * (self.open + self.acked + BATCH) {
            self.entries.retain(|entry| !matches!(entry.state, State::Told));
            self.settled = self.entries.iter().take_while(|entry| !matches!(entry.state, State::Open(_))).count();
        }
    }
}

fn batch(prefetch: u16) -> usize {
    usize::from(prefetch / 2).clamp(1, BATCH)
}

/// Whole batches, since that is when the broker is told.
fn patient(prefetch: u16) -> usize {
    let batch = batch(prefetch);
    (usize::from(prefetch / 2) / batch).clamp(1, BATCHES) * batch
}

#[cfg(test)]
mod tests;
