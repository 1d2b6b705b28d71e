//! What finds out about a route and has no certain word holds up no others.

use super::*;

/// On a new channel one of each route goes: the return of what nobody wants hangs on the confirm of a good one, and a queue
/// without a leader is silent. Nothing else is sent that could bring a word without a return.
#[tokio::test(start_paused = true)]
async fn a_route_whose_word_is_uncertain_is_known_to_take_messages() {
    let mut window = Window::default();
    let mut good: Vec<_> = (0..3).map(|_| admit_to(&mut window, "good", "id", later())).collect();
    let mut nowhere = admit(&mut window, "nowhere", later());
    let _silent = admit(&mut window, "silent", later());
    take_waiting(&mut window);
    window.lose(None);
    assert_eq!(taken(&mut window), [1, 4, 5]);
    window.hear(vec![(1, ack(Some("nowhere"))), (4, ack(None))]);
    assert_eq!(kind(&mut nowhere), Some(Err(ErrorKind::Unroutable)));
    assert_eq!(taken(&mut window), [2, 3], "the broker takes what goes there");
    window.hear(vec![(2, ack(None)), (3, ack(None))]);
    let told: Vec<_> = good.iter_mut().map(kind).collect();
    assert_eq!(told, [Some(Ok(())); 3]);
}

/// Of thirty queues twenty have no leader, and nothing else waits for a word; or others fill what may be on its way.
#[tokio::test(start_paused = true)]
async fn many_queues_without_a_leader_keep_no_other_route_in_doubt() {
    for others in [0, 200] {
        let mut window = Window::default();
        let in_five_minutes = Instant::now() + Duration::from_secs(300);
        let _silent: Vec<_> = (0..20)
            .map(|number| admit_to(&mut window, &format!("silent {number}"), "silent", in_five_minutes))
            .collect();
        let mut good: Vec<_> = (0..10).map(|number| admit(&mut window, &format!("good {number}"), later())).collect();
        take_waiting(&mut window);
        window.lose(None);
        let (mut came, began) = (Vec::new(), Instant::now());
        while began.elapsed() < Duration::from_secs(9) {
            came.retain_mut(|other| kind(other).is_none());
            came.resize_with(others, || admit_to(&mut window, "other", "other", later()));
            let sent = take_waiting(&mut window)
                .into_iter()
                .filter(|(_, outgoing)| !outgoing.routing_key.starts_with("silent"));
            let words: Vec<_> = sent.map(|(number, _)| (number, ack(None))).collect();
            tokio::time::advance(Duration::from_millis(100)).await;
            if !words.is_empty() {
                window.hear(words);
            }
            window.expire(Instant::now(), "");
        }
        let told: Vec<_> = good.iter_mut().map(kind).collect();
        assert!(told.iter().all(|told| *told == Some(Ok(()))), "beside {others}: {told:?}");
    }
}

/// Copies of a full queue have their turn, wait for it, and are tried again behind what is swallowed: over which of them the
/// channel fell silent must be known all the same.
#[tokio::test(start_paused = true)]
async fn what_is_swallowed_beside_a_full_queue_is_given_up() {
    const STEP: Duration = Duration::from_millis(40);
    const TRIP: Duration = Duration::from_millis(80);
    for round in 0..20 {
        let (mut window, began) = (Window::default(), Instant::now());
        let in_five_minutes = began + Duration::from_secs(300);
        let _old = admit_to(&mut window, "full", "full", in_five_minutes);
        let mut deadly = admit_to(&mut window, "poison", "deadly", in_five_minutes);
        for _ in 0..3 {
            take_waiting(&mut window);
            window.lose(None);
        }
        let _new: Vec<_> = (0..2).map(|_| admit_to(&mut window, "full", "full", in_five_minutes)).collect();
        let (mut coming, mut has_swallowed, mut channels) = (VecDeque::new(), false, 0);
        let mut others = Vec::new();
        let told = loop {
            others.retain_mut(|other| kind(other).is_none());
            others.push(admit_to(&mut window, "other", "other", later()));
            for (number, outgoing) in take_waiting(&mut window) {
                has_swallowed |= outgoing.routing_key == "poison";
                if !has_swallowed {
                    let word = if outgoing.routing_key == "full" { NACK } else { ack(None) };
                    coming.push_back((Instant::now() + TRIP, number, word));
                }
            }
            tokio::time::advance(STEP).await;
            let mut words = Vec::new();
            while let Some((_, number, word)) = coming.pop_front_if(|(due, ..)| *due <= Instant::now()) {
                words.push((number, word));
            }
            if !words.is_empty() {
                window.hear(words);
            }
            window.expire(Instant::now(), "");
            if window.is_stuck(Instant::now()) {
                window.lose(None);
                (has_swallowed, channels) = (false, channels + 1);
                coming.clear();
            }
            if let Some(told) = kind(&mut deadly) {
                break told;
            }
            assert!(
                began.elapsed() < Duration::from_secs(250),
                "round {round}: after {channels} channels it is still tried"
            );
        };
        assert_eq!(told, Err(ErrorKind::Unconfirmed));
    }
}

/// A refusal tells all that there is to know of a route, whoever's return it carries.
#[tokio::test(start_paused = true)]
async fn a_refused_route_is_tried_again_whatever_the_word_carried() {
    let mut window = Window::default();
    let mut full: Vec<_> = (0..2).map(|_| admit_to(&mut window, "full", "id", later())).collect();
    let mut nowhere = admit(&mut window, "nowhere", later());
    let _silent = admit(&mut window, "silent", later());
    take_waiting(&mut window);
    window.lose(None);
    assert_eq!(taken(&mut window), [1, 3, 4]);
    let refused = Word::Nack { returned: Some(returned("nowhere", "nowhere")) };
    window.hear(vec![(1, refused), (3, ack(None))]);
    assert_eq!(kind(&mut nowhere), Some(Err(ErrorKind::Unroutable)));
    tokio::time::advance(Duration::from_millis(100)).await;
    assert_eq!(taken(&mut window), [1]);
    window.hear(vec![(1, ack(None))]);
    assert_eq!(taken(&mut window), [2]);
    window.hear(vec![(2, ack(None))]);
    assert_eq!(full.iter_mut().map(kind).collect::<Vec<_>>(), [Some(Ok(())); 2]);
}
