//! A message that connections end over, without a word.

use super::*;

/// As the broker, which hears nothing of a burst in which the deadly one is.
fn exchange(window: &mut Window) {
    while let sent = take_waiting(window)
        && !sent.is_empty()
    {
        if sent
            .iter()
            .any(|(_, outgoing)| outgoing.properties.message_id().as_ref().is_some_and(|id| id.as_str() == "deadly"))
        {
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
    let (mut waiting, mut longest) = (Vec::new(), Duration::ZERO);
    let given_up = loop {
        for key in ["shared", "other"] {
            waiting.push((Instant::now(), admit_to(&mut window, key, "good", later())));
        }
        exchange(&mut window);
        tokio::time::advance(STEP).await;
        window.expire(Instant::now(), "");
        waiting.retain_mut(|(since, good)| match kind(good) {
            Some(told) => {
                assert_eq!(told, Ok(()));
                longest = longest.max(since.elapsed());
                false
            }
            None => true,
        });
        if let Some(told) = kind(&mut deadly) {
            assert_eq!(told, Err(ErrorKind::Unconfirmed));
            break began.elapsed();
        }
    };
    assert!(longest <= 6 * STEP, "others waited {longest:?}");
    assert!(given_up >= Duration::from_secs(10), "it was given up after {given_up:?}, and an event has ten seconds");
    assert!(given_up <= Duration::from_secs(11), "it was given up after {given_up:?}");
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
    exchange(&mut window);
    assert!(outcomes.iter_mut().all(|outcome| kind(outcome) == Some(Ok(()))));
}
