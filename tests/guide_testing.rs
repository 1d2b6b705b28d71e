//! The guide to testing, `docs/guides/testing.md`, as a program: each of its blocks stands here, word for word, and runs.

#![cfg(all(feature = "macros", feature = "json"))]
#![expect(clippy::unused_async, reason = "a handler is async, also one that is short enough for a guide")]

use eda::prelude::*;
use eda_testing::TestApp;

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "order.created", key = order_id)]
struct OrderCreated {
    order_id: u64,
}

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "payment.completed", key = order_id)]
struct PaymentCompleted {
    order_id: u64,
}

#[handler]
async fn charge(order: OrderCreated) -> PaymentCompleted {
    PaymentCompleted { order_id: order.order_id }
}

#[tokio::test]
async fn an_order_is_paid() {
    let app = TestApp::start(Service::new("billing").handler::<charge>()).await;
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.settle().await;
    app.assert_published(&PaymentCompleted { order_id: 1 });
}

#[tokio::test]
async fn charging_gives_a_payment() {
    let payment = charge(OrderCreated { order_id: 1 }).await;
    assert_eq!(payment.order_id, 1);
}

mod retries {
    use super::{Event, HandlerError, OrderCreated, Service, State, TestApp, handler};
    use serde::{Deserialize, Serialize};

    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use eda::transport::Reason;

    #[derive(Debug, thiserror::Error, HandlerError)]
    enum CarrierError {
        #[error("the carrier does not answer")]
        NoAnswer,
        #[error("the carrier does not go there")]
        #[permanent]
        TooFar,
    }

    /// A carrier that answers from a certain call on, and goes as far as order 100.
    #[derive(Clone, Default)]
    struct Carrier {
        answers_from: u32,
        calls: Arc<AtomicU32>,
    }

    #[derive(Debug, Serialize, Deserialize, Event)]
    #[event(name = "order.shipped", key = order_id)]
    struct OrderShipped {
        order_id: u64,
    }

    #[handler(retries = 5, backoff = "1h..4h")]
    async fn ship(order: OrderCreated, State(carrier): State<Carrier>) -> Result<OrderShipped, CarrierError> {
        if order.order_id > 100 {
            return Err(CarrierError::TooFar);
        }
        if carrier.calls.fetch_add(1, Ordering::Relaxed) + 1 < carrier.answers_from {
            return Err(CarrierError::NoAnswer);
        }
        Ok(OrderShipped { order_id: order.order_id })
    }

    fn shipping(answers_from: u32) -> Service<Carrier> {
        Service::new("shipping").state(Carrier { answers_from, ..Carrier::default() }).handler::<ship>()
    }

    #[tokio::test]
    async fn a_carrier_that_does_not_answer_is_asked_again() {
        let app = TestApp::start(shipping(3)).await;
        app.publish(&OrderCreated { order_id: 1 }).await;
        app.settle().await;
        app.assert_retried("shipping.ship", 1);
        app.assert_not_published::<OrderShipped>();

        app.advance(Duration::from_secs(3 * 3600)).await;
        app.assert_retried("shipping.ship", 2);
        app.assert_published(&OrderShipped { order_id: 1 });
    }

    #[tokio::test]
    async fn an_order_from_far_away_is_a_dead_letter() {
        let app = TestApp::start(shipping(1)).await;
        app.publish(&OrderCreated { order_id: 101 }).await;
        app.settle().await;
        let letter = app.assert_dead_letter("shipping.ship", Reason::Permanent);
        assert_eq!(letter.event::<OrderCreated>().order_id, 101);
        assert_eq!(letter.failure().expect("it failed").detail, "the carrier does not go there");
    }

    #[tokio::test]
    async fn every_attempt_can_be_looked_at() {
        let app = TestApp::start(shipping(2)).await;
        app.publish(&OrderCreated { order_id: 1 }).await;
        app.advance(Duration::from_secs(3600)).await;
        let told: Vec<_> = app.deliveries("shipping.ship").iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                r#"shipping.ship: order.created {"order_id":1}, attempt 1: retried after 3600s: transient: the carrier does not answer"#,
                r#"shipping.ship: order.created {"order_id":1}, attempt 2: acked"#,
            ]
        );
    }
}

mod foreign {
    use super::{Service, TestApp, charge};

    use eda::Message;
    use eda::transport::Reason;

    #[tokio::test]
    async fn an_order_that_cannot_be_read_stops_nobody() {
        let app = TestApp::start(Service::new("billing").handler::<charge>()).await;
        app.publish_message(Message::new("order.created", r#"{"order": "one"}"#)).await;
        app.publish_message(Message::new("order.created", r#"{"order_id": 2}"#)).await;
        app.settle().await;
        app.assert_dead_letter("billing.charge", Reason::Undecodable);
        assert_eq!(app.deliveries("billing.charge").len(), 2);
    }
}

mod several {
    use super::{AnyEvent, OrderCreated, PaymentCompleted, Service, TestApp, charge};

    use eda::App;

    #[tokio::test]
    async fn the_books_hear_of_every_event() {
        let billing = Service::new("billing").handler::<charge>();
        let books = Service::new("books").on("log", |_: AnyEvent| async {});
        let app = TestApp::start(App::new().service(billing).service(books)).await;

        let web = app.broker().publisher("web");
        web.publish(&OrderCreated { order_id: 1 }).await.expect("memory confirms");
        app.settle().await;
        app.assert_all_acked();
        app.assert_published(&PaymentCompleted { order_id: 1 });
        assert_eq!(app.deliveries("books.log").len(), 2);
    }
}

mod both {
    use super::{OrderCreated, PaymentCompleted, Service, TestApp, charge};

    #[tokio::test]
    async fn an_order_is_paid_on_every_broker() {
        let billing = Service::new("billing").handler::<charge>();
        let app = TestApp::builder(billing).broker_from_env(eda::connect).start().await;
        app.publish(&OrderCreated { order_id: 1 }).await;
        app.settle().await;
        app.assert_published(&PaymentCompleted { order_id: 1 });
    }
}

mod guide {
    use super::{OrderCreated, PaymentCompleted, Service, TestApp, charge};

    const GUIDE: &str = include_str!("../docs/guides/testing.md");
    const PROGRAM: &str = include_str!("guide_testing.rs");

    #[test]
    fn every_block_is_part_of_this_program() {
        let blocks = blocks("rust");
        assert!(blocks.len() >= 8, "only {} blocks", blocks.len());
        for block in blocks {
            assert!(flat(PROGRAM).contains(&flat(block)), "not in tests/guide_testing.rs:\n{block}");
        }
    }

    #[tokio::test]
    async fn the_words_of_a_failure_are_those_that_the_guide_shows() {
        let app = TestApp::start(Service::new("billing").handler::<charge>()).await;
        app.publish(&OrderCreated { order_id: 1 }).await;
        app.settle().await;
        let failing = std::panic::AssertUnwindSafe(|| app.assert_published(&PaymentCompleted { order_id: 2 }));
        let words = std::panic::catch_unwind(failing).expect_err("it fails");
        let words = words.downcast_ref::<String>().expect("it is a text");
        assert_eq!(blocks("text"), [format!("{words}\n")]);
    }

    fn blocks(language: &str) -> Vec<&'static str> {
        let fence = format!("\n```{language}\n");
        GUIDE.split(&fence).skip(1).map(|rest| rest.split_once("```").expect("a block ends").0).collect()
    }

    /// Without the indentation, which differs.
    fn flat(text: &str) -> String {
        text.lines().map(|line| line.trim().to_owned() + "\n").collect()
    }
}
