//! What happened since the start, and what is in flight: counted, not guessed.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eda_core::{Message, Result, Subscription};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::record::{By, Delivered, Published, Settled, lines, shown};

/// All that the app and the test told the transport, and what it told them.
#[derive(Debug)]
pub(super) struct Log {
    subscriptions: Vec<Subscription>,
    state: Mutex<State>,
    /// Told whenever nothing is in flight any more.
    idle: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// In the order of time; a delivery stands where it arrived.
    entries: Vec<Entry>,
    /// What will arrive.
    expected: Vec<Expected>,
    /// Deliveries that are not settled, by their place among the entries.
    in_hand: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Entry {
    Published(Published),
    Delivered(Delivered),
}

/// An arrival that must come.
#[derive(Debug)]
struct Expected {
    /// The entry that it comes from: what was published, given back or retried.
    cause: usize,
    queue: String,
    message: Arc<Message>,
    attempt: u32,
    /// Not before; it is not in flight until then.
    due: Instant,
}

impl Log {
    pub(super) fn new(subscriptions: Vec<Subscription>) -> Self {
        Self { subscriptions, state: Mutex::default(), idle: Notify::new() }
    }

    /// The queues of the app, in the order of its handlers.
    pub(super) fn queues(&self) -> impl Iterator<Item = &str> {
        self.subscriptions.iter().map(|subscription| &*subscription.queue)
    }

    /// A message is on its way to the broker. What it leads to is in flight from here on.
    pub(super) fn publish(&self, message: &Message, by: By) -> usize {
        let takers = self.subscriptions.iter().filter(|subscription| subscription.takes(&message.routing_key));
        self.sent(message, by, takers.map(|subscription| subscription.queue.clone()).collect())
    }

    /// A message is on its way straight to a queue.
    pub(super) fn send_to(&self, queue: &str, message: &Message) -> usize {
        self.sent(message, By::Test, vec![queue.to_owned()])
    }

    fn sent(&self, message: &Message, by: By, queues: Vec<String>) -> usize {
        let mut state = self.state();
        let (cause, message, now) = (state.entries.len(), Arc::new(message.clone()), Instant::now());
        for queue in &queues {
            let (queue, message) = (queue.clone(), Arc::clone(&message));
            state.expected.push(Expected { cause, queue, message, attempt: 1, due: now });
        }
        state.entries.push(Entry::Published(Published { message, by, queues, word: None }));
        cause
    }

    /// The broker's word on a message. What it did not confirm is not waited for.
    pub(super) fn confirmed(&self, entry: usize, word: Result<()>) {
        self.change(|state| {
            if word.is_err() {
                state.expected.retain(|expected| expected.cause != entry);
            }
            if let Some(Entry::Published(published)) = state.entries.get_mut(entry) {
                published.word = Some(word);
            }
        });
    }

    /// A message has arrived for a handler.
    pub(super) fn arrived(&self, queue: &str, message: Arc<Message>, attempt: u32, redelivered: bool) -> usize {
        let mut state = self.state();
        let fits = |expected: &Expected| expected.queue == queue && is_same(&expected.message, &message);
        let exact = state.expected.iter().position(|expected| expected.attempt == attempt && fits(expected));
        // what a foreign producer sends is expected by nobody
        if let Some(place) = exact.or_else(|| state.expected.iter().position(fits)) {
            state.expected.remove(place);
        }
        let place = state.entries.len();
        state.in_hand.push(place);
        let delivered = Delivered { queue: queue.to_owned(), message, attempt, redelivered, settled: None };
        state.entries.push(Entry::Delivered(delivered));
        place
    }

    /// A delivery is going back to its queue, at once or after a delay: it will arrive again. It stays in hand until it
    /// [is settled](Self::settled).
    pub(super) fn expect_again(&self, entry: usize, after: Duration, attempt: u32) {
        let mut state = self.state();
        if let Some(Entry::Delivered(delivered)) = state.entries.get(entry) {
            let (queue, message) = (delivered.queue.clone(), Arc::clone(&delivered.message));
            state.expected.push(Expected { cause: entry, queue, message, attempt, due: Instant::now() + after });
        }
    }

    /// Nothing that the entry caused will arrive.
    pub(super) fn expect_no_more(&self, entry: usize) {
        self.state().expected.retain(|expected| expected.cause != entry);
    }

    /// The delay of what goes back is over before it began.
    pub(super) fn expect_now(&self, entry: usize) {
        let mut state = self.state();
        let now = Instant::now();
        state.expected.iter_mut().filter(|expected| expected.cause == entry).for_each(|expected| expected.due = now);
    }

    /// How a delivery was settled.
    pub(super) fn settled(&self, entry: usize, settled: Settled) {
        self.change(|state| {
            state.in_hand.retain(|place| *place != entry);
            if let Some(Entry::Delivered(delivered)) = state.entries.get_mut(entry) {
                delivered.settled = Some(settled);
            }
        });
    }

    /// Waits until nothing is in flight.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub(super) async fn until_idle(&self) {
        loop {
            let mut idle = std::pin::pin!(self.idle.notified());
            // from here on a change is not missed, so looking and then waiting is safe
            idle.as_mut().enable();
            if self.is_idle() {
                return;
            }
            idle.await;
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.state().is_idle()
    }

    /// When the next retry is due, of those that are not.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let now = Instant::now();
        self.state().expected.iter().map(|expected| expected.due).filter(|due| *due > now).min()
    }

    pub(super) fn published(&self) -> Vec<Published> {
        let entries = &self.state().entries;
        entries
            .iter()
            .filter_map(|entry| if let Entry::Published(published) = entry { Some(published.clone()) } else { None })
            .collect()
    }

    pub(super) fn delivered(&self) -> Vec<Delivered> {
        let entries = &self.state().entries;
        entries
            .iter()
            .filter_map(|entry| if let Entry::Delivered(delivered) = entry { Some(delivered.clone()) } else { None })
            .collect()
    }

    /// What is in flight, a line each, for a person.
    pub(super) fn in_flight(&self) -> String {
        let (state, now) = (self.state(), Instant::now());
        let coming = state.expected.iter().filter(|expected| expected.due <= now);
        let in_hand = state.in_hand.iter().filter_map(|place| state.entries.get(*place));
        lines(coming) + &lines(in_hand)
    }

    /// All that happened, a line each, for a person.
    pub(super) fn history(&self) -> String {
        lines(&self.state().entries)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        if state.is_idle() {
            self.idle.notify_waiters();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_idle(&self) -> bool {
        let now = Instant::now();
        self.in_hand.is_empty() && self.expected.iter().all(|expected| expected.due > now)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published(published) => published.fmt(f),
            Self::Delivered(delivered) => delivered.fmt(f),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { queue, message, attempt, .. } = self;
        write!(f, "{queue}: {}, attempt {attempt}: on its way to the handler", shown(message))
    }
}

/// Whether what arrived is what was sent. A transport may give an id to a message that had none.
fn is_same(sent: &Message, arrived: &Message) -> bool {
    (sent.id.is_none() || sent.id == arrived.id) && sent.body == arrived.body
}
