//! The one module that awaits lapin: under a deadline, but for words on publishes, which have their caller's, and deliveries.

mod link;
mod operator;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use eda_core::{Error, ErrorKind, Result, mutant};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Confirmation, Connection, ConnectionProperties, PublisherConfirm};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};

use self::link::LapinLink;
use super::attempt::Attempt;
use super::error::from_lapin;
use super::{Arrivals, Arrived, BoxFuture, Channel, Confirm, Connect, Link, Operator, Outgoing, Returned, Word};
use crate::config::{Config, Host};
use crate::topology::{Argument, Binding, Exchange, ExchangeKind, Queue};

const CONNECT: Duration = Duration::from_secs(10);
/// After how long without an answer the next host is tried, too: one that swallows everything hides no other.
const SILENCE: Duration = Duration::from_secs(2);
const REQUEST: Duration = Duration::from_secs(10);
const ACK: Duration = Duration::from_secs(5);
const CLOSE: Duration = Duration::from_secs(3);
/// RabbitMQ's own default. All properties of a message travel in one frame, and those of a copy may have 112 KiB.
const FRAME: u32 = 131_072;

/// The end of every wait: what was waited for, and for how long.
async fn within<T>(limit: Duration, what: &str, wait: impl Future<Output = lapin::Result<T>>) -> Result<T> {
    match timeout(limit, wait).await {
        Ok(outcome) => outcome.map_err(|error| from_lapin(what, error)),
        Err(_) => Err(Error::new(ErrorKind::Unavailable, format!("the broker did not answer within {limit:?}"))
            .with("while", what)),
    }
}

/// Connects through lapin, with its own recovery off.
pub(crate) struct Lapin {
    pub(crate) config: Config,
    /// How the broker's own tools show the connection.
    pub(crate) name: String,
}

impl Lapin {
    fn uri(&self, host: &Host) -> AMQPUri {
        let config = &self.config;
        let userinfo = AMQPUserInfo { username: config.user.clone(), password: config.password.clone() };
        AMQPUri {
            scheme: if config.tls { AMQPScheme::AMQPS } else { AMQPScheme::AMQP },
            authority: AMQPAuthority { userinfo, host: host.name.clone(), port: host.port },
            vhost: config.vhost.clone(),
            query: AMQPQueryString {
                heartbeat: Some(config.heartbeat),
                // the smaller one of both sides' counts; where neither has one, lapin makes room for 32 frames of 4 GiB
                frame_max: Some(FRAME),
                ..AMQPQueryString::default()
            },
        }
    }

    async fn try_host(&self, host: &Host) -> Result<Connection> {
        let properties = ConnectionProperties::default().with_connection_name(self.name.as_str().into());
        let attempt = Attempt::begin();
        let connecting = Connection::connect_uri_with_runtime(self.uri(host), properties, attempt.runtime());
        let connection = within(CONNECT, "connecting", connecting).await.map_err(|error| error.with("broker", host))?;
        if let Err(error) = check_frames(connection.configuration().frame_max()) {
            // so that the broker does not take it for lost; the end of the attempt does the rest
            let _ = within(CLOSE, "closing the connection", connection.close(200, "bye".into())).await;
            return Err(error.with("broker", host));
        }
        attempt.succeeded();
        Ok(connection)
    }
}

/// A copy that does not fit into a frame ends the connection each time that it is sent, and everything else with it.
fn check_frames(allowed: u32) -> Result {
    if allowed >= FRAME {
        return Ok(());
    }
    let text = format!(
        "the broker's frames are too small for the copy of a failed delivery: expected {FRAME} bytes at least, found \
         {allowed}; raise `frame_max` in its configuration"
    );
    Err(Error::new(ErrorKind::Unsupported, text))
}

#[async_trait]
impl Connect for Lapin {
    async fn connect(&self) -> Result<Arc<dyn Link>> {
        let (mut hosts, mut tries) = (self.config.hosts.iter(), FuturesUnordered::new());
        let mut failed: Option<Error> = None;
        loop {
            match hosts.next() {
                Some(host) => tries.push(self.try_host(host)),
                None if tries.is_empty() => break,
                None => {}
            }
            tokio::select! {
                Some(outcome) = tries.next() => match outcome {
                    Ok(connection) => return Ok(Arc::new(LapinLink::new(connection))),
                    // where one host may answer later, the refusal of another is not the last word
                    Err(error) => failed = Some(match failed {
                        Some(known) if known.kind() == ErrorKind::Unavailable => known,
                        Some(known) => error.caused_by(known),
                        None => error,
                    }),
                },
                () = sleep(SILENCE), if hosts.len() > 0 => {}
            }
        }
        Err(failed.unwrap_or_else(|| Error::new(ErrorKind::Invalid, "the URL names no host")))
    }
}

/// Shared, since a clone of the library's own costs fifteen counters; with the place that it has if it is to stay.
struct LapinChannel(
    Arc<lapin::Channel>,
    #[expect(dead_code, reason = "free when it is dropped")] Option<OwnedSemaphorePermit>,
);

#[async_trait]
impl Channel for LapinChannel {
    async fn declare_exchange(&self, exchange: &Exchange) -> Result {
        let kind = match exchange.kind {
            ExchangeKind::Direct => lapin::ExchangeKind::Direct,
            ExchangeKind::Fanout => lapin::ExchangeKind::Fanout,
            ExchangeKind::Topic => lapin::ExchangeKind::Topic,
        };
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let mut arguments = FieldTable::default();
        if let Some(alternate) = exchange.alternate {
            arguments.insert("alternate-exchange".into(), AMQPValue::LongString(alternate.into()));
        }
        let declaring = self.0.exchange_declare(exchange.name.as_str().into(), kind, options, arguments);
        within(REQUEST, &format!("declaring exchange `{}`", exchange.name), declaring).await
    }

    async fn declare_queue(&self, queue: &Queue) -> Result {
        let mut arguments = FieldTable::default();
        for (name, value) in queue.arguments.iter().flatten() {
            let value = match value {
                Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
                Argument::Number(number) => AMQPValue::LongLongInt(*number),
            };
            arguments.insert((*name).into(), value);
        }
        let (what, options) = match queue.arguments {
            Some(_) => {
                ("declaring", QueueDeclareOptions { durable: !queue.is_transient(), ..QueueDeclareOptions::default() })
            }
            None => ("looking for", QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() }),
        };
        let declaring = self.0.queue_declare(queue.name.as_str().into(), options, arguments);
        within(REQUEST, &format!("{what} queue `{}`", queue.name), declaring).await.map(drop)
    }

    async fn bind(&self, Binding { queue, exchange, routing_key }: &Binding) -> Result {
        let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
        let what = format!("binding queue `{queue}` to `{exchange}` by `{routing_key}`");
        let (queue, exchange, routing_key) =
            (queue.as_str().into(), exchange.as_str().into(), routing_key.as_str().into());
        within(REQUEST, &what, self.0.queue_bind(queue, exchange, routing_key, options, arguments)).await
    }

    async fn confirm_select(&self) -> Result {
        if mutant::is_without("confirms") {
            return Ok(());
        }
        within(REQUEST, "asking for confirms", self.0.confirm_select(ConfirmSelectOptions::default())).await
    }

    fn publish(&self, outgoing: Outgoing) -> BoxFuture<Result<Confirm>> {
        let channel = Arc::clone(&self.0);
        Box::pin(async move {
            let Outgoing { exchange, routing_key, properties, body } = outgoing;
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            match channel.basic_publish(exchange.into(), routing_key.into(), options, &body, properties).await {
                Ok(confirm) => Ok(Confirm::Lapin(LapinConfirm(confirm))),
                Err(error) => Err(from_lapin("publishing", error)),
            }
        })
    }

    async fn consumers(&self, queue: &str) -> Result<u32> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let looking = self.0.queue_declare(queue.into(), options, FieldTable::default());
        let found = within(REQUEST, &format!("looking for queue `{queue}`"), looking).await?;
        Ok(found.consumer_count())
    }

    async fn qos(&self, prefetch: u16) -> Result {
        within(REQUEST, "setting the prefetch", self.0.basic_qos(prefetch, BasicQosOptions::default())).await
    }

    async fn consume(&self, queue: &str) -> Result<Box<dyn Arrivals>> {
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let consuming = self.0.basic_consume(queue.into(), "".into(), options, arguments);
        let consumer = within(REQUEST, &format!("consuming from queue `{queue}`"), consuming).await?;
        Ok(Box::new(LapinArrivals { tag: consumer.tag().to_string(), consumer }))
    }

    async fn cancel(&self, consumer_tag: &str) -> Result {
        let cancelling = self.0.basic_cancel(consumer_tag.into(), BasicCancelOptions::default());
        within(ACK, "cancelling the consumer", cancelling).await
    }

    async fn ack(&self, tag: u64, multiple: bool) -> Result {
        within(ACK, "acking", self.0.basic_ack(tag, BasicAckOptions { multiple })).await
    }

    async fn ack_each(&self, tags: &[u64]) -> Result {
        let Some((last, others)) = tags.split_last() else { return Ok(()) };
        for tag in others {
            // handed over with the first poll, and written in this order: the last one's word is for all of them
            let acking = pin!(self.0.basic_ack(*tag, BasicAckOptions::default()));
            if let Poll::Ready(Err(error)) = acking.poll(&mut Context::from_waker(Waker::noop())) {
                return Err(from_lapin("acking", error));
            }
        }
        self.ack(*last, false).await
    }

    async fn requeue(&self, tag: u64) -> Result {
        let options = BasicNackOptions { requeue: true, multiple: false };
        within(ACK, "giving back", self.0.basic_nack(tag, options)).await
    }

    fn operator(&self) -> Option<&dyn Operator> {
        Some(self)
    }

    async fn close(&self) -> Result {
        within(CLOSE, "closing a channel", self.0.close(200, "bye".into())).await
    }
}

pub(crate) struct LapinConfirm(PublisherConfirm);

impl Future for LapinConfirm {
    type Output = Result<Word>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Word>> {
        Pin::new(&mut self.0).poll(context).map(|word| match word.map_err(|error| from_lapin("publishing", error))? {
            Confirmation::Ack(_) if mutant::is_without("returns") => Ok(Word::Ack { returned: None }),
            Confirmation::NotRequested if mutant::is_without("confirms") => Ok(Word::Ack { returned: None }),
            Confirmation::Ack(returned) => Ok(Word::Ack { returned: returned.as_ref().map(known) }),
            Confirmation::Nack(returned) => Ok(Word::Nack { returned: returned.as_ref().map(known) }),
            Confirmation::NotRequested => {
                Err(Error::new(ErrorKind::Internal, "published on a channel without confirms: nothing is certain"))
            }
        })
    }
}

fn known(returned: &lapin::message::BasicReturnMessage) -> Returned {
    let delivery = &returned.delivery;
    Returned {
        message_id: delivery.properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default(),
        exchange: delivery.exchange.to_string(),
        routing_key: delivery.routing_key.to_string(),
        text: returned.reply_text.to_string(),
    }
}

struct LapinArrivals {
    tag: String,
    consumer: lapin::Consumer,
}

impl Arrivals for LapinArrivals {
    fn tag(&self) -> &str {
        &self.tag
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Arrived>>> {
        self.consumer.poll_next_unpin(context).map(|next| {
            next.map(|delivery| {
                let delivery = delivery.map_err(|error| from_lapin("consuming", error))?;
                Ok(Arrived {
                    tag: delivery.delivery_tag,
                    exchange: delivery.exchange.into(),
                    routing_key: delivery.routing_key.into(),
                    redelivered: delivery.redelivered,
                    properties: delivery.properties,
                    body: Bytes::from(delivery.data),
                })
            })
        })
    }
}
