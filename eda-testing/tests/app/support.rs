//! A shop in three services, and panics as text.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use eda_core::{App, Backoff, Event, Failure, HandlerDef, Service, event, json};
use eda_testing::TestApp;
use serde::{Deserialize, Serialize};

macro_rules! event {
    ($name:ident, $wire:literal) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub(crate) struct $name {
            pub(crate) order_id: u64,
        }

        impl Event for $name {
            const NAME: &'static str = $wire;

            fn encode(&self) -> event::Encoded {
                json::encode(self)
            }

            fn decode(body: &[u8]) -> event::Decoded<Self> {
                json::decode(body)
            }
        }
    };
}

event!(OrderCreated, "order.created");
event!(OrderPaid, "order.paid");
event!(OrderShipped, "order.shipped");

/// Orders are paid, then shipped, then written down.
pub(crate) fn shop() -> App {
    let paid = |order: OrderCreated| async move { OrderPaid { order_id: order.order_id } };
    let shipped = |order: OrderPaid| async move { OrderShipped { order_id: order.order_id } };
    App::new()
        .service(Service::new("billing").on("charge", paid))
        .service(Service::new("shipping").on("ship", shipped))
        .service(Service::new("books").on("close", |_: OrderShipped| async {}))
}

/// A service of one handler, `billing.charge`, with three retries after 1, 2 and 4 hours, and a timeout of 10 s.
pub(crate) fn billing<R>(charge: impl Fn(OrderCreated) -> R + Send + Sync + 'static) -> Service
where
    R: Future<Output: eda_core::Outcome> + Send + 'static,
{
    let hour = 3_600_000;
    let handler = HandlerDef::from_fn("charge", charge)
        .configure(|options| options.retries(3).backoff(Backoff::millis(hour, 4 * hour)).timeout_millis(10_000));
    Service::new("billing").register(handler)
}

pub(crate) fn no_answer() -> Failure {
    Failure::transient("the card network did not answer")
}

/// What an assertion that fails says.
pub(crate) fn words_of<T>(assertion: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(assertion)) {
        Ok(_) => panic!("expected it to fail"),
        Err(panic) => text(&*panic),
    }
}

/// What `settle` says when it gives up.
pub(crate) async fn words_of_settle(app: &Arc<TestApp>) -> String {
    let app = Arc::clone(app);
    let settled = tokio::spawn(async move { app.settle().await }).await;
    text(&*settled.expect_err("it does not settle").into_panic())
}

pub(crate) fn text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .expect("a text")
}
