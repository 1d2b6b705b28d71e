//! What the broker refuses: one message of its route finds out, and the others wait.

use std::time::Duration;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_refused_route_is_tried_with_one_message_and_the_others_follow() {
    let mut window = Window::default();
    let mut outcomes: Vec<_> = ["a", "b", "c"].iter().map(|id| admit_to(&mut window, "full", id, later())).collect();
    assert_eq!(taken(&mut window), [1, 2, 3]);
    window.hear(vec![(1, NACK), (2, NACK), (3, NACK)]);
    outcomes.push(admit_to(&mut window, "full", "d", later()));
    let mut elsewhere = admit_to(&mut window, "well", "e", later());
    assert_eq!(taken(&mut window), [5], "other routes are not held up");
    window.hear(vec![(5, ack(None))]);
    assert_eq!(kind(&mut elsewhere), Some(Ok(())));
    for _ in 0..3 {
        assert_eq!(probe(&mut window).await, [1]);
        assert_eq!(window.next_probe(), None, "it waits for the broker's word");
        window.hear(vec![(1, NACK)]);
    }
    assert_eq!(probe(&mut window).await, [1]);
    window.hear(vec![(1, ack(None))]);
    assert_eq!(taken(&mut window), [2, 3]);
    window.hear(vec![(2, ack(None)), (3, ack(None))]);
    assert_eq!(taken(&mut window), [4]);
    window.hear(vec![(4, ack(None))]);
    assert!(outcomes.iter_mut().all(|outcome| kind(outcome) == Some(Ok(()))));
    assert!(window.is_idle());
    let _more = [(); 2].map(|()| admit_to(&mut window, "full", "f", later()));
    assert_eq!(taken(&mut window), [6, 7], "nothing holds back any more");
}

#[tokio::test(start_paused = true)]
async fn a_queue_with_room_for_few_refuses_few() {
    let mut window = Window::default();
    let _outcomes: Vec<_> = (0..500).map(|_| admit_to(&mut window, "full", "id", later())).collect();
    let numbers = taken(&mut window);
    window.hear(numbers.into_iter().map(|number| (number, NACK)).collect());
    let (mut taken_in_all, mut refused) = (0, 0);
    let mut sent = probe(&mut window).await;
    // each time that it is tried again there is room for ten
    while taken_in_all < 500 {
        let mut room = 10;
        while !sent.is_empty() {
            let accepted = sent.len().min(room);
            (room, taken_in_all) = (room - accepted, taken_in_all + accepted);
            refused += sent.len() - accepted;
            let word = |(index, number): (usize, &u64)| (*number, if index < accepted { ack(None) } else { NACK });
            window.hear(sent.iter().enumerate().map(word).collect());
            sent = taken(&mut window);
        }
        if taken_in_all < 500 {
            sent = probe(&mut window).await;
        }
    }
    assert!(refused <= 500, "{refused} were refused, so many copies other queues have");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_refused_until_its_deadline_was_rejected() {
    let mut window = Window::default();
    let mut outcomes: Vec<_> = ["a", "b"].iter().map(|id| admit_to(&mut window, "full", id, later())).collect();
    taken(&mut window);
    window.hear(vec![(1, NACK), (2, NACK)]);
    tokio::time::advance(Duration::from_secs(10)).await;
    window.expire(Instant::now(), "");
    assert!(outcomes.iter_mut().all(|outcome| kind(outcome) == Some(Err(ErrorKind::Rejected))));
    let _later_one = admit_to(&mut window, "full", "c", later());
    assert_eq!(taken(&mut window), [3], "those that are gone are not waited for");
    assert_eq!(window.next_probe(), None);
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_that_a_lost_channel_may_have_taken_is_unconfirmed() {
    let mut window = Window::default();
    let mut outcomes = [admit(&mut window, "a", later()), admit(&mut window, "b", later())];
    assert_eq!(taken(&mut window), [1, 2]);
    window.hear(vec![(1, NACK)]);
    assert_eq!(probe(&mut window).await, [1]);
    // both are on their way
    window.lose(None);
    assert_eq!(taken(&mut window), [1, 2]);
    window.hear(vec![(2, NACK)]);
    window.lose(None);
    tokio::time::advance(Duration::from_secs(10)).await;
    window.expire(Instant::now(), "");
    assert_eq!(outcomes.each_mut().map(kind), [Some(Err(ErrorKind::Unconfirmed)); 2]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_minutes_keeps_nothing_of_what_comes_and_goes_meanwhile() {
    let mut window = Window::default();
    let _waits = admit_to(&mut window, "full", "held", Instant::now() + Duration::from_secs(300));
    let held = take_waiting(&mut window)[0].0;
    window.hear(vec![(held, Word::Nack { returned: None })]);
    for number in 0..10_000_u32 {
        let id = number.to_string();
        let mut outcome = admit_to(&mut window, "nobody", &id, later());
        for (number, _) in take_waiting(&mut window) {
            let returned = (number != held).then(|| returned("nobody", &id));
            let word = if number == held { Word::Nack { returned } } else { Word::Ack { returned } };
            window.hear(vec![(number, word)]);
        }
        assert_eq!(kind(&mut outcome), Some(Err(ErrorKind::Unroutable)));
        assert!(window.returned.is_empty(), "{} returns", window.returned.len());
    }
}

#[tokio::test(start_paused = true)]
async fn of_an_event_on_its_way_twice_no_message_is_told_to_be_there_by_the_return_of_the_other() {
    let mut window = Window::default();
    let (mut first, mut second) =
        (admit_to(&mut window, "nobody", "7", later()), admit_to(&mut window, "nobody", "7", later()));
    let sent = take_waiting(&mut window);
    // the word of the second is seen first, and has the return of the first
    window.hear(vec![(sent[1].0, Word::Ack { returned: Some(returned("nobody", "7")) }), (sent[0].0, ack(None))]);
    assert_eq!(kind(&mut first), Some(Err(ErrorKind::Unroutable)));
    assert_eq!(kind(&mut second), Some(Err(ErrorKind::Unroutable)), "it may be this one");
    assert!(window.returned.is_empty());
}
