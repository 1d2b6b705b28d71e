//! The window against every way in which lapin hands out returns and confirms.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eda_core::{ErrorKind, Result};
use lapin::BasicProperties;
use tokio::sync::oneshot;

use super::next::SUSPECTED;
use super::pace::{CONFIRMED_FOR_ONE_MORE, FIRST};
use super::*;
use crate::wire::Outgoing;

mod deadly;
mod mixes;
mod refused;
mod stalls;
mod turns;
mod unheard;

fn admit(window: &mut Window, id: &str, deadline: Instant) -> oneshot::Receiver<Result<()>> {
    admit_to(window, id, id, deadline)
}

fn admit_to(window: &mut Window, key: &str, id: &str, deadline: Instant) -> oneshot::Receiver<Result<()>> {
    let (word, outcome) = oneshot::channel();
    let reply = Reply::new(word, true);
    let properties = BasicProperties::default().with_message_id(id.into());
    let outgoing = Outgoing { exchange: "e".into(), routing_key: key.into(), properties, body: Bytes::new() };
    window.admit(Parcel::Copy(Arc::new(outgoing)), reply, deadline, None);
    outcome
}

fn take_waiting(window: &mut Window) -> Vec<(u64, Outgoing)> {
    std::iter::from_fn(|| window.next_waiting(Instant::now())).collect()
}

fn ack(of: Option<&str>) -> Word {
    Word::Ack { returned: of.map(|id| returned(id, id)) }
}

/// As of a message that was admitted.
fn returned(key: &str, id: &str) -> Returned {
    let (exchange, text) = ("e".into(), "NO_ROUTE".into());
    Returned { message_id: id.into(), exchange, routing_key: key.into(), text }
}

fn kind(outcome: &mut oneshot::Receiver<Result<()>>) -> Option<std::result::Result<(), ErrorKind>> {
    outcome.try_recv().ok().map(|outcome| outcome.map_err(|error| error.kind()))
}

fn later() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

#[tokio::test(start_paused = true)]
async fn a_return_on_the_wrong_confirm_finds_its_message() {
    let mut window = Window::default();
    let mut outcomes: Vec<_> = ["a", "b", "c"].iter().map(|id| admit(&mut window, id, later())).collect();
    assert_eq!(take_waiting(&mut window).len(), 3);
    // "b" is unroutable; its return comes with the confirm of "a"
    window.hear(vec![(1, ack(Some("b")))]);
    assert_eq!(kind(&mut outcomes[0]), None, "another return may be left over");
    window.hear(vec![(2, ack(None))]);
    assert_eq!(kind(&mut outcomes[0]), Some(Ok(())));
    assert_eq!(kind(&mut outcomes[1]), Some(Err(ErrorKind::Unroutable)));
    window.hear(vec![(3, ack(None))]);
    assert_eq!(kind(&mut outcomes[2]), Some(Ok(())));
    assert!(window.is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_return_is_left_over_is_not_reported_as_sent() {
    let mut window = Window::default();
    let mut outcomes: Vec<_> = ["a", "b", "c"].iter().map(|id| admit(&mut window, id, later())).collect();
    take_waiting(&mut window);
    // "a" and "b" are unroutable; one multiple confirm completes "b" first
    window.hear(vec![(2, ack(Some("a")))]);
    assert_eq!(kind(&mut outcomes[1]), None);
    window.hear(vec![(1, ack(Some("b")))]);
    assert_eq!((kind(&mut outcomes[0]), kind(&mut outcomes[1])), (None, None), "nothing is certain yet");
    window.hear(vec![(3, ack(None))]);
    assert_eq!(kind(&mut outcomes[0]), Some(Err(ErrorKind::Unroutable)));
    assert_eq!(kind(&mut outcomes[1]), Some(Err(ErrorKind::Unroutable)));
    assert_eq!(kind(&mut outcomes[2]), Some(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn every_order_of_confirms_and_returns_ends_in_the_truth() {
    for seed in 0..500_u64 {
        let mut window = Window::default();
        let ids: Vec<_> = (0..40).map(|index| format!("m{index}")).collect();
        let mut outcomes: Vec<_> = ids.iter().map(|id| admit(&mut window, id, later())).collect();
        take_waiting(&mut window);
        let is_unroutable = |index: usize| (index as u64 * 7 + seed).is_multiple_of(3);
        // lapin: returns arrive in order, each before its own confirm; a confirm takes the oldest return that waits
        let mut left_over = VecDeque::new();
        let mut random = seed + 1;
        let mut index = 0;
        while index < ids.len() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let batch = 1 + (random >> 33) as usize % 5;
            let mut numbers: Vec<_> = (index..(index + batch).min(ids.len())).collect();
            left_over.extend(numbers.iter().filter(|index| is_unroutable(**index)).map(|index| ids[*index].clone()));
            numbers.sort_by_key(|index| (*index as u64).wrapping_mul(random | 1));
            let round = numbers.iter().map(|index| (*index as u64 + 1, ack(left_over.pop_front().as_deref())));
            let round: Vec<_> = round.collect();
            index += batch;
            if random.is_multiple_of(2) {
                window.hear(round);
            } else {
                for word in round {
                    window.hear(vec![word]);
                }
            }
        }
        for (index, outcome) in outcomes.iter_mut().enumerate() {
            let expected = if is_unroutable(index) { Err(ErrorKind::Unroutable) } else { Ok(()) };
            assert_eq!(kind(outcome), Some(expected), "seed {seed}, message {index}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_channel_had_not_confirmed_is_sent_again_in_order() {
    let mut window = Window::default();
    let mut outcomes: Vec<_> = ["a", "b", "c"].iter().map(|id| admit(&mut window, id, later())).collect();
    take_waiting(&mut window);
    window.hear(vec![(2, ack(None))]);
    window.lose(None);
    let again: Vec<_> =
        take_waiting(&mut window).into_iter().map(|(number, outgoing)| (number, outgoing.routing_key)).collect();
    assert_eq!(again, [(1, "a".to_owned()), (3, "c".to_owned())]);
    window.hear(vec![(1, ack(None)), (3, ack(None))]);
    assert_eq!(kind(&mut outcomes[0]), Some(Ok(())));
    assert_eq!(kind(&mut outcomes[2]), Some(Ok(())));
}

const NACK: Word = Word::Nack { returned: None };

fn taken(window: &mut Window) -> Vec<u64> {
    take_waiting(window).iter().map(|(number, _)| *number).collect()
}

/// Until something is sent that waited for a time.
async fn probe(window: &mut Window) -> Vec<u64> {
    let due = window.next_probe().expect("something waits for a time");
    tokio::time::sleep_until(due).await;
    taken(window)
}

#[tokio::test(start_paused = true)]
async fn a_new_channel_begins_with_one_message_of_each_route() {
    let mut window = Window::default();
    let keys = ["x", "x", "y", "x", "y"];
    let _outcomes: Vec<_> = keys.iter().map(|key| admit_to(&mut window, key, "id", later())).collect();
    assert_eq!(taken(&mut window), [1, 2, 3, 4, 5]);
    window.lose(None);
    assert_eq!(taken(&mut window), [1, 3]);
    window.hear(vec![(3, ack(None))]);
    assert_eq!(taken(&mut window), [5]);
    window.lose(None);
    assert_eq!(taken(&mut window), [1, 5], "what was not sent on the lost channel waits with the others");
    window.hear(vec![(1, NACK)]);
    window.hear(vec![(5, ack(None))]);
    assert_eq!(taken(&mut window), [0; 0]);
    assert_eq!(probe(&mut window).await, [1]);
    window.hear(vec![(1, ack(Some("other")))]);
    assert_eq!(taken(&mut window), [2, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_new_channel_starts_slowly() {
    let mut window = Window::default();
    let _outcomes: Vec<_> = (0..500).map(|_| admit_to(&mut window, "k", "id", later())).collect();
    assert_eq!(taken(&mut window).len(), 500, "the first channel does not");
    window.lose(None);
    assert_eq!(taken(&mut window), [1]);
    window.hear(vec![(1, ack(None))]);
    let mut on_their_way = taken(&mut window);
    assert_eq!(on_their_way.len(), FIRST);
    let mut confirmed = 1;
    while !on_their_way.is_empty() {
        window.hear(on_their_way.iter().map(|number| (*number, ack(None))).collect());
        confirmed += on_their_way.len();
        on_their_way = taken(&mut window);
        assert!(on_their_way.len() <= FIRST + confirmed / CONFIRMED_FOR_ONE_MORE, "{} at once", on_their_way.len());
    }
    assert_eq!(confirmed, 500);
    for _ in 0..9 {
        let _more: Vec<_> = (0..900).map(|_| admit_to(&mut window, "k", "id", later())).collect();
        on_their_way = taken(&mut window);
        while !on_their_way.is_empty() {
            window.hear(on_their_way.iter().map(|number| (*number, ack(None))).collect());
            on_their_way = taken(&mut window);
        }
    }
    let _more: Vec<_> = (0..2_000).map(|_| admit_to(&mut window, "k", "id", later())).collect();
    assert_eq!(taken(&mut window).len(), 2_000, "nothing holds back any more");
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_is_not_sent_when_the_broker_comes_back() {
    let mut window = Window::default();
    let mut outcome = admit(&mut window, "a", later());
    take_waiting(&mut window);
    window.lose(None);
    tokio::time::advance(Duration::from_secs(10)).await;
    window.expire(Instant::now(), "no broker");
    assert_eq!(kind(&mut outcome), Some(Err(ErrorKind::Unconfirmed)));
    assert!(take_waiting(&mut window).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_old_return_says_nothing_of_a_later_message_of_the_same_id() {
    let mut window = Window::default();
    let _open = admit(&mut window, "open", later());
    let mut first = admit(&mut window, "a", later());
    take_waiting(&mut window);
    window.hear(vec![(2, ack(Some("a")))]);
    assert_eq!(kind(&mut first), Some(Err(ErrorKind::Unroutable)));
    let mut second = admit(&mut window, "a", later());
    take_waiting(&mut window);
    window.hear(vec![(3, ack(None))]);
    assert_eq!(kind(&mut second), Some(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn of_copies_of_one_event_the_one_is_returned_that_was() {
    let mut window = Window::default();
    let mut charge = admit_to(&mut window, "charge.dead", "a", later());
    let mut notify = admit_to(&mut window, "notify.dead", "a", later());
    take_waiting(&mut window);
    let word = Word::Ack { returned: Some(returned("charge.dead", "a")) };
    window.hear(vec![(1, word), (2, ack(None))]);
    assert_eq!((kind(&mut charge), kind(&mut notify)), (Some(Err(ErrorKind::Unroutable)), Some(Ok(()))));
}

#[tokio::test(start_paused = true)]
async fn who_was_admitted_later_may_have_the_first_deadline() {
    let mut window = Window::default();
    let mut patient = admit(&mut window, "patient", Instant::now() + Duration::from_secs(300));
    let mut hasty = admit(&mut window, "hasty", later());
    assert_eq!(window.next_deadline(), Some(later()));
    tokio::time::advance(Duration::from_secs(10)).await;
    window.expire(Instant::now(), "");
    assert_eq!((kind(&mut patient), kind(&mut hasty)), (None, Some(Err(ErrorKind::Unavailable))));
    assert_eq!(window.next_deadline(), Some(Instant::now() + Duration::from_secs(290)));
    // on its way, it needs a word much sooner
    take_waiting(&mut window);
    assert_eq!(window.next_deadline(), Some(Instant::now() + WORD));
    assert!(!window.is_stuck(Instant::now()) && window.is_stuck(Instant::now() + WORD));
    window.lose(None);
    assert!(!window.is_stuck(Instant::now() + WORD), "it is sent again on the next channel");
    assert_eq!(kind(&mut patient), None);
}

#[tokio::test(start_paused = true)]
async fn a_suspect_that_can_not_be_sent_holds_up_the_others_for_a_time_only() {
    let mut window = Window::default();
    let in_five_minutes = Instant::now() + Duration::from_secs(300);
    let _outcomes: Vec<_> = ["full", "a", "b", "c"].iter().map(|id| admit(&mut window, id, in_five_minutes)).collect();
    take_waiting(&mut window);
    window.hear(vec![(1, NACK)]);
    window.lose(Some(&Error::new(ErrorKind::AccessRefused, "no")));
    assert_eq!(taken(&mut window), [2], "the first one waits for its queue");
    window.hear(vec![(2, ack(None))]);
    let _later: Vec<_> = ["d", "e"].iter().map(|id| admit(&mut window, id, in_five_minutes)).collect();
    assert_eq!(taken(&mut window).len(), 1, "one by one");
    tokio::time::advance(SUSPECTED).await;
    assert!(taken(&mut window).len() >= 2, "no more");
}

#[tokio::test(start_paused = true)]
async fn a_passed_deadline_says_whether_anything_was_sent() {
    let mut window = Window::default();
    let mut sent = admit(&mut window, "a", later());
    take_waiting(&mut window);
    let mut unsent = admit(&mut window, "b", later());
    tokio::time::advance(Duration::from_secs(10)).await;
    window.expire(Instant::now(), "no broker");
    assert_eq!(kind(&mut sent), Some(Err(ErrorKind::Unconfirmed)));
    assert_eq!(kind(&mut unsent), Some(Err(ErrorKind::Unavailable)));
    assert!(take_waiting(&mut window).is_empty(), "nobody waits for it any more");
    assert!(!window.is_stuck(Instant::now()), "its word may be late");
    assert!(window.is_stuck(Instant::now() + GRACE));
    // a broker that is known to take nothing is waited for
    tokio::time::advance(GRACE).await;
    window.wait_on(Instant::now());
    assert!(!window.is_stuck(Instant::now() + GRACE / 2));
    assert_eq!(window.next_deadline(), Some(Instant::now() + GRACE));
    window.hear(vec![(1, ack(None))]);
    assert_eq!(window.next_deadline(), None);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_ends_the_channel_fails_alone() {
    let mut window = Window::default();
    let mut outcomes: Vec<_> = ["a", "b", "c"].iter().map(|id| admit(&mut window, id, later())).collect();
    let refusal = Error::new(ErrorKind::AccessRefused, "no");
    take_waiting(&mut window);
    window.lose(Some(&refusal));
    let mut later_one = admit(&mut window, "d", later());
    let one = |window: &mut Window| take_waiting(window).iter().map(|(number, _)| *number).collect::<Vec<_>>();
    assert_eq!(one(&mut window), [1]);
    assert_eq!(one(&mut window), [0; 0], "one by one");
    window.hear(vec![(1, ack(None))]);
    assert_eq!(one(&mut window), [2]);
    window.lose(Some(&refusal));
    assert_eq!(kind(&mut outcomes[1]), Some(Err(ErrorKind::AccessRefused)));
    assert_eq!(one(&mut window), [3]);
    window.hear(vec![(3, ack(None))]);
    assert_eq!(one(&mut window), [4], "those that came later are not suspected");
    window.hear(vec![(4, ack(None))]);
    assert_eq!((kind(&mut outcomes[0]), kind(&mut outcomes[2])), (Some(Ok(())), Some(Ok(()))));
    assert_eq!(kind(&mut later_one), Some(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn what_its_caller_has_taken_back_is_not_sent_again() {
    let mut window = Window::default();
    let (sent, unsent) = (admit(&mut window, "sent", later()), admit(&mut window, "unsent", later()));
    drop(unsent);
    let taken: Vec<_> = take_waiting(&mut window).into_iter().map(|(number, _)| number).collect();
    assert_eq!(taken, [1]);
    drop(sent);
    window.lose(None);
    assert!(take_waiting(&mut window).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_at_once_to_those_who_were_not_sent() {
    let mut window = Window::default();
    let mut sent = admit(&mut window, "sent", later());
    take_waiting(&mut window);
    window.lose(None);
    let mut unsent = admit(&mut window, "unsent", later());
    window.refuse(&Error::new(ErrorKind::AccessRefused, "no"));
    assert_eq!(kind(&mut unsent), Some(Err(ErrorKind::AccessRefused)));
    assert_eq!(kind(&mut sent), None, "nobody knows whether the broker has it");
}
