//! What starting refuses: every problem at once, before anything is declared.

use std::time::Duration;

use eda_core::transport::memory::Memory;
use eda_core::transport::{Capabilities, Deliveries, Publish, Transport};
use eda_core::{AnyEvent, App, Backoff, Broker, ErrorKind, HandlerDef, Policy, Service, Subscription, Topology};

use crate::support::{Bench, OrderCreated, OrderPaid};

fn problems(app: &App) -> String {
    let error = app.topology().expect_err("something stands in the way");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    error.to_string()
}

fn on<E: eda_core::Incoming>(name: &'static str, queue: &'static str) -> HandlerDef<()> {
    HandlerDef::from_fn(name, |_: E| async {}).configure(|options| options.queue(queue))
}

#[test]
fn every_problem_is_listed_at_once() {
    let report = problems(
        &App::new()
            .service(Service::new("empty"))
            .service(Service::new("Bad Name").on("take", |_: OrderCreated| async {}))
            .service(
                Service::new("billing")
                    .register(on::<OrderCreated>("one", "shared"))
                    .register(on::<OrderCreated>("two", "shared"))
                    .register(on::<OrderPaid>("three", "shared").configure(|options| options.retries(1))),
            ),
    );
    assert!(report.starts_with("the app can't start, for 4 reasons:"), "{report}");
    for expected in [
        "service `empty` has no handler: add one with `.handler::<…>()` or `.on(…)`, or say what it publishes with `.publishes::<…>()`",
        "`Bad Name` is no name for a service",
        "both take `order.created` from queue `shared`",
        "share queue `shared` with different options",
        "eda-core/tests/runtime/startup.rs:",
    ] {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_only_publishes_runs_until_it_is_told_to_stop() {
    let bench = Bench::new().await;
    let app = App::from(Service::new("web").publishes::<OrderCreated>());
    assert_eq!(app.topology().expect("that is fine"), Topology::default());

    let mut running = bench.start(app).await;
    assert_eq!(running.health().to_string(), "ready");
    let day = Duration::from_secs(24 * 3600);
    tokio::time::timeout(day, running.ended()).await.expect_err("nothing ends it");
    bench.broker.publisher("web").publish(&OrderCreated { order_id: 1 }).await.expect("memory confirms");
    let stopped = tokio::time::timeout(Duration::from_secs(1), running.shutdown());
    stopped.await.expect("nothing is in hand").expect("a clean end");
}

#[test]
fn two_handlers_of_one_name_are_told_to_take_another() {
    let service =
        Service::new("billing").on("charge", |_: OrderCreated| async {}).on("charge", |_: OrderCreated| async {});
    let report = problems(&App::new().service(service));
    assert!(report.contains("have one name: give one another with `name = \"…\"`"), "{report}");
}

#[test]
fn one_that_takes_every_event_shares_its_queue_with_nobody() {
    let service =
        Service::new("billing").register(on::<OrderCreated>("one", "shared")).register(on::<AnyEvent>("two", "shared"));
    assert!(problems(&App::new().service(service)).contains("from queue `shared`"));
}

#[test]
fn options_that_make_no_sense_are_named() {
    let service = Service::new("billing")
        .register(HandlerDef::from_fn("one", |_: OrderCreated| async {}).configure(|options| options.pattern("a.#")))
        .register(HandlerDef::from_fn("two", |_: OrderCreated| async {}).configure(|options| options.declare(false)))
        .register(HandlerDef::from_fn("three", |_: OrderCreated| async {}).configure(|options| options.concurrency(0)))
        .register(
            on::<OrderCreated>("four", "four")
                .configure(|options| options.backoff(Backoff::millis(1, 90_000_000)).retries(40)),
        );
    let report = problems(&App::new().service(service));
    for expected in [
        "take `AnyEvent`, or leave the pattern out",
        "add `queue = \"…\"`",
        "must be greater than 0",
        "a retry can wait for a day at most, found 1day 1h",
    ] {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
}

#[test]
fn handlers_of_different_events_share_a_queue() {
    let service = Service::new("billing")
        .register(on::<OrderCreated>("one", "shared"))
        .register(on::<OrderPaid>("two", "shared"));
    let topology = App::new().service(service).topology().expect("that is fine");
    assert_eq!(topology.subscriptions.len(), 1);
    assert_eq!(topology.subscriptions[0].bindings, ["order.created", "order.paid"]);
}

#[tokio::test]
async fn a_missing_foreign_queue_is_named() {
    let bench = Bench::new().await;
    let handler = on::<OrderCreated>("take", "order_events").configure(|options| options.declare(false));
    let app = App::new().service(Service::new("billing").register(handler));
    let error = app.start(&bench.broker).await.expect_err("nobody has declared it");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("order_events"), "{error}");
}

/// Memory that says it can do nothing beyond the least.
struct Poor(Memory);

#[async_trait::async_trait]
impl Transport for Poor {
    fn describe(&self) -> String {
        "poor".into()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn declare(&self, _: &Topology) -> eda_core::Result {
        panic!("an app that asks for too much declares nothing")
    }

    async fn publisher(&self) -> eda_core::Result<Box<dyn Publish>> {
        self.0.publisher().await
    }

    async fn subscribe(&self, subscription: &Subscription) -> eda_core::Result<Box<dyn Deliveries>> {
        self.0.subscribe(subscription).await
    }

    async fn close(&self) -> eda_core::Result {
        self.0.close().await
    }
}

#[tokio::test]
async fn what_the_transport_lacks_is_listed_before_anything_is_declared() {
    let broker = Broker::new(Poor(Memory::new())).await.expect("it connects");
    let service = Service::new("billing")
        .register(on::<AnyEvent>("audit", "audit").configure(|options| options.pattern("order.#")))
        .register(on::<OrderCreated>("take", "order_events").configure(|options| options.declare(false)));
    let error = App::new().service(service).start(&broker).await.expect_err("it asks for too much");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    for expected in
        ["`audit` asks for delayed retries", "`audit` asks for wildcards", "queues that someone else declared"]
    {
        assert!(error.to_string().contains(expected), "{expected}\n{error}");
    }
}

struct BadlyNamed;

impl eda_core::Event for BadlyNamed {
    const NAME: &'static str = "Order Created";

    fn encode(&self) -> eda_core::event::Encoded {
        Ok("{}".into())
    }

    fn decode(_: &[u8]) -> eda_core::event::Decoded<Self> {
        Ok(Self)
    }
}

#[test]
fn names_are_checked_and_told_apart() {
    let report = problems(
        &App::new()
            .service(Service::new("billing").register(on::<OrderCreated>("one", "shared")))
            .service(Service::new("shipping").register(on::<OrderPaid>("one", "shared")))
            .service(Service::new("billing").on("emits", |_: OrderCreated| async { BadlyNamed })),
    );
    for expected in [
        "from one queue, `shared`, for two services",
        "two services are named `billing`",
        "`Order Created`, of handler `billing.emits`",
    ] {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
}

#[test]
fn a_policy_is_the_handlers_then_the_services_then_the_default() {
    let policies = |service: Service| {
        let topology = App::new().service(service).topology().expect("that is fine");
        topology.subscriptions.into_iter().map(|subscription| subscription.policy).collect::<Vec<_>>()
    };
    let default = &policies(Service::new("billing").on("one", |_: OrderCreated| async {}))[0];
    assert_eq!((default.retries, default.concurrency, default.prefetch), (10, 16, None));
    assert_eq!((default.backoff, default.timeout), (Backoff::millis(1_000, 300_000), Duration::from_secs(300)));

    let services = Policy { retries: 3, concurrency: 2, prefetch: Some(9), ..Policy::default() };
    let own = HandlerDef::from_fn("two", |_: OrderCreated| async {}).configure(|options| options.retries(7));
    let service = Service::new("billing").on("one", |_: OrderCreated| async {}).register(own).policy(services.clone());
    assert_eq!(policies(service), [services.clone(), Policy { retries: 7, ..services }]);
}
