//! What is published again after nobody has heard the broker's word.

use eda_core::{EventId, Message};

use super::*;

fn publish(window: &mut Window, id: &str, body: &str) -> oneshot::Receiver<Result<()>> {
    admit_event(window, id, Message::new("k", body.to_owned()))
}

fn admit_event(window: &mut Window, id: &str, mut message: Message) -> oneshot::Receiver<Result<()>> {
    message.id = Some(EventId::from(id));
    let (word, outcome) = oneshot::channel();
    window.admit(Parcel::Event(Box::new(message), "e"), Reply::new(word, false), later(), None);
    outcome
}

/// Publishes, sends, and lets the deadline pass.
async fn unconfirmed(window: &mut Window, id: &str, body: &str) {
    let mut outcome = publish(window, id, body);
    assert_eq!(taken(window).len(), 1);
    tokio::time::advance(Duration::from_secs(10)).await;
    window.expire(Instant::now(), "");
    assert_eq!(kind(&mut outcome), Some(Err(ErrorKind::Unconfirmed)));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_on_its_way_is_not_sent_a_second_time() {
    let mut window = Window::default();
    unconfirmed(&mut window, "a", "1").await;
    let mut again = publish(&mut window, "a", "1");
    assert_eq!(taken(&mut window), [0; 0]);
    assert_eq!(window.next_deadline(), Some(Instant::now() + Duration::from_secs(5)));
    // and once more
    tokio::time::advance(Duration::from_secs(10)).await;
    window.expire(Instant::now(), "");
    assert_eq!(kind(&mut again), Some(Err(ErrorKind::Unconfirmed)));
    let mut again = publish(&mut window, "a", "1");
    assert_eq!(taken(&mut window), [0; 0]);
    window.hear(vec![(1, ack(None))]);
    assert_eq!(kind(&mut again), Some(Ok(())));
    let _new = publish(&mut window, "a", "1");
    assert_eq!(taken(&mut window), [2], "what was confirmed to its caller is no matter any more");
}

#[tokio::test(start_paused = true)]
async fn a_word_that_came_late_is_told_to_who_publishes_again() {
    let mut window = Window::default();
    unconfirmed(&mut window, "a", "1").await;
    unconfirmed(&mut window, "b", "1").await;
    window.hear(vec![(1, ack(None)), (2, ack(None))]);
    assert_eq!(kind(&mut publish(&mut window, "a", "1")), Some(Ok(())));
    let _second = publish(&mut window, "a", "1");
    assert_eq!(taken(&mut window), [3], "it is told once");
    tokio::time::advance(Duration::from_secs(60)).await;
    let _late = publish(&mut window, "b", "1");
    assert_eq!(taken(&mut window), [4], "and not for ever");
    assert!(window.unheard.is_empty(), "nothing is looked up any more");
}

#[tokio::test(start_paused = true)]
async fn what_says_something_else_under_the_same_id_is_sent() {
    let mut window = Window::default();
    unconfirmed(&mut window, "a", "1").await;
    let mut other = publish(&mut window, "a", "2");
    assert_eq!(taken(&mut window), [2]);
    window.hear(vec![(2, ack(None))]);
    assert_eq!(kind(&mut other), Some(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_channel_or_a_refusal_the_event_is_sent_again() {
    let mut window = Window::default();
    unconfirmed(&mut window, "a", "1").await;
    window.lose(None);
    let mut again = publish(&mut window, "a", "1");
    assert_eq!(taken(&mut window), [2]);
    window.hear(vec![(2, ack(None))]);
    assert_eq!(kind(&mut again), Some(Ok(())));

    unconfirmed(&mut window, "b", "1").await;
    window.hear(vec![(3, NACK)]);
    let mut again = publish(&mut window, "b", "1");
    assert_eq!(probe(&mut window).await, [4]);
    window.hear(vec![(4, ack(None))]);
    assert_eq!(kind(&mut again), Some(Ok(())));

    unconfirmed(&mut window, "c", "1").await;
    let returned = Word::Ack { returned: Some(returned("k", "c")) };
    window.hear(vec![(5, returned)]);
    let _again = publish(&mut window, "c", "1");
    assert_eq!(taken(&mut window), [6], "a queue may be bound now");
}

#[tokio::test(start_paused = true)]
async fn one_that_was_published_again_goes_again_after_a_lost_channel() {
    let mut window = Window::default();
    unconfirmed(&mut window, "a", "1").await;
    let mut again = publish(&mut window, "a", "1");
    window.lose(None);
    assert_eq!(taken(&mut window), [1]);
    window.hear(vec![(1, ack(None))]);
    assert_eq!(kind(&mut again), Some(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn who_publishes_again_is_told_whatever_the_first_one_is() {
    let mut window = Window::default();
    unconfirmed(&mut window, "a", "1").await;
    let mut returned_one = publish(&mut window, "a", "1");
    window.hear(vec![(1, Word::Ack { returned: Some(returned("k", "a")) })]);
    assert_eq!(kind(&mut returned_one), Some(Err(ErrorKind::Unroutable)));

    unconfirmed(&mut window, "b", "1").await;
    let mut culprit = publish(&mut window, "b", "1");
    window.lose(Some(&Error::new(ErrorKind::AccessRefused, "no")));
    assert_eq!(kind(&mut culprit), Some(Err(ErrorKind::AccessRefused)));

    unconfirmed(&mut window, "c", "1").await;
    let mut refused = publish(&mut window, "c", "1");
    window.hear(vec![(3, NACK)]);
    assert_eq!(kind(&mut refused), None, "it is tried again");
    tokio::time::advance(Duration::from_secs(10)).await;
    window.expire(Instant::now(), "");
    assert_eq!(kind(&mut refused), Some(Err(ErrorKind::Rejected)));

    let mut window = Window::default();
    unconfirmed(&mut window, "d", "1").await;
    let mut closed = publish(&mut window, "d", "1");
    window.close();
    assert_eq!(kind(&mut closed), Some(Err(ErrorKind::Unconfirmed)));
}

#[tokio::test(start_paused = true)]
async fn headers_tell_events_apart_and_the_trace_does_not() {
    let mut window = Window::default();
    let with_header = |window: &mut Window, name: &str, value: &str| {
        let mut message = Message::new("k", "1");
        message.headers.insert(name, value);
        let outcome = admit_event(window, "a", message);
        (taken(window).len(), outcome)
    };
    let _first = with_header(&mut window, "traceparent", "00-1");
    tokio::time::advance(Duration::from_secs(10)).await;
    window.expire(Instant::now(), "");
    assert_eq!(with_header(&mut window, "tenant", "acme").0, 1);
    assert_eq!(with_header(&mut window, "traceparent", "00-2").0, 0);
}

/// A word has its time, however often the broker takes nothing in between.
#[tokio::test(start_paused = true)]
async fn alarms_that_come_and_go_hold_no_channel_for_ever() {
    let mut window = Window::default();
    let _outcome = publish(&mut window, "a", "1");
    taken(&mut window);
    let second = Duration::from_secs(1);
    for _ in 0..14 {
        tokio::time::advance(second).await;
        assert!(!window.is_stuck(Instant::now()));
        tokio::time::advance(10 * second).await;
        window.unblocked(10 * second, Instant::now());
    }
    tokio::time::advance(second).await;
    assert!(window.is_stuck(Instant::now()), "it had fifteen seconds");
}
