//! How the suite reaches the shared broker, and what it does to it: with a client that knows nothing of this framework.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use async_trait::async_trait;
use eda_core::transport::Unrouted;
use eda_core::transport::{FailureRecord, Transport};
use eda_core::{Message, Policy, Result, Subscription};
use eda_rabbit::Rabbit;
use eda_testing::conformance::{DeadLetter, Options, Setup};
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::sync::Mutex;

use crate::proxy::Proxy;
use crate::user::restricted_where_possible;

/// The broker behind `AMQP_URL`. What this setup connects goes through a proxy of its own, so faults hit nobody else.
pub(crate) struct SharedBroker {
    url: String,
    through_proxy: String,
    proxy: Mutex<Proxy>,
}

impl SharedBroker {
    pub(crate) async fn new() -> Self {
        let url = std::env::var("AMQP_URL").expect("no broker: run `cargo xtask test`, or set AMQP_URL");
        let (scheme, rest) = url.split_once("://").expect("AMQP_URL is a URL");
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let hosts = authority.rsplit('@').next().unwrap_or_default();
        let first = hosts.split(',').next().unwrap_or_default();
        let broker = if first.contains(':') { first.to_owned() } else { format!("{first}:5672") };
        let proxy = Proxy::to(broker).await;
        let through_proxy = format!("{scheme}://{}", rest.replacen(hosts, proxy.address(), 1));
        Self { through_proxy, proxy: Mutex::new(proxy), url }
    }

    /// The way through the proxy for a user with the rights of the suite's service and no others.
    fn restricted(&self, unrouted: Unrouted) -> String {
        static LOGINS: [OnceLock<String>; 2] = [OnceLock::new(), OnceLock::new()];
        let (known, name, option) = match unrouted {
            Unrouted::Park => (&LOGINS[0], "conformance-parks", "unrouted=park"),
            Unrouted::Reject => (&LOGINS[1], "conformance-rejects", "unrouted=reject"),
        };
        let login = known.get_or_init(|| {
            let separator = if self.url.contains('?') { '&' } else { '?' };
            let url = format!("{}{separator}{option}", self.url);
            login_of(&restricted_where_possible(&url, name, "conformance")).to_owned()
        });
        self.through_proxy.replacen(login_of(&self.through_proxy), login, 1)
    }

    /// Past the proxy; its connection ends when it is dropped.
    async fn channel(&self) -> Channel {
        let connection = Connection::connect(&self.url, ConnectionProperties::default()).await;
        connection.expect("the broker answers").create_channel().await.expect("a channel")
    }

    /// The properties of everything in a queue, oldest first; it stays: the end of the channel gives it back.
    async fn properties_in(&self, queue: &str) -> Vec<BasicProperties> {
        let channel = self.channel().await;
        let mut found = Vec::new();
        while let Some(got) =
            channel.basic_get(queue.into(), BasicGetOptions::default()).await.expect("the queue is there")
        {
            found.push(got.delivery.properties.clone());
        }
        found
    }

    /// The messages in a queue as this transport reads them; they stay.
    async fn messages_in(&self, queue: &str, count: usize) -> Result<Vec<Message>> {
        let rabbit = Rabbit::connect(&self.url).await?;
        let subscription = Subscription {
            service: "conformance".into(),
            queue: queue.into(),
            declare: false,
            bindings: Vec::new(),
            policy: Policy { prefetch: Some(u16::MAX), ..Policy::default() },
        };
        let mut deliveries = rabbit.subscribe(&subscription).await?;
        let mut held = Vec::new();
        while held.len() < count {
            let missing = count - held.len();
            deliveries.receive(&mut held, missing).await?;
        }
        let messages = held.iter().map(|delivery| (**delivery.message()).clone()).collect();
        drop(held);
        deliveries.close().await?;
        rabbit.close().await?;
        Ok(messages)
    }
}

#[async_trait]
impl Setup for SharedBroker {
    async fn connect(&self, options: &Options) -> Result<Arc<dyn Transport>> {
        let unrouted = match options.unrouted {
            Unrouted::Park => "park",
            Unrouted::Reject => "reject",
        };
        let separator = if self.through_proxy.contains('?') { '&' } else { '?' };
        let url = format!("{}{separator}unrouted={unrouted}", self.restricted(options.unrouted));
        Ok(Arc::new(Rabbit::connect(&url).await?))
    }

    async fn dead_letters(&self, queue: &str) -> Result<Vec<DeadLetter>> {
        let queue = format!("{queue}.dead");
        let properties = self.properties_in(&queue).await;
        let messages = self.messages_in(&queue, properties.len()).await?;
        // what was given back comes in another order
        let of = |id: &str| messages.iter().find(|message| message.id_or_dash() == id).cloned();
        let letter = |properties: &BasicProperties| {
            let id = properties.message_id().as_ref().expect("every copy has an id");
            dead_letter(of(id.as_str()).expect("it is still there"), properties.headers().as_ref().expect("a reason"))
        };
        Ok(properties.iter().map(letter).collect())
    }

    async fn parked(&self, routing_key: &str) -> Result<Vec<Message>> {
        let count = self.properties_in("eda.unrouted").await.len();
        let parked = self.messages_in("eda.unrouted", count).await?.into_iter();
        Ok(parked.filter(|message| message.routing_key == routing_key).collect())
    }

    async fn declare_foreign(&self, queue: &str) -> Result {
        let channel = self.channel().await;
        let declared = channel.queue_declare(queue.into(), QueueDeclareOptions::default(), FieldTable::default()).await;
        declared.expect("declared");
        Ok(())
    }

    async fn send_foreign(&self, queue: &str, body: &[u8]) -> Result {
        let channel = self.channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let sent = channel.basic_publish("".into(), queue.into(), options, body, properties).await.expect("sent");
        assert!(sent.await.expect("confirmed").is_ack());
        Ok(())
    }

    async fn cut_connections(&self) -> Result {
        self.proxy.lock().await.cut().await;
        Ok(())
    }

    async fn set_reachable(&self, reachable: bool) -> Result {
        let mut proxy = self.proxy.lock().await;
        if reachable {
            proxy.up().await;
        } else {
            proxy.down().await;
        }
        Ok(())
    }

    async fn cancel_consumers(&self, queue: &str) -> Result {
        let channel = self.channel().await;
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.expect("deleted");
        Ok(())
    }
}

/// `://user:password@` of a URL, or `://`.
fn login_of(url: &str) -> &str {
    let begin = url.find("://").expect("it is a URL");
    let end = url[begin..].find('@').map_or(begin + 3, |at| begin + at + 1);
    &url[begin..end]
}

fn dead_letter(message: Message, headers: &FieldTable) -> DeadLetter {
    let text = |name: &str| match headers.inner().get(name) {
        Some(AMQPValue::LongString(text)) => text.to_string(),
        other => panic!("expected text in header `{name}`, found {other:?}"),
    };
    let attempt = match headers.inner().get("eda-attempt") {
        Some(AMQPValue::LongLongInt(attempt)) => u32::try_from(*attempt).expect("an attempt is a small number"),
        other => panic!("expected a number in header `eda-attempt`, found {other:?}"),
    };
    let failure = FailureRecord {
        reason: text("eda-reason").parse().expect("it is one of ours"),
        detail: text("eda-detail"),
        handler: text("eda-handler"),
        attempt,
        failed_at: time(&text("eda-last-failed-at")),
    };
    DeadLetter { message: Message { routing_key: text("eda-routing-key").into(), ..message }, failure }
}

fn time(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).expect("it is a time")
}
