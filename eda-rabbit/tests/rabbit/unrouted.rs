//! Events that nobody subscribes to.

use eda_core::transport::Transport;
use eda_core::{ErrorKind, Message};
use eda_rabbit::Rabbit;

use crate::support::{Foreign, event, fresh, next, send, subscribe, subscription, until, url_with};

#[tokio::test]
async fn an_event_that_nobody_wants_yet_is_parked() {
    let (rabbit, foreign) = (crate::support::rabbit().await, Foreign::new().await);
    let (publisher, key) = (rabbit.publisher().await.expect("there is one"), fresh("nobody"));
    send(&*publisher, Message::new(key.clone(), "kept")).await.expect("it is in good hands");
    let found = until(async || {
        let found = foreign.take("eda.unrouted").await;
        (found.routing_key == key).then_some(found)
    });
    assert_eq!(found.await.body, b"kept");
}

#[tokio::test]
async fn an_unroutable_event_can_be_an_error() {
    let rabbit = Rabbit::connect(&url_with("unrouted=reject")).await.expect("the broker answers");
    let publisher = rabbit.publisher().await.expect("there is one");
    let error = send(&*publisher, Message::new(fresh("nobody"), "1")).await.expect_err("nobody is bound");
    assert_eq!(error.kind(), ErrorKind::Unroutable);
    assert!(error.to_string().contains("no queue is bound for `nobody-"), "{error}");

    let wanted = subscription("wanted");
    let mut deliveries = subscribe(&rabbit, &wanted).await;
    send(&*publisher, event(&wanted, "1")).await.expect("somebody is bound");
    next(&mut deliveries).await.ack();
}

#[tokio::test]
async fn of_two_thousand_in_flight_the_right_half_is_unroutable() {
    let rabbit = Rabbit::connect(&url_with("unrouted=reject")).await.expect("the broker answers");
    let wanted = subscription("half");
    let _deliveries = subscribe(&rabbit, &wanted).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    let mut receipts = Vec::new();
    for index in 0..2_000_u32 {
        let mut message = event(&wanted, &index.to_string());
        let is_wanted = index.wrapping_mul(2_654_435_761) & 0x1000 == 0;
        if !is_wanted {
            message.routing_key = fresh("nobody").into();
        }
        receipts.push((is_wanted, publisher.send(message).await.expect("there is room")));
    }
    let mut wrong = 0;
    for (is_wanted, receipt) in receipts {
        let outcome = receipt.confirmed().await.map_err(|error| error.kind());
        wrong += u32::from(outcome != if is_wanted { Ok(()) } else { Err(ErrorKind::Unroutable) });
    }
    assert_eq!(wrong, 0);
}
