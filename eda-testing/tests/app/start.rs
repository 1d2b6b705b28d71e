//! How a test app starts, and why it does not.

use eda_core::transport::Unrouted;
use eda_core::transport::memory::Memory;
use eda_core::{Broker, ErrorKind, Service};
use eda_testing::TestApp;
use tokio::time::Instant;

use crate::support::{OrderCreated, OrderShipped, shop, text};

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_paused_already_is_no_trouble() {
    let app = TestApp::start(shop()).await;
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.settle().await;
    app.assert_published(&OrderShipped { order_id: 1 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_runtime_that_cannot_pause_its_clock_is_explained() {
    let words = words_of_start(|| TestApp::start(shop()));
    assert!(words.starts_with("the clock can be paused on a runtime of one thread only: take plain `#[tokio::test]`"));
    assert!(words.contains("at eda-testing/tests/app/start.rs:"), "{words}");
}

#[tokio::test]
async fn an_app_that_cannot_start_says_every_reason() {
    let words = words_of_start(|| TestApp::start(Service::new("Billing")));
    assert!(words.contains("`Billing` is no name for a service"), "{words}");
    assert!(words.contains("service `Billing` has no handler"), "{words}");
}

#[tokio::test]
async fn the_memory_broker_can_be_the_tests_own() {
    let memory = Memory::new().with_unrouted(Unrouted::Reject);
    let app = TestApp::builder(shop()).memory(memory.clone()).start().await;
    let outcome = app.broker().publisher("web").publish_as("1".into(), &Unheard).await;
    assert_eq!(outcome.map_err(|error| error.kind()), Err(ErrorKind::Unroutable));
    assert!(app.history().contains("web published nobody.listens {}, in vain: no queue is bound"), "{}", app.history());
    app.settle().await;
    assert!(memory.is_idle());
}

#[tokio::test(start_paused = true)]
async fn on_a_broker_time_is_real_and_names_keep_tests_apart() {
    let memory = Memory::new();
    let broker = Broker::new(memory.clone()).await.expect("memory always connects");
    let one = TestApp::builder(shop()).broker(broker.clone()).start().await;
    let other = TestApp::builder(shop()).broker(broker).start().await;
    one.publish(&OrderCreated { order_id: 1 }).await;
    one.settle().await;
    other.settle().await;

    one.assert_published(&OrderShipped { order_id: 1 });
    one.assert_all_acked();
    assert_eq!(one.deliveries("billing.charge")[0].message.routing_key, "order.created");
    assert_eq!(other.history(), "nothing has happened");
    assert_eq!(memory.queue("billing.charge"), None);
    let start = Instant::now();
    std::thread::sleep(std::time::Duration::from_millis(1));
    assert!(start.elapsed() > std::time::Duration::ZERO, "the clock runs");
}

struct Unheard;

impl eda_core::Event for Unheard {
    const NAME: &'static str = "nobody.listens";

    fn encode(&self) -> eda_core::event::Encoded {
        Ok("{}".into())
    }

    fn decode(_: &[u8]) -> eda_core::event::Decoded<Self> {
        Ok(Self)
    }
}

/// What a start that fails says. It does so before it waits for anything.
fn words_of_start<F: Future<Output = TestApp>>(start: impl FnOnce() -> F) -> String {
    let mut starting = Box::pin(start());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let polled =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| starting.as_mut().poll(&mut context).is_ready()));
    text(&*polled.expect_err("it does not start"))
}
