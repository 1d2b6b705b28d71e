//! What an assertion says when it fails: what was expected, what was found, and all that has happened.

use eda_core::transport::Reason;
use eda_core::{Failure, Message};
use eda_testing::TestApp;

use crate::support::{OrderCreated, OrderPaid, OrderShipped, billing, no_answer, shop, words_of};

#[tokio::test]
async fn another_event_was_published() {
    let app = TestApp::start(shop()).await;
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.settle().await;
    let words = words_of(|| app.assert_published(&OrderShipped { order_id: 2 }));
    let expected = r#"expected this `order.shipped` to be published:
  {"order_id":2}
found another one:
  {"order_id":1}
what has happened:
  the test published order.created {"order_id":1}, to billing.charge
  billing.charge: order.created {"order_id":1}, attempt 1: acked
  billing published order.paid {"order_id":1}, to shipping.ship
  shipping.ship: order.paid {"order_id":1}, attempt 1: acked
  shipping published order.shipped {"order_id":1}, to books.close
  books.close: order.shipped {"order_id":1}, attempt 1: acked"#;
    assert_eq!(words, expected);
}

#[tokio::test]
async fn nothing_was_published() {
    let app = TestApp::start(billing(|_| async { Err::<(), _>(no_answer()) })).await;
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.settle().await;
    let words = words_of(|| app.assert_published(&OrderPaid { order_id: 1 }));
    let expected = r#"expected this `order.paid` to be published:
  {"order_id":1}
none was published
what has happened:
  the test published order.created {"order_id":1}, to billing.charge
  billing.charge: order.created {"order_id":1}, attempt 1: retried after 3600s: transient: the card network did not answer"#;
    assert_eq!(words, expected);
}

#[tokio::test]
async fn something_was_published() {
    let app = TestApp::start(shop()).await;
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.settle().await;
    let words = words_of(|| app.assert_not_published::<OrderPaid>());
    let expected = "expected no `order.paid` to be published, found 1:\n  {\"order_id\":1}\nwhat has happened:";
    assert!(words.starts_with(expected), "{words}");
}

#[tokio::test]
async fn not_every_delivery_was_acked() {
    let app = TestApp::start(billing(|_| async { Err::<(), _>(Failure::permanent("card declined")) })).await;
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.settle().await;
    let line = "billing.charge: order.created {\"order_id\":1}, attempt 1: dead letter: permanent: card declined";
    let words = words_of(|| app.assert_all_acked());
    assert!(words.starts_with(&format!("expected every delivery to be acked, found:\n  {line}\nwhat")), "{words}");

    let words = words_of(|| app.assert_dead_letter("billing.charge", Reason::Undecodable));
    let expected = format!(
        "expected one dead letter of `billing.charge`, for the reason `undecodable`, found others:\n  {line}\nwhat"
    );
    assert!(words.starts_with(&expected), "{words}");

    let words = words_of(|| app.assert_retried("billing.charge", 1));
    assert!(words.starts_with("expected 1 retries of `billing.charge`, found 0\nwhat"), "{words}");
}

#[tokio::test]
async fn a_queue_that_the_app_has_not() {
    let app = TestApp::start(shop()).await;
    for words in [
        words_of(|| app.deliveries("billing.chrage")),
        words_of(|| app.assert_retried("billing.chrage", 0)),
        words_of(|| app.send_to_queue("billing.chrage", Message::default())),
    ] {
        let known = "expected one of `billing.charge`, `shipping.ship`, `books.close`";
        assert_eq!(words, format!("the app has no queue `billing.chrage`: {known}"));
    }
}

#[tokio::test]
async fn a_body_of_another_shape() {
    let app = TestApp::start(billing(|_| async {})).await;
    app.publish_message(Message::new("order.created", r#"{"order": 1}"#)).await;
    app.settle().await;
    let [delivered] = &app.deliveries("billing.charge")[..] else { panic!("one delivery") };
    let words = words_of(|| delivered.event::<OrderCreated>());
    assert!(words.starts_with("the body is no `order.created`: missing field `order_id`"), "{words}");
    assert!(words.ends_with("\n  {\"order\": 1}"), "{words}");
}

#[tokio::test]
async fn long_bodies_are_cut() {
    let app = TestApp::start(billing(|_| async {})).await;
    app.publish_message(Message::new("order.created", "x".repeat(5000))).await;
    app.settle().await;
    assert!(app.history().contains("xxx…, to billing.charge"), "{}", app.history());
    assert!(app.history().len() < 1000, "{}", app.history());
}
