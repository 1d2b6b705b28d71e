//! Whose turn it is of those that connections may end over, while others come.

use super::*;

const STEP: Duration = Duration::from_millis(20);

fn is(outgoing: &Outgoing, id: &str) -> bool {
    outgoing.properties.message_id().as_ref().is_some_and(|found| found.as_str() == id)
}

fn in_five_minutes() -> Instant {
    Instant::now() + Duration::from_secs(300)
}

/// Brings a word two steps after its message was sent, but none of a silent one, and of nothing that comes after a deadly one.
#[derive(Default)]
struct Way {
    coming: VecDeque<(Instant, u64)>,
    has_swallowed: bool,
}

impl Way {
    async fn step(&mut self, window: &mut Window) {
        for (number, outgoing) in take_waiting(window) {
            self.has_swallowed |= is(&outgoing, "deadly");
            if !self.has_swallowed && !is(&outgoing, "silent") {
                self.coming.push_back((Instant::now() + 2 * STEP, number));
            }
        }
        tokio::time::advance(STEP).await;
        let mut words = Vec::new();
        while let Some((_, number)) = self.coming.pop_front_if(|(due, _)| *due <= Instant::now()) {
            words.push((number, ack(None)));
        }
        if !words.is_empty() {
            window.hear(words);
        }
        window.expire(Instant::now(), "");
    }
}

/// Others come all the time.
#[derive(Default)]
struct Others(Vec<oneshot::Receiver<Result<()>>>);

impl Others {
    fn come(&mut self, window: &mut Window) {
        self.0.retain_mut(|other| kind(other).is_none());
        self.0.push(admit_to(window, "other", "other", later()));
    }
}

/// What becomes of these, which all go to one route or each to its own, over a way that swallows and is then silent.
async fn told_where_swallowed(ids: &[&str], is_one_route: bool) -> Vec<Option<std::result::Result<(), ErrorKind>>> {
    let (mut window, mut others, mut way) = (Window::default(), Others::default(), Way::default());
    let key = |number: usize| format!("route {}", if is_one_route { 0 } else { number });
    let copy = |(number, id): (usize, &&str)| admit_to(&mut window, &key(number), id, in_five_minutes());
    let mut copies: Vec<_> = ids.iter().enumerate().map(copy).collect();
    let (began, mut told) = (Instant::now(), vec![None; copies.len()]);
    while began.elapsed() < Duration::from_secs(200) {
        others.come(&mut window);
        way.step(&mut window).await;
        if window.is_stuck(Instant::now()) {
            window.lose(None);
            way = Way::default();
        }
        for (told, copy) in told.iter_mut().zip(&mut copies) {
            *told = told.or_else(|| kind(copy));
        }
    }
    told
}

#[tokio::test(start_paused = true)]
async fn what_is_swallowed_is_given_up_and_nothing_beside_it() {
    const GIVEN_UP: Option<std::result::Result<(), ErrorKind>> = Some(Err(ErrorKind::Unconfirmed));
    for is_one_route in [true, false] {
        assert_eq!(told_where_swallowed(&["deadly"], is_one_route).await, [GIVEN_UP]);
        assert_eq!(told_where_swallowed(&["deadly", "deadly"], is_one_route).await, [GIVEN_UP, GIVEN_UP]);
        assert_eq!(told_where_swallowed(&["deadly", "id"], is_one_route).await, [GIVEN_UP, Some(Ok(()))]);
    }
    // its channel is given up for the silent one, which was sent before
    assert_eq!(told_where_swallowed(&["silent", "deadly"], false).await, [None, GIVEN_UP]);
}

/// So many of a full queue, and one of a queue without a leader, were on their way with a deadly one; over that each connection ends
/// at once. Tells what becomes of it, and over how many ends.
async fn told_beside(full: usize) -> (std::result::Result<(), ErrorKind>, usize) {
    let (mut window, mut others, began) = (Window::default(), Others::default(), Instant::now());
    let _full: Vec<_> = (0..full + 3).map(|_| admit_to(&mut window, "full", "full", in_five_minutes())).collect();
    let _silent = admit_to(&mut window, "silent", "silent", in_five_minutes());
    let mut deadly = admit_to(&mut window, "shared", "deadly", in_five_minutes());
    for _ in 0..3 {
        // one is still taken, which opens its route
        let first = take_waiting(&mut window);
        window.hear(first.into_iter().take(1).map(|(number, _)| (number, ack(None))).collect());
        take_waiting(&mut window);
        window.lose(None);
        tokio::time::advance(Duration::from_millis(300)).await;
    }
    let mut ends = 0;
    loop {
        others.come(&mut window);
        let sent = take_waiting(&mut window);
        tokio::time::advance(STEP).await;
        if sent.iter().any(|(_, outgoing)| is(outgoing, "deadly")) || window.is_stuck(Instant::now()) {
            window.lose(None);
            ends += 1;
        } else {
            let word = |outgoing: &Outgoing| if is(outgoing, "full") { NACK } else { ack(None) };
            let heard = sent.iter().filter(|(_, outgoing)| !is(outgoing, "silent"));
            let words: Vec<_> = heard.map(|(number, outgoing)| (*number, word(outgoing))).collect();
            if !words.is_empty() {
                window.hear(words);
            }
        }
        window.expire(Instant::now(), "");
        if let Some(told) = kind(&mut deadly) {
            return (told, ends);
        }
        assert!(began.elapsed() < Duration::from_secs(60), "beside {full} it is still tried, after {ends} ends");
    }
}

#[tokio::test(start_paused = true)]
async fn neither_a_full_queue_nor_one_without_a_leader_keeps_what_is_deadly() {
    for full in [0, 1, 5] {
        let (told, ends) = told_beside(full).await;
        assert_eq!(told, Err(ErrorKind::Unconfirmed));
        assert!(ends <= 12, "beside {full} {ends} connections ended");
    }
}

#[tokio::test(start_paused = true)]
async fn connections_that_live_for_less_than_a_second_keep_nothing_from_its_turn() {
    let (mut window, mut others, began) = (Window::default(), Others::default(), Instant::now());
    let mut old: Vec<_> = ["a", "b", "c", "d", "e"].iter().map(|id| admit(&mut window, id, later())).collect();
    for _ in 0..3 {
        take_waiting(&mut window);
        window.lose(None);
        tokio::time::advance(Duration::from_millis(200)).await;
    }
    while began.elapsed() < Duration::from_secs(9) {
        let (mut way, opened) = (Way::default(), Instant::now());
        while opened.elapsed() < Duration::from_millis(900) {
            others.come(&mut window);
            way.step(&mut window).await;
        }
        window.lose(None);
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    let told: Vec<_> = old.iter_mut().map(kind).collect();
    assert!(told.iter().all(|told| *told == Some(Ok(()))), "{told:?}");
}

/// Each channel bears one word, so that the route opens, and ends; then the queue is full.
#[tokio::test(start_paused = true)]
async fn a_full_queue_is_tried_with_few_of_those_that_wait_for_their_turn() {
    let mut window = Window::default();
    let _copies: Vec<_> = (0..100).map(|_| admit_to(&mut window, "full", "id", in_five_minutes())).collect();
    for _ in 0..25 {
        let first = take_waiting(&mut window);
        window.hear(first.into_iter().take(1).map(|(number, _)| (number, ack(None))).collect());
        take_waiting(&mut window);
        window.lose(None);
        tokio::time::advance(Duration::from_millis(300)).await;
    }
    let (mut refused, began) = (0, Instant::now());
    while began.elapsed() < Duration::from_secs(3) {
        let sent = take_waiting(&mut window);
        refused += sent.len();
        tokio::time::advance(STEP).await;
        window.hear(sent.into_iter().map(|(number, _)| (number, NACK)).collect());
    }
    assert!(refused < 20, "{refused} were refused");
}

/// What becomes of two hundred copies that a network left which came and went for twenty seconds, where it is well now, and bears
/// all but one of them.
async fn told_after_a_flap(deadly: usize) -> Vec<std::result::Result<(), ErrorKind>> {
    const TRIP: Duration = Duration::from_millis(100);
    let (mut window, mut others, began) = (Window::default(), Others::default(), Instant::now());
    let id = |number| if number == deadly { "deadly" } else { "id" };
    let copy = |number: usize| admit_to(&mut window, &format!("route {number}"), id(number), in_five_minutes());
    let mut copies: Vec<_> = (0..200).map(copy).collect();
    while began.elapsed() < Duration::from_secs(20) {
        others.come(&mut window);
        let sent = take_waiting(&mut window).into_iter().filter(|(_, outgoing)| is(outgoing, "other"));
        window.hear(sent.map(|(number, _)| (number, ack(None))).collect());
        tokio::time::advance(3 * TRIP).await;
        window.lose(None);
        window.expire(Instant::now(), "");
    }
    while began.elapsed() < Duration::from_secs(200) {
        let sent = take_waiting(&mut window);
        tokio::time::advance(TRIP).await;
        if sent.iter().any(|(_, outgoing)| is(outgoing, "deadly")) {
            window.lose(None);
        } else if !sent.is_empty() {
            window.hear(sent.into_iter().map(|(number, _)| (number, ack(None))).collect());
        }
    }
    copies.iter_mut().map(|copy| kind(copy).expect("it was told")).collect()
}

#[tokio::test(start_paused = true)]
async fn none_is_given_up_for_what_a_connection_ended_over_beside_it() {
    for deadly in [0, 50, 150, 199] {
        let told = told_after_a_flap(deadly).await;
        let given_up = told.iter().enumerate().filter(|(_, told)| **told == Err(ErrorKind::Unconfirmed));
        assert_eq!(given_up.map(|(number, _)| number).collect::<Vec<_>>(), [deadly]);
    }
}

/// After so many lost connections, when what they were lost with has its word, where as much is to be published as the window holds,
/// over long ways.
async fn heard_after(losses: usize) -> Duration {
    const TRIP: Duration = Duration::from_millis(200);
    let (mut window, mut others, began) = (Window::default(), Vec::new(), Instant::now());
    let mut old: Vec<_> = ["a", "b", "c", "d", "e"].iter().map(|id| admit(&mut window, id, later())).collect();
    for _ in 0..losses {
        take_waiting(&mut window);
        window.lose(None);
        tokio::time::advance(2 * TRIP).await;
    }
    while !old.is_empty() {
        others.retain_mut(|other| kind(other).is_none());
        others.resize_with(995, || admit_to(&mut window, "other", "other", later()));
        let sent = take_waiting(&mut window);
        tokio::time::advance(TRIP).await;
        window.hear(sent.into_iter().map(|(number, _)| (number, ack(None))).collect());
        old.retain_mut(|old| kind(old).is_none_or(|told| told.is_err()));
        assert!(began.elapsed() < Duration::from_secs(10), "{} have no word", old.len());
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn what_a_connection_was_lost_with_does_not_wait_behind_all_that_is_new() {
    for losses in [1, 3] {
        let after = heard_after(losses).await;
        assert!(after < Duration::from_secs(4), "after {losses}: {after:?}");
    }
}

/// A queue that was full takes some again, and one of its messages has its turn beside another one that has no word yet: as many
/// may be on their way together as were borne, and whoever may not waits for a time.
#[tokio::test(start_paused = true)]
async fn what_waits_for_a_queue_that_drains_has_its_turn_beside_others() {
    let mut window = Window::default();
    let in_five_minutes = Instant::now() + Duration::from_secs(300);
    let admit = |window: &mut Window, key| admit_to(window, key, key, in_five_minutes);
    let _old: Vec<_> = ["b", "c", "a", "full"].map(|key| admit(&mut window, key)).into();
    for _ in 0..3 {
        take_waiting(&mut window);
        window.lose(None);
    }
    let _new: Vec<_> = ["full", "full"].map(|key| admit(&mut window, key)).into();
    assert_eq!(taken(&mut window), [5]);
    window.hear(vec![(5, NACK)]);
    tokio::time::advance(Duration::from_millis(100)).await;
    assert_eq!(taken(&mut window), [5]);
    window.hear(vec![(5, ack(None))]);
    assert_eq!(taken(&mut window), [6]);
    tokio::time::advance(Duration::from_millis(100)).await;
    assert_eq!(taken(&mut window), [1]);
    window.hear(vec![(1, ack(None))]);
    assert_eq!(taken(&mut window), [2, 3]);
    window.hear(vec![(2, ack(None))]);
    assert_eq!(taken(&mut window), [4], "three may go, and one is on its way");
}

/// Two have their turn together, and the caller of one is told meanwhile that its time is over: over which of them the channel
/// ends is as little known as before.
#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_any_more_is_a_suspect_all_the_same() {
    let mut window = Window::default();
    let mut innocent = admit_to(&mut window, "e", "e", Instant::now() + Duration::from_secs(300));
    for _ in 0..5 {
        assert_eq!(taken(&mut window), [1]);
        window.lose(None);
        tokio::time::advance(Duration::from_secs(2)).await;
    }
    let _borne = admit_to(&mut window, "b", "b", Instant::now() + Duration::from_secs(300));
    let mut deadly = admit(&mut window, "d", later());
    for _ in 0..3 {
        assert_eq!(taken(&mut window), [2, 3]);
        window.lose(None);
    }
    assert_eq!(taken(&mut window), [2]);
    window.hear(vec![(2, ack(None))]);
    assert_eq!(taken(&mut window), [3, 1]);
    tokio::time::advance(Duration::from_secs(11)).await;
    window.expire(Instant::now(), "");
    assert_eq!(kind(&mut deadly), Some(Err(ErrorKind::Unconfirmed)));
    window.lose(None);
    assert_eq!(kind(&mut innocent), None, "it may be the other one");
}
