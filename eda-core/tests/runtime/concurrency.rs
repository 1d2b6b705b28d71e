//! As many deliveries are handled at once as the concurrency says, whatever handlers wait for.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use eda_core::{App, HandlerDef, Message, Service};
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

/// Who has begun, and who waits for that.
struct Meeting {
    begun: Mutex<u64>,
    changed: Condvar,
    /// Opens when all have begun.
    gate: Semaphore,
}

impl Meeting {
    fn new() -> Self {
        Self { begun: Mutex::new(0), changed: Condvar::new(), gate: Semaphore::new(0) }
    }

    fn begin(&self) {
        *self.begun.lock().expect("nobody panics") += 1;
        self.changed.notify_all();
    }

    /// Keeps the thread until so many have begun; tells whether they have.
    fn wait_for(&self, count: u64) -> bool {
        let begun = self.begun.lock().expect("nobody panics");
        let waited = self.changed.wait_timeout_while(begun, PATIENCE, |begun| *begun < count);
        !waited.expect("nobody panics").1.timed_out()
    }
}

/// Of so many orders that come at once, the first `blocking` ones keep their threads until all have begun, and the others wait
/// for that and keep none.
async fn all_begin(blocking: u64, orders: u64) {
    const ROUNDS: u64 = 20;
    let bench = Bench::new().await;
    let meeting = Arc::new(Meeting::new());
    let (done, mut met) = mpsc::unbounded_channel();
    let handler = HandlerDef::from_fn("take", move |order: OrderCreated| {
        let (done, meeting) = (done.clone(), Arc::clone(&meeting));
        async move {
            meeting.begin();
            let number = order.order_id % orders;
            if number < blocking {
                let all = meeting.wait_for(order.order_id - number + orders);
                if number == 0 {
                    meeting.gate.add_permits(usize::try_from(orders - blocking).expect("they are few"));
                }
                done.send(all).expect("the test listens");
            } else {
                meeting.gate.acquire().await.expect("it stays open").forget();
            }
        }
    });
    let running = bench.start(App::new().service(Service::new("billing").register(handler))).await;
    for round in 0..ROUNDS {
        let memory = bench.memory.clone();
        // on a thread that takes care of the consumer after it, so that the orders come in one piece
        let sent = tokio::spawn(async move {
            for order_id in round * orders..(round + 1) * orders {
                let body = format!(r#"{{"order_id":{order_id}}}"#);
                memory.send_to_queue("billing.take", Message::new("order.created", body)).expect("it is there");
            }
        });
        sent.await.expect("no panic");
        for _ in 0..blocking {
            let all = loop {
                tokio::select! {
                    all = met.recv() => break all,
                    // tokio may not wake a thread that is about to park; anything else that goes on in a program does
                    () = tokio::time::sleep(Duration::from_millis(1)) => drop(tokio::spawn(async {})),
                }
            };
            assert_eq!(all, Some(true), "all begin, in round {round} of {orders}");
        }
        bench.memory.until_idle().await;
    }
    running.shutdown().await.expect("nothing is in hand");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_keeps_its_thread_keeps_no_delivery_waiting() {
    for orders in 2..=16 {
        all_begin(1, orders).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn two_handlers_that_keep_their_threads_keep_no_delivery_waiting() {
    for orders in 3..=16 {
        all_begin(2, orders).await;
    }
}
