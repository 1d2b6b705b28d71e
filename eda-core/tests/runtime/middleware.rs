//! Layers around the call.

use eda_core::middleware::CallService;
use eda_core::transport::Reason;
use eda_core::{App, Failure, HandlerDef, Service};
use tower::ServiceExt;
use tower::layer::layer_fn;

use crate::support::{Bench, OrderCreated, notes};

#[tokio::test(start_paused = true)]
async fn the_last_layer_is_outermost_and_sees_every_attempt() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let tell = |name: &'static str| {
        let sender = sender.clone();
        layer_fn(move |inner: CallService| {
            let sender = sender.clone();
            inner.map_request(move |call: eda_core::Call| {
                sender.send(format!("{name} {} {}", call.handler, call.attempt)).expect("the test listens");
                call
            })
        })
    };
    let fails = HandlerDef::from_fn("take", |_: OrderCreated| async { Err::<(), _>(Failure::transient("later")) })
        .configure(|options| options.retries(1));
    let service = Service::new("billing").register(fails).layer(tell("inner")).layer(tell("outer"));
    let _running = bench.start(App::new().service(service)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    for expected in ["outer take 1", "inner take 1", "outer take 2", "inner take 2"] {
        assert_eq!(seen.next().await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handlers_failure_keeps_its_class_through_layers() {
    let bench = Bench::new().await;
    let handler = HandlerDef::from_fn("take", |_: OrderCreated| async { Err::<(), _>(Failure::permanent("declined")) });
    let service = Service::new("billing").register(handler).layer(layer_fn(|inner: CallService| inner));
    let _running = bench.start(App::new().service(service)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    let dead = bench.dead_letters("billing.take", 1).await;
    assert_eq!((dead[0].failure.reason, dead[0].failure.detail.as_str()), (Reason::Permanent, "declined"));
}
