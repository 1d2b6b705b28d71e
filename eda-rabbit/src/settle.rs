//! Which deliveries of a consumer are settled, and what the broker is told. It knows no AMQP and no connection.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

/// As many acks are sent in one frame at most, if they come quickly.
const BATCH: usize = 64;
/// As long an ack waits for others to join it.
const LINGER: Duration = Duration::from_millis(2);
/// As long acks wait behind a delivery that is still open, unless a batch is full, before each is sent alone.
const PATIENCE: Duration = Duration::from_millis(20);

/// The deliveries of one channel; with each that is open, what the transport needs to make a copy of it. What the broker
/// was told of is forgotten, so it holds no more than the broker hands out.
pub(crate) struct Ledger<T> {
    open: BTreeMap<u64, T>,
    /// Not told yet.
    acked: BTreeSet<u64>,
    /// Not told yet.
    given_back: Vec<u64>,
    last: u64,
    /// The first that the broker has sent and that never came here.
    unseen: Option<u64>,
    /// How many acks are sent at once: never so many that the broker waits for them.
    batch: usize,
    /// Since when there are acks that wait.
    since: Option<Instant>,
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

impl<T> Ledger<T> {
    /// `prefetch` is how many deliveries the broker hands out before it waits for acks.
    pub(crate) fn new(prefetch: u16) -> Self {
        let (open, acked, given_back) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        Self { open, acked, given_back, last: 0, unseen: None, batch: batch(prefetch), since: None }
    }

    pub(crate) fn set_prefetch(&mut self, prefetch: u16) {
        self.batch = batch(prefetch);
    }

    /// A delivery has come. Tags count up by one, from 1: AMQP 0-9-1 §1.8.3.13 promises that they ascend, and RabbitMQ
    /// leaves no gap. Where one is seen all the same, somebody has dropped a delivery: no ack of many goes over it, so that
    /// the channel's end gives it back.
    pub(crate) fn open(&mut self, tag: u64, entry: T) {
        if tag > self.last + 1 {
            self.unseen.get_or_insert(self.last + 1);
        }
        self.last = tag;
        self.open.insert(tag, entry);
    }

    /// What a copy is made of, while the delivery is open.
    pub(crate) fn get(&self, tag: u64) -> Option<&T> {
        self.open.get(&tag)
    }

    /// Whether the broker should be told right away.
    pub(crate) fn ack(&mut self, tag: u64, now: Instant) -> bool {
        if self.open.remove(&tag).is_none() {
            return false;
        }
        self.acked.insert(tag);
        self.since.get_or_insert(now);
        self.acked.len() == 1 || self.acked.len().is_multiple_of(self.batch)
    }

    /// Whether the broker should be told right away.
    pub(crate) fn give_back(&mut self, tag: u64) -> bool {
        let was_open = self.open.remove(&tag).is_some();
        if was_open {
            self.given_back.push(tag);
        }
        was_open
    }

    /// When the next flush is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        let prefix_is_acked = self.acked.first().is_some_and(|first| *first < self.barrier());
        Some(self.since? + if prefix_is_acked { LINGER } else { PATIENCE })
    }

    /// What is to be told now; `everything` also tells what could wait.
    pub(crate) fn flush(&mut self, now: Instant, everything: bool) -> Flush {
        let mut flush = Flush { given_back: std::mem::take(&mut self.given_back), ..Flush::default() };
        let Some(since) = self.since else { return flush };
        let waited = now.saturating_duration_since(since);
        if everything || waited >= LINGER || self.acked.len() >= self.batch {
            let behind = self.acked.split_off(&self.barrier());
            flush.up_to = std::mem::replace(&mut self.acked, behind).pop_last();
        }
        if everything || waited >= PATIENCE || self.acked.len() >= self.batch {
            flush.single = std::mem::take(&mut self.acked).into_iter().collect();
        }
        if self.acked.is_empty() {
            self.since = None;
        } else if flush.up_to.is_some() {
            self.since = Some(now);
        }
        flush
    }

    /// How many deliveries are open.
    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// The first tag that an ack of many must not reach.
    fn barrier(&self) -> u64 {
        let first_open = self.open.first_key_value().map(|(tag, _)| *tag);
        first_open.into_iter().chain(self.unseen).min().unwrap_or(u64::MAX)
    }
}

fn batch(prefetch: u16) -> usize {
    usize::from(prefetch / 2).clamp(1, BATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(count: u64) -> Ledger<()> {
        let mut ledger = Ledger::new(256);
        (1..=count).for_each(|tag| ledger.open(tag, ()));
        ledger
    }

    #[tokio::test(start_paused = true)]
    async fn acks_in_order_leave_in_one_frame() {
        let (mut ledger, now) = (ledger(5), Instant::now());
        assert!(ledger.ack(1, now), "the first one starts the clock");
        assert!(!ledger.ack(2, now));
        assert_eq!(ledger.flush(now, false), Flush::default(), "it waits for others");
        ledger.ack(3, now);
        let flush = ledger.flush(now + LINGER, false);
        assert_eq!(flush, Flush { up_to: Some(3), ..Flush::default() });
        assert_eq!(ledger.open_count(), 2);
        assert_eq!(ledger.due(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_broker_never_waits_for_acks_that_wait_for_others() {
        for (prefetch, expected) in [(1, 1), (2, 1), (10, 5), (256, 64)] {
            let (mut ledger, now) = (Ledger::new(prefetch), Instant::now());
            (1..=expected).for_each(|tag| ledger.open(tag, ()));
            let woken: Vec<_> = (1..=expected).map(|tag| ledger.ack(tag, now)).collect();
            assert_eq!(woken.last(), Some(&true), "prefetch {prefetch}");
            assert_eq!(ledger.flush(now, false).up_to, Some(expected), "prefetch {prefetch}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_handler_holds_up_no_other_ack_for_long() {
        let (mut ledger, now) = (ledger(4), Instant::now());
        ledger.ack(2, now);
        ledger.ack(4, now);
        assert_eq!(ledger.flush(now + LINGER, false), Flush::default());
        assert_eq!(ledger.due(), Some(now + PATIENCE));
        let flush = ledger.flush(now + PATIENCE, false);
        assert_eq!(flush, Flush { single: vec![2, 4], ..Flush::default() });
        ledger.ack(1, now);
        ledger.ack(3, now);
        assert_eq!(ledger.flush(now, true), Flush { up_to: Some(3), ..Flush::default() });
        assert_eq!(ledger.open_count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_batch_does_not_wait_behind_a_slow_handler() {
        let (mut ledger, now) = (Ledger::new(2), Instant::now());
        ledger.open(1, ());
        ledger.open(2, ());
        assert!(ledger.ack(2, now), "the broker waits for it");
        assert_eq!(ledger.flush(now, false), Flush { single: vec![2], ..Flush::default() });
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_is_never_acked() {
        let (mut ledger, now) = (ledger(3), Instant::now());
        assert!(ledger.give_back(1));
        ledger.ack(2, now);
        assert!(!ledger.ack(1, now), "it is settled already");
        let flush = ledger.flush(now, true);
        assert_eq!(flush, Flush { up_to: Some(2), single: vec![], given_back: vec![1] });
    }

    #[tokio::test(start_paused = true)]
    async fn an_ack_of_many_never_takes_an_unseen_delivery_along() {
        let (mut ledger, now) = (ledger(1), Instant::now());
        ledger.open(3, ());
        ledger.ack(1, now);
        ledger.ack(3, now);
        assert_eq!(ledger.flush(now, true), Flush { up_to: Some(1), single: vec![3], given_back: vec![] });
    }

    #[tokio::test(start_paused = true)]
    async fn behind_a_slow_handler_nothing_piles_up() {
        let (mut ledger, mut now) = (ledger(1), Instant::now());
        for tag in 2..=10_000 {
            ledger.open(tag, ());
            ledger.ack(tag, now);
            now += Duration::from_millis(1);
            ledger.flush(now, false);
            assert!(ledger.open.len() + ledger.acked.len() <= 1 + BATCH);
        }
    }

    #[test]
    fn unknown_tags_change_nothing() {
        let mut ledger = ledger(1);
        assert!(!ledger.give_back(0));
        assert!(!ledger.give_back(2));
        assert!(ledger.get(1).is_some());
        assert!(ledger.get(2).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn every_delivery_is_told_exactly_once_in_any_order() {
        for seed in 0..200_u64 {
            let (mut ledger, mut now) = (ledger(100), Instant::now());
            let mut order: Vec<u64> = (1..=100).collect();
            order.sort_by_key(|tag| tag.wrapping_mul(0x9E37_79B9_7F4A_7C15 ^ seed.wrapping_mul(0xD134_2543_DE82_EF95)));
            let mut told = BTreeMap::new();
            let mut apply = |flush: Flush, settled: &[u64]| {
                for tag in flush.given_back {
                    assert!(told.insert(tag, "back").is_none(), "{tag} twice");
                }
                for tag in flush.single {
                    assert!(told.insert(tag, "ack").is_none(), "{tag} twice");
                }
                for tag in 1..=flush.up_to.unwrap_or(0) {
                    assert!(settled.contains(&tag), "{tag} is open, and was acked with others");
                    told.entry(tag).or_insert("ack");
                }
            };
            for (index, tag) in order.iter().enumerate() {
                if tag % 7 == 0 {
                    ledger.give_back(*tag)
                } else {
                    ledger.ack(*tag, now)
                };
                now += Duration::from_millis(index as u64 % 5);
                apply(ledger.flush(now, false), &order[..=index]);
            }
            apply(ledger.flush(now, true), &order);
            assert_eq!(told.len(), 100);
            assert!(told.iter().all(|(tag, how)| (tag % 7 == 0) == (*how == "back")));
        }
    }
}
