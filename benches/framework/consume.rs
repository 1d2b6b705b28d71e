//! Handlers, and the services that they are in.
#![expect(clippy::unused_async, reason = "handlers are async, also those that wait for nothing")]

use std::time::Duration;

use eda::prelude::*;
use eda::{Broker, HandlerDef, HandlerMeta};
use eda_bench::event::{OrderPaid, OrderPlaced, SOURCE};
use eda_bench::meter::Sample;
use eda_bench::progress::Progress;
use eda_bench::task::{LATENCY_RATE, Queue, Task, Work};
use tokio::time::{Instant, sleep_until};

/// Handles what waits in the queue.
pub(super) async fn backlog(broker: &Broker, task: &Task) -> eda::Result<Sample> {
    let progress = match task.work {
        // what failed comes again at the end
        Work::Retries => Progress::until(task.events),
        _ => Progress::steady(task.events),
    };
    let running = service(task, &progress).start(broker).await?;
    let sample = progress.done().await;
    running.shutdown().await?;
    Ok(sample)
}

/// Publishes at a steady pace what this service handles, too.
pub(super) async fn latency(broker: &Broker, task: &Task) -> eda::Result<Sample> {
    let progress = Progress::until(task.events);
    let running = service(task, &progress).start(broker).await?;
    let publisher = broker.publisher(SOURCE);
    let begin = Instant::now();
    for number in 0..task.events {
        sleep_until(begin + Duration::from_secs(number) / LATENCY_RATE).await;
        publisher.publish(&OrderPlaced::new(progress.now())).await?;
    }
    let sample = progress.done().await;
    running.shutdown().await?;
    Ok(sample)
}

fn service(task: &Task, progress: &Progress) -> Service<Progress> {
    let service = Service::new(SOURCE).state(progress.clone());
    let queue = task.queue;
    match task.work {
        Work::Chain => service.register(on(HandlerDef::of::<charge>(), queue, queue.consumed())),
        Work::Latency => service.register(on(HandlerDef::of::<measure>(), queue, queue.consumed())),
        Work::Retries => service.register(on(HandlerDef::of::<stumble>(), queue, queue.consumed())),
        Work::Handlers => mixed::add(service, queue),
        _ => service.register(on(HandlerDef::of::<consume>(), queue, queue.consumed())),
    }
}

/// A classic queue is one that somebody else declared.
fn on<S: Send + Sync + 'static>(handler: HandlerDef<S>, queue: Queue, name: &'static str) -> HandlerDef<S> {
    handler.configure(|options: HandlerMeta| options.queue(name).declare(queue == Queue::Quorum))
}

/// Does nothing but count.
#[handler]
async fn consume(order: OrderPlaced, State(progress): State<Progress>) {
    std::hint::black_box(order);
    progress.handled();
}

/// One event follows from the other.
#[handler]
async fn charge(order: OrderPlaced, State(progress): State<Progress>) -> OrderPaid {
    progress.handled();
    order.paid()
}

#[handler]
async fn measure(order: OrderPlaced, State(progress): State<Progress>) {
    progress.handled_since(order.number());
}

/// Fails with every tenth order once.
#[handler(backoff = "100ms..1s")]
async fn stumble(order: OrderPlaced, State(progress): State<Progress>, meta: Meta) -> Result<(), Failure> {
    if order.number().is_multiple_of(10) && meta.attempt == 1 {
        return Err(Failure::transient("every tenth fails once"));
    }
    progress.handled();
    Ok(())
}

/// Sixteen handlers.
mod mixed {
    use eda_bench::event::mixed as event;

    use super::{HandlerDef, Progress, Queue, Service, State, handler, on};

    macro_rules! handlers {
        ($($handler:ident $event:ident)+) => {
            $(
                #[handler]
                async fn $handler(order: event::$event, State(progress): State<Progress>) {
                    std::hint::black_box(order);
                    progress.handled();
                }
            )+

            pub(super) fn add(service: Service<Progress>, queue: Queue) -> Service<Progress> {
                let handlers = [$(HandlerDef::of::<$handler>()),+];
                let handlers = handlers.into_iter().enumerate();
                handlers.fold(service, |service, (index, handler)| {
                    service.register(on(handler, queue, queue.handler(index)))
                })
            }
        };
    }

    handlers! {
        mixed00 Mixed00 mixed01 Mixed01 mixed02 Mixed02 mixed03 Mixed03
        mixed04 Mixed04 mixed05 Mixed05 mixed06 Mixed06 mixed07 Mixed07
        mixed08 Mixed08 mixed09 Mixed09 mixed10 Mixed10 mixed11 Mixed11
        mixed12 Mixed12 mixed13 Mixed13 mixed14 Mixed14 mixed15 Mixed15
    }
}
