//! The ledger: what is told, when, and exactly once.

use std::collections::BTreeMap;

use super::*;

fn ledger(count: u64) -> Ledger<()> {
    let mut ledger = Ledger::new(256);
    (1..=count).for_each(|tag| ledger.open(tag, ()));
    ledger
}

fn is_due(settled: Option<Settled<()>>) -> Option<bool> {
    settled.map(|settled| settled.is_due)
}

#[tokio::test(start_paused = true)]
async fn acks_in_order_leave_in_one_frame() {
    let (mut ledger, now) = (ledger(5), Instant::now());
    assert_eq!(is_due(ledger.ack(1, now)), Some(true), "the first one starts the clock");
    assert_eq!(is_due(ledger.ack(2, now)), Some(false));
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
        let woken: Vec<_> = (1..=expected).map(|tag| is_due(ledger.ack(tag, now))).collect();
        assert_eq!(woken.last(), Some(&Some(true)), "prefetch {prefetch}");
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
async fn acks_behind_an_open_delivery_wait_for_it_while_the_broker_does_not() {
    for (prefetch, expected) in [(1, 1), (10, 5), (130, 64), (256, 128), (u16::MAX, 512)] {
        let (mut ledger, now) = (Ledger::new(prefetch), Instant::now());
        (1..=expected + 1).for_each(|tag| ledger.open(tag, ()));
        let mut told = Vec::new();
        for tag in 2..=expected + 1 {
            if is_due(ledger.ack(tag, now)) == Some(true) {
                told.extend(ledger.flush(now, false).single);
            }
        }
        assert_eq!(told, (2..=expected + 1).collect::<Vec<_>>(), "prefetch {prefetch}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_does_not_wait_behind_a_slow_handler() {
    let (mut ledger, now) = (Ledger::new(2), Instant::now());
    ledger.open(1, ());
    ledger.open(2, ());
    assert_eq!(is_due(ledger.ack(2, now)), Some(true), "the broker waits for it");
    assert_eq!(ledger.flush(now, false), Flush { single: vec![2], ..Flush::default() });
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_is_never_acked() {
    let (mut ledger, now) = (ledger(3), Instant::now());
    assert_eq!(is_due(ledger.give_back(1)), Some(true));
    ledger.ack(2, now);
    assert_eq!(ledger.ack(1, now), None, "it is settled already");
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
        assert!(ledger.entries.len() <= 2 * (2 + 3 * BATCH));
    }
}

#[test]
fn unknown_tags_change_nothing() {
    let mut ledger = ledger(1);
    assert_eq!((ledger.give_back(0), ledger.give_back(2)), (None, None));
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
            let settled = if tag % 7 == 0 { ledger.give_back(*tag) } else { ledger.ack(*tag, now) };
            assert!(settled.is_some(), "{tag} was open");
            now += Duration::from_millis(index as u64 % 5);
            apply(ledger.flush(now, false), &order[..=index]);
        }
        apply(ledger.flush(now, true), &order);
        assert_eq!(told.len(), 100);
        assert!(told.iter().all(|(tag, how)| (tag % 7 == 0) == (*how == "back")));
    }
}
