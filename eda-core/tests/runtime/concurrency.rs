//! As many deliveries are handled at once as the concurrency says, whatever handlers wait for.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use eda_core::{App, HandlerDef, Service};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{Bench, OrderCreated, notes, until};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn as_many_are_handled_at_once_as_the_concurrency_says() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let gate = Arc::new(Semaphore::new(0));
    let handler = {
        let gate = Arc::clone(&gate);
        HandlerDef::from_fn("take", move |order: OrderCreated| {
            sender.send(order.order_id).expect("the test listens");
            let gate = Arc::clone(&gate);
            async move { gate.acquire().await.expect("it stays open").forget() }
        })
    };
    let service = Service::new("billing").register(handler.configure(|options| options.concurrency(5)));
    let _running = bench.start(App::new().service(service)).await;
    for order_id in 1..=12 {
        bench.publish(&OrderCreated { order_id }).await;
    }
    for order_id in 1..=5 {
        assert_eq!(seen.next().await, order_id);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(seen.is_empty(), "nothing more is begun");
    gate.add_permits(12);
    for order_id in 6..=12 {
        assert_eq!(seen.next().await, order_id);
    }
    until(|| bench.memory.is_idle()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_that_keep_their_threads_do_not_keep_others_from_theirs() {
    const ORDERS: usize = 6;
    let bench = Bench::new().await;
    let (done, mut met) = mpsc::unbounded_channel();
    let meeting = Arc::new((Mutex::new(0), Condvar::new()));
    // none goes on before all are there
    let handler = HandlerDef::from_fn("take", move |_: OrderCreated| {
        let (done, meeting) = (done.clone(), Arc::clone(&meeting));
        async move {
            let all = tokio::task::block_in_place(|| {
                let (count, changed) = &*meeting;
                let mut count = count.lock().expect("nobody panics");
                *count += 1;
                changed.notify_all();
                let waited = changed.wait_timeout_while(count, PATIENCE, |count| *count < ORDERS);
                !waited.expect("nobody panics").1.timed_out()
            });
            done.send(all).expect("the test listens");
        }
    });
    let running = bench.start(App::new().service(Service::new("billing").register(handler))).await;
    for order_id in 0..ORDERS as u64 {
        bench.publish(&OrderCreated { order_id }).await;
    }
    for _ in 0..ORDERS {
        assert_eq!(met.recv().await, Some(true), "all are handled at once");
    }
    running.shutdown().await.expect("nothing is in hand");
}
