//! A message that connections end over, without a word.

use super::*;

fn is(outgoing: &Outgoing, id: &str) -> bool {
    outgoing.properties.message_id().as_ref().is_some_and(|found| found.as_str() == id)
}

/// Those that wait, with since when, and how long the others did at most.
struct Good(Vec<(Instant, oneshot::Receiver<Result<()>>)>, Duration);

impl Good {
    fn admit(&mut self, window: &mut Window, key: &str) {
        self.0.push((Instant::now(), admit_to(window, key, "good", later())));
    }

    fn look(&mut self) {
        self.0.retain_mut(|(since, good)| match kind(good) {
            Some(told) => {
                assert_eq!(told, Ok(()));
                self.1 = self.1.max(since.elapsed());
                false
            }
            None => true,
        });
    }
}

/// As the broker, which hears nothing of a burst in which the deadly one is.
fn exchange(window: &mut Window) {
    while let sent = take_waiting(window)
        && !sent.is_empty()
    {
        if sent.iter().any(|(_, outgoing)| is(outgoing, "deadly")) {
            return assert!(!window.lose(None));
        }
        window.hear(sent.into_iter().map(|(number, _)| (number, ack(None))).collect());
    }
}

#[tokio::test(start_paused = true)]
async fn what_connections_end_over_holds_up_no_others_and_is_given_up() {
    const STEP: Duration = Duration::from_millis(200);
    let mut window = Window::default();
    let began = Instant::now();
    let mut deadly = admit_to(&mut window, "shared", "deadly", began + Duration::from_secs(300));
    let mut good = Good(Vec::new(), Duration::ZERO);
    let given_up = loop {
        for key in ["shared", "other"] {
            good.admit(&mut window, key);
        }
        exchange(&mut window);
        tokio::time::advance(STEP).await;
        window.expire(Instant::now(), "");
        good.look();
        if let Some(told) = kind(&mut deadly) {
            assert_eq!(told, Err(ErrorKind::Unconfirmed));
            break began.elapsed();
        }
    };
    assert!(good.1 <= 10 * STEP, "others waited {:?}", good.1);
    assert!(given_up >= Duration::from_secs(10), "it was given up after {given_up:?}, and an event has ten seconds");
    assert!(given_up <= Duration::from_secs(12), "it was given up after {given_up:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_comes_and_goes_costs_no_message_its_time() {
    let mut window = Window::default();
    let mut outcomes: Vec<_> = ["a", "b"].iter().map(|id| admit(&mut window, id, later())).collect();
    for _ in 0..20 {
        take_waiting(&mut window);
        window.lose(None);
        tokio::time::advance(Duration::from_millis(400)).await;
        window.expire(Instant::now(), "");
    }
    assert!(outcomes.iter_mut().all(|outcome| kind(outcome).is_none()), "there is time left");
    // whose turn comes in the second that its last one has ended the connection
    tokio::time::advance(Duration::from_millis(600)).await;
    exchange(&mut window);
    assert!(outcomes.iter_mut().all(|outcome| kind(outcome) == Some(Ok(()))));
}

#[tokio::test(start_paused = true)]
async fn what_connections_end_over_is_given_up_though_others_come_all_the_time() {
    let mut window = Window::default();
    let began = Instant::now();
    let mut deadly = admit_to(&mut window, "shared", "deadly", began + Duration::from_secs(300));
    let mut good = Good(Vec::new(), Duration::ZERO);
    while kind(&mut deadly).is_none() {
        good.admit(&mut window, "other");
        good.admit(&mut window, "other");
        let sent = take_waiting(&mut window);
        if sent.iter().any(|(_, outgoing)| is(outgoing, "deadly")) {
            window.lose(None);
            tokio::time::advance(Duration::from_millis(200)).await;
        } else {
            tokio::time::advance(Duration::from_millis(5)).await;
            window.hear(sent.into_iter().map(|(number, _)| (number, ack(None))).collect());
        }
        window.expire(Instant::now(), "");
        good.look();
        assert!(began.elapsed() < Duration::from_secs(15), "it is still tried");
    }
    assert!(began.elapsed() >= Duration::from_secs(10), "it was given up after {:?}", began.elapsed());
    assert!(good.1 < Duration::from_secs(3), "others waited {:?}", good.1);
}

/// As copies for queues whose leaders do not answer: each channel is given up after a time, and has ended over nothing.
async fn what_gets_no_word_for_minutes(routes: usize) {
    let mut window = Window::default();
    let began = Instant::now();
    let later = began + Duration::from_secs(300);
    let silent = |route: usize| admit_to(&mut window, &format!("route {route}"), "silent", later);
    let mut silent: Vec<_> = (0..routes).map(silent).collect();
    let mut good = Good(Vec::new(), Duration::ZERO);
    while began.elapsed() < Duration::from_secs(240) {
        good.admit(&mut window, "other");
        while let sent = take_waiting(&mut window)
            && !sent.is_empty()
        {
            let heard = sent.into_iter().filter(|(_, outgoing)| is(outgoing, "good"));
            window.hear(heard.map(|(number, _)| (number, ack(None))).collect());
        }
        tokio::time::advance(Duration::from_millis(50)).await;
        window.expire(Instant::now(), "");
        if window.is_stuck(Instant::now()) {
            window.lose(None);
        }
        good.look();
    }
    assert!(good.1 <= Duration::from_millis(100), "others waited {:?}", good.1);
    assert!(silent.iter_mut().all(|silent| kind(silent).is_none()), "their time is not over");
}

#[tokio::test(start_paused = true)]
async fn what_gets_no_word_for_minutes_holds_up_no_others() {
    for routes in [3, 40] {
        what_gets_no_word_for_minutes(routes).await;
    }
}

/// Each channel bears two words before it ends; then the network is well again, and there are two seconds left.
#[tokio::test(start_paused = true)]
async fn a_window_full_of_what_connections_ended_with_goes_out_in_time() {
    const TRIP: Duration = Duration::from_millis(20);
    let mut window = Window::default();
    let began = Instant::now();
    let admit = |number: usize| admit_to(&mut window, &format!("route {}", number % 50), "id", later());
    let mut outcomes: Vec<_> = (0..200).map(admit).collect();
    while began.elapsed() < Duration::from_secs(8) {
        let sent = take_waiting(&mut window);
        tokio::time::advance(TRIP).await;
        window.hear(sent.into_iter().take(2).map(|(number, _)| (number, ack(None))).collect());
        take_waiting(&mut window);
        window.lose(None);
        tokio::time::advance(Duration::from_millis(380)).await;
        window.expire(Instant::now(), "");
    }
    while began.elapsed() < Duration::from_millis(9_900) {
        let sent = take_waiting(&mut window);
        tokio::time::advance(TRIP).await;
        window.hear(sent.into_iter().map(|(number, _)| (number, ack(None))).collect());
        window.expire(Instant::now(), "");
    }
    let failed = outcomes.iter_mut().filter_map(kind).filter(Result::is_err).count();
    assert_eq!((failed, window.is_idle()), (0, true), "and all are told");
}
