//! The shop's services under test with `TestApp`, as their authors would test them: in memory, and the same on RabbitMQ.

#![cfg(all(feature = "macros", feature = "json"))]
#![expect(unreachable_pub, reason = "the shop's files are those of a program")]

#[path = "../examples/shop/billing.rs"]
mod billing;
#[path = "../examples/shop/events.rs"]
#[allow(dead_code, reason = "the old shop's orders come over a broker only")]
mod events;
#[path = "../examples/shop/orders.rs"]
#[expect(dead_code, reason = "the shop waits for its orders, and a test need not")]
mod orders;
#[path = "../examples/shop/shipping.rs"]
mod shipping;

use std::time::Duration;

use eda::transport::Reason;
use eda::{App, Message};
use eda_testing::TestApp;

use crate::events::{OrderConfirmed, OrderCreated, OrderShipped, PaymentCompleted, PaymentDeclined};
use crate::orders::{OrderBook, Status};

/// Run twice: in memory, and by [`on_rabbitmq`] there.
mod both {
    use super::*;

    #[tokio::test]
    async fn an_order_is_paid_shipped_and_completed() {
        let (app, book) = shop().await;
        place(&app, &book, "tok_visa").await;
        app.settle().await;

        app.assert_published(&PaymentCompleted { order_id: "A-1".into(), amount: 1_850 });
        app.assert_published(&OrderShipped { order_id: "A-1".into(), parcel: "A-1/1".into() });
        app.assert_all_acked();
        assert_eq!(status(&book), Status::Completed { parcel: "A-1/1".into() });
    }

    #[tokio::test]
    async fn a_card_network_that_does_not_answer_is_asked_again() {
        let (app, book) = shop().await;
        place(&app, &book, "tok_answers_at_third_call").await;
        app.settle().await;
        app.assert_not_published::<PaymentCompleted>();

        app.advance(Duration::from_secs(2)).await;
        app.assert_retried("billing.charge", 2);
        assert_eq!(app.published::<PaymentCompleted>().len(), 1);
        assert!(matches!(status(&book), Status::Completed { .. }));
    }

    #[tokio::test]
    async fn a_declined_card_cancels_the_order_and_stays_as_a_dead_letter() {
        let (app, book) = shop().await;
        place(&app, &book, "tok_insufficient_funds").await;
        app.settle().await;

        let reason = "insufficient funds".to_owned();
        app.assert_published(&PaymentDeclined { order_id: "A-1".into(), reason: reason.clone() });
        app.assert_not_published::<OrderConfirmed>();
        let letter = app.assert_dead_letter("billing.charge", Reason::Permanent);
        assert_eq!(letter.event::<OrderCreated>().order_id, "A-1");
        assert_eq!(letter.failure().map(|failure| &*failure.detail), Some("card declined: insufficient funds"));
        assert_eq!(status(&book), Status::Cancelled { reason });
    }

    #[tokio::test]
    async fn an_order_that_cannot_be_read_stops_nobody() {
        let (app, book) = shop().await;
        app.publish_message(Message::new("order.created", r#"{"order": "#)).await;
        place(&app, &book, "tok_visa").await;
        app.settle().await;

        app.assert_dead_letter("billing.charge", Reason::Undecodable);
        assert!(matches!(status(&book), Status::Completed { .. }));
    }
}

/// One service alone: what the others would say comes from the test.
#[tokio::test]
async fn billing_alone_charges_once_for_each_order() {
    let app = TestApp::start(billing::service()).await;
    for order_id in ["A-1", "A-2"] {
        app.publish(&order(order_id, "tok_mastercard")).await;
    }
    app.settle().await;
    let paid: Vec<_> = app.published::<PaymentCompleted>().into_iter().map(|paid| paid.order_id).collect();
    assert_eq!(paid, ["A-1", "A-2"]);
}

#[cfg(feature = "rabbit")]
mod on_rabbitmq {
    use std::process::{Command, Output};

    #[test]
    fn the_same_tests_pass_there() {
        let url = std::env::var("AMQP_URL").expect("no broker: run `cargo xtask test`, or set AMQP_URL");
        // twice: the second run meets what the first one left behind
        for _ in 0..2 {
            let output = tests_of_both_on(&url);
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{told}");
            assert!(told.contains("test result: ok. 4 passed"), "{told}");
        }
    }

    #[test]
    fn a_broker_that_is_not_there_is_named() {
        let output = tests_of_both_on("ftp://localhost");
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "{told}");
        assert!(told.contains("the broker of EDA_TEST_BROKER: expected a URL"), "{told}");
        assert!(told.contains("at tests/shop_app.rs:"), "{told}");
    }

    fn tests_of_both_on(url: &str) -> Output {
        let program = std::env::current_exe().expect("a test is a file");
        Command::new(program).arg("both::").env("EDA_TEST_BROKER", url).output().expect("it runs")
    }
}

/// In memory; on RabbitMQ by `EDA_TEST_BROKER=amqp://localhost`.
async fn shop() -> (TestApp, OrderBook) {
    let book = OrderBook::default();
    let app =
        App::new().service(orders::service(book.clone())).service(billing::service()).service(shipping::service());
    (TestApp::builder(app).broker_from_env(eda::connect).start().await, book)
}

async fn place(app: &TestApp, book: &OrderBook, card_token: &str) {
    book.place(order("A-1", card_token), &app.broker().publisher("orders")).await.expect("the broker confirms");
}

fn order(order_id: &str, card_token: &str) -> OrderCreated {
    OrderCreated {
        order_id: order_id.to_owned(),
        customer: "Ada".to_owned(),
        item: "two cups".to_owned(),
        amount: 1_850,
        card_token: card_token.to_owned(),
    }
}

fn status(book: &OrderBook) -> Status {
    let orders = book.orders();
    orders.first().expect("an order was placed").status.clone()
}
