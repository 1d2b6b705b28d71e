//! Consuming: a task for each channel, and one ack for fifty deliveries.

use std::collections::VecDeque;
use std::time::Duration;

use eda_bench::event::{OrderPaid, OrderPlaced};
use eda_bench::meter::Sample;
use eda_bench::progress::Progress;
use eda_bench::task::{LATENCY_RATE, Task};
use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::message::{Cause, Clock, Template, body};
use super::publish::{Begun, WINDOW, begun, confirmed, open, publish};
use super::{ORDER_PLACED, Outcome, connect};

/// How many deliveries one ack is for.
const ACK: u64 = 50;
const PREFETCH: u16 = 500;

/// Consumes what waits in the queues.
pub(super) async fn backlog(task: &Task, queues: Vec<&str>) -> Outcome<Sample> {
    let progress = Progress::steady(task.events);
    let connection = Connection::connect(&task.url, ConnectionProperties::default()).await?;
    let mut tasks = JoinSet::new();
    let share = task.events / queues.len() as u64;
    for queue in queues {
        let (channel, consumer) = consume(connection.create_channel().await?, queue, PREFETCH).await?;
        tasks.spawn(drain(channel, consumer, progress.clone(), share));
    }
    while let Some(drained) = tasks.join_next().await {
        drained??;
    }
    Ok(progress.done().await)
}

async fn drain(channel: Channel, mut consumer: Consumer, progress: Progress, events: u64) -> Outcome<()> {
    for count in 1..=events {
        let delivery = consumer.next().await.ok_or("the consumer ended")??;
        let order: OrderPlaced = serde_json::from_slice(&delivery.data)?;
        std::hint::black_box(order);
        progress.handled();
        if count % ACK == 0 || count == events {
            channel.basic_ack(delivery.delivery_tag, BasicAckOptions { multiple: true }).await?;
        }
    }
    end(&channel, &consumer).await
}

/// Publishes an event for each delivery; an ack follows when the broker has all up to it.
pub(super) async fn chain(task: &Task) -> Outcome<Sample> {
    let progress = Progress::steady(task.events);
    let publishing = open(&task.url).await?;
    let (channel, mut consumer) = consume(connect(&task.url).await?, task.queue.consumed(), PREFETCH).await?;
    let (shared, events) = (progress.clone(), task.events);
    let paid = Template::new(<OrderPaid as eda::Event>::NAME);
    tokio::spawn(async move {
        let (mut clock, mut flying) = (Clock::default(), VecDeque::<Begun<'_>>::with_capacity(WINDOW));
        for count in 1..=events {
            let delivery = consumer.next().await.ok_or("the consumer ended")??;
            let order: OrderPlaced = serde_json::from_slice(&delivery.data)?;
            let body = serde_json::to_vec(&order.paid())?;
            let properties = paid.effect(&Cause::of(&delivery.properties)?, &mut clock);
            flying.push_back(begun(publish(&publishing, &paid, properties, body)));
            shared.handled();
            // half a prefetch is on its way while the other half comes
            if flying.len() == usize::from(PREFETCH) / 2 {
                for _ in 0..ACK {
                    confirmed(flying.pop_front().ok_or("nothing is flying")?).await?;
                }
                let tag = count - flying.len() as u64;
                channel.basic_ack(tag, BasicAckOptions { multiple: true }).await?;
            }
        }
        for word in flying {
            confirmed(word).await?;
        }
        channel.basic_ack(events, BasicAckOptions { multiple: true }).await?;
        end(&channel, &consumer).await
    })
    .await??;
    Ok(progress.done().await)
}

/// Publishes at a steady pace what this program consumes, too.
pub(super) async fn latency(task: &Task) -> Outcome<Sample> {
    let progress = Progress::until(task.events);
    let publishing = open(&task.url).await?;
    let (channel, mut consumer) = consume(connect(&task.url).await?, task.queue.consumed(), PREFETCH).await?;
    let (shared, events) = (progress.clone(), task.events);
    let consuming = tokio::spawn(async move {
        for _ in 0..events {
            let delivery = consumer.next().await.ok_or("the consumer ended")??;
            let order: OrderPlaced = serde_json::from_slice(&delivery.data)?;
            shared.handled_since(order.number());
            channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default()).await?;
        }
        end(&channel, &consumer).await
    });
    let (template, mut clock) = (Template::of_first(ORDER_PLACED), Clock::default());
    let begin = Instant::now();
    for number in 0..events {
        sleep_until(begin + Duration::from_secs(number) / LATENCY_RATE).await;
        confirmed(Begun::Flying(publish(&publishing, &template, template.first(&mut clock), body(progress.now())?)))
            .await?;
    }
    consuming.await??;
    Ok(progress.done().await)
}

async fn consume(channel: Channel, queue: &str, prefetch: u16) -> Outcome<(Channel, Consumer)> {
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let consumer = channel.basic_consume(queue.into(), "".into(), options, arguments).await?;
    Ok((channel, consumer))
}

/// The answer to a cancel tells that the queue has written down the acks before it.
async fn end(channel: &Channel, consumer: &Consumer) -> Outcome<()> {
    Ok(channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?)
}
