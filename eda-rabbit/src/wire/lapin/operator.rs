//! Operators' requests over lapin, each under a deadline.

use async_trait::async_trait;
use eda_core::Result;
use lapin::options::{
    BasicConsumeOptions, BasicQosOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};

use super::{LapinArrivals, LapinChannel, REQUEST, within};
use crate::topology::Binding;
use crate::wire::Arrivals;
use crate::wire::operator::{Held, Operator};

/// How many messages that pass are in the hands of who follows them.
const TAIL_PREFETCH: u16 = 256;

#[async_trait]
impl Operator for LapinChannel {
    async fn look_for_exchange(&self, name: &str) -> Result {
        // RabbitMQ compares nothing when it is only asked whether there is one
        let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let looking = self.0.exchange_declare(name.into(), lapin::ExchangeKind::Topic, options, FieldTable::default());
        within(REQUEST, &format!("looking for exchange `{name}`"), looking).await
    }

    async fn look_for_queue(&self, name: &str) -> Result<Held> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let looking = self.0.queue_declare(name.into(), options, FieldTable::default());
        let queue = within(REQUEST, &format!("looking for queue `{name}`"), looking).await?;
        Ok(Held { messages: queue.message_count().into(), consumers: queue.consumer_count().into() })
    }

    async fn unbind(&self, Binding { queue, exchange, routing_key }: &Binding) -> Result {
        let what = format!("unbinding queue `{queue}` from `{exchange}` by `{routing_key}`");
        let (queue, exchange, routing_key) =
            (queue.as_str().into(), exchange.as_str().into(), routing_key.as_str().into());
        within(REQUEST, &what, self.0.queue_unbind(queue, exchange, routing_key, FieldTable::default())).await
    }

    async fn delete_queue(&self, name: &str) -> Result<u64> {
        // quorum queues know no condition, so whoever asks has looked before
        let deleting = self.0.queue_delete(name.into(), QueueDeleteOptions::default());
        within(REQUEST, &format!("deleting queue `{name}`"), deleting).await.map(u64::from)
    }

    async fn consume_as(&self, queue: &str, tag: &str) -> Result<Box<dyn Arrivals>> {
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let consuming = self.0.basic_consume(queue.into(), tag.into(), options, arguments);
        let consumer = within(REQUEST, &format!("looking through queue `{queue}`"), consuming).await?;
        Ok(Box::new(LapinArrivals { tag: consumer.tag().to_string(), consumer }))
    }

    async fn listen(&self, exchanges: &[&str], patterns: &[String], limit: u32) -> Result<Box<dyn Arrivals>> {
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(limit.into()));
        let declaring = self.0.queue_declare("".into(), options, arguments);
        let queue = within(REQUEST, "declaring a queue of our own", declaring).await?.name().clone();
        for exchange in exchanges {
            for pattern in patterns {
                let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
                let binding =
                    self.0.queue_bind(queue.clone(), (*exchange).into(), pattern.as_str().into(), options, arguments);
                within(REQUEST, &format!("binding a queue of our own to `{exchange}` by `{pattern}`"), binding).await?;
            }
        }
        // without a prefetch all that passes would lie in the client's memory, and the queue's limit be of no use
        within(REQUEST, "limiting what is handed out", self.0.basic_qos(TAIL_PREFETCH, BasicQosOptions::default()))
            .await?;
        let options = BasicConsumeOptions { exclusive: true, ..BasicConsumeOptions::default() };
        let consuming = self.0.basic_consume(queue, "".into(), options, FieldTable::default());
        let consumer = within(REQUEST, "consuming from a queue of our own", consuming).await?;
        Ok(Box::new(LapinArrivals { tag: consumer.tag().to_string(), consumer }))
    }
}
