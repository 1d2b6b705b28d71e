//! What operators do: compare a plan with the broker, remove what is left over, look, follow.
//!
//! AMQP can't list what exists, so what is left over is known from what earlier builds had; and it can't tell whether a
//! binding exists, so one is made again, which changes nothing.

mod consumers;
mod desk;
mod keep;

use std::future::poll_fn;
use std::sync::Arc;

use async_trait::async_trait;
use eda_core::transport::{Action, Change, Item, Operate, QueueState, Tail};
use eda_core::{Error, ErrorKind, Message, Result, Topology};

use self::desk::{Desk, operator};
use crate::connection::Connection;
use crate::convert;
use crate::rabbit::Rabbit;
use crate::topology::{Binding, EVENTS, EVENTS_STRICT, Plan};
use crate::wire::{Arrivals, Channel, Held, Link};

/// How many events wait for whoever follows them.
const TAIL_LENGTH: u32 = 10_000;

#[async_trait]
impl Operate for Rabbit {
    async fn compare(&self, topology: &Topology, former: &Topology) -> Result<Vec<Change>> {
        let (plan, former_plan) = (Plan::of(topology)?, Plan::of(former)?);
        let mut found = Comparison { desk: self.desk(), changes: Vec::new(), missing: Vec::new() };
        found.exchanges(&plan).await?;
        found.queues(&plan).await?;
        found.bindings(&plan, &former_plan);
        found.left_over(topology, &plan, former, &former_plan).await?;
        Ok(found.changes)
    }

    async fn remove(&self, item: &Item) -> Result<()> {
        let desk = self.desk();
        match item {
            Item::Binding { queue, exchange, routing_key } => {
                let (queue, exchange, routing_key) = (queue.clone(), exchange.clone(), routing_key.clone());
                let channel = desk.channel().await?;
                operator(&*channel)?.unbind(&Binding { queue, exchange, routing_key }).await?;
                channel.close().await
            }
            Item::Queue(name) => {
                match desk.held(name).await?.as_ref().map(why_kept) {
                    None => return Ok(()),
                    Some(Some(why)) => return Err(Error::new(ErrorKind::Conflict, why).with("queue", name)),
                    Some(None) => {}
                }
                let channel = desk.channel().await?;
                let gone = operator(&*channel)?.delete_queue(name).await?;
                channel.close().await?;
                if gone > 0 {
                    let text =
                        format!("{gone} messages came between the look and the end of the queue, and went with it");
                    return Err(Error::new(ErrorKind::Internal, text).with("queue", name));
                }
                Ok(())
            }
            Item::Exchange(name) => {
                let text = "exchanges are shared by all services, and are never removed";
                Err(Error::new(ErrorKind::Unsupported, text).with("exchange", name))
            }
        }
    }

    async fn queues(&self, topology: &Topology) -> Result<Vec<QueueState>> {
        let desk = self.desk();
        let mut states = Vec::new();
        for subscription in &topology.subscriptions {
            let queue = &subscription.queue;
            // what others have declared may be of any kind
            let held = if subscription.declare { desk.held(queue).await? } else { desk.queue_in_time(queue).await? };
            let Some(Held { messages, consumers }) = held else { continue };
            // a service may not look into it
            let held = desk.queue_in_time(&format!("{queue}.dead")).await?;
            let (dead, dead_others) = held.map_or((0, 0), |held| (held.messages, held.consumers));
            states.push(QueueState { queue: queue.clone(), messages, consumers, dead, dead_others });
        }
        Ok(states)
    }

    async fn tail(&self, patterns: &[String]) -> Result<Box<dyn Tail>> {
        let connection = self.desk().0;
        let link = connection.link().await?;
        let channel = link.channel().await?;
        let arrivals = operator(&*channel)?.listen(&[EVENTS, EVENTS_STRICT], patterns, TAIL_LENGTH).await?;
        Ok(Box::new(EventTail { arrivals, channel, connection, link, unacked: None }))
    }
}

impl Rabbit {
    fn desk(&self) -> Desk {
        Desk(self.consuming())
    }
}

struct Comparison {
    desk: Desk,
    changes: Vec<Change>,
    missing: Vec<String>,
}

impl Comparison {
    async fn exchanges(&mut self, plan: &Plan) -> Result {
        for exchange in &plan.exchanges {
            let item = Item::Exchange(exchange.name.clone());
            if self.desk.exchange_exists(&exchange.name).await? {
                let channel = self.desk.channel().await?;
                let same = channel.declare_exchange(exchange).await;
                self.compared(item, &*channel, same).await?;
            } else {
                self.declare(item, &exchange.name);
            }
        }
        Ok(())
    }

    async fn queues(&mut self, plan: &Plan) -> Result {
        for queue in &plan.queues {
            let item = Item::Queue(queue.name.clone());
            match (self.desk.queue(&queue.name).await?, &queue.arguments) {
                (Some(_), Some(_)) => {
                    // it exists, so this changes nothing, and the broker tells what is different
                    let channel = self.desk.channel().await?;
                    let same = channel.declare_queue(queue).await;
                    self.compared(item, &*channel, same).await?;
                }
                (Some(_), None) => {}
                (None, Some(_)) => self.declare(item, &queue.name),
                (None, None) => {
                    let why = "it is missing, and others declare it".to_owned();
                    self.changes.push(Change { action: Action::Conflict, item, why });
                }
            }
        }
        Ok(())
    }

    fn bindings(&mut self, plan: &Plan, former: &Plan) {
        for binding in &plan.bindings {
            let is_new = self.missing.contains(&binding.queue) || self.missing.contains(&binding.exchange);
            if is_new || !former.bindings.contains(binding) {
                let why = if is_new { "" } else { "unless it is bound already" }.to_owned();
                self.changes.push(Change { action: Action::Bind, item: item(binding), why });
            }
        }
    }

    /// Bindings of queues that stay, then whole queues, which take theirs along: undone before, they would be missing where the
    /// queue can't be deleted. Queues of delays stay: what waits in them is on its way.
    async fn left_over(&mut self, topology: &Topology, plan: &Plan, former: &Topology, former_plan: &Plan) -> Result {
        let stays = |queue: &str| topology.subscriptions.iter().any(|other| other.queue == queue);
        for binding in &former_plan.bindings {
            if stays(&binding.queue) && !plan.bindings.contains(binding) {
                self.changes.push(Change { action: Action::Unbind, item: item(binding), why: String::new() });
            }
        }
        for gone in former.subscriptions.iter().filter(|former| former.declare && !stays(&former.queue)) {
            let mut held = Vec::new();
            for queue in [gone.queue.clone(), format!("{}.dead", gone.queue)] {
                held.extend(self.desk.queue(&queue).await?.map(|found| (queue, found)));
            }
            // both or none: a dead letter may still be on its way, and one that is there is replayed to the other queue
            let keep = |(queue, held): &(String, Held)| Some((queue.clone(), why_kept(held)?));
            let kept: Vec<_> = held.iter().filter_map(keep).collect();
            if !kept.is_empty() {
                let keep = |(queue, why)| Change { action: Action::Keep, item: Item::Queue(queue), why };
                self.changes.extend(kept.into_iter().map(keep));
                continue;
            }
            for (queue, _) in held {
                let bindings = former_plan.bindings.iter().filter(|binding| binding.queue == queue);
                let ways = bindings.map(|Binding { exchange, routing_key, .. }| format!("{exchange} by {routing_key}"));
                let why = format!("with its bindings to {}", ways.collect::<Vec<_>>().join(", "));
                self.changes.push(Change { action: Action::Delete, item: Item::Queue(queue), why });
            }
        }
        Ok(())
    }

    fn declare(&mut self, item: Item, name: &str) {
        self.missing.push(name.to_owned());
        self.changes.push(Change { action: Action::Declare, item, why: String::new() });
    }

    async fn compared(&mut self, item: Item, channel: &dyn Channel, same: Result) -> Result {
        match same {
            Ok(()) => channel.close().await,
            Err(error) if error.kind() == ErrorKind::Conflict => {
                self.changes.push(Change { action: Action::Conflict, item, why: error.to_string() });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// Why a queue that is left over is not deleted.
fn why_kept(held: &Held) -> Option<String> {
    match held {
        Held { consumers: 0, messages: 0 } => None,
        Held { consumers: 0, messages } => {
            Some(format!("it holds messages ({messages}): let them be handled, replayed or discarded first"))
        }
        Held { consumers, .. } => Some(format!("it is consumed ({consumers}): stop the old build first")),
    }
}

fn item(binding: &Binding) -> Item {
    let Binding { queue, exchange, routing_key } = binding.clone();
    Item::Binding { queue, exchange, routing_key }
}

struct EventTail {
    arrivals: Box<dyn Arrivals>,
    /// The last one that was shown. It is acked, with all before it, when the next one is asked for: so who gives up waiting
    /// has lost none.
    unacked: Option<u64>,
    /// The queue ends with it.
    channel: Arc<dyn Channel>,
    connection: Connection,
    link: Arc<dyn Link>,
}

#[async_trait]
impl Tail for EventTail {
    async fn next(&mut self) -> Result<Message> {
        if let Some(tag) = self.unacked.take() {
            self.channel.ack(tag, true).await?;
        }
        let arrived = tokio::select! {
            arrived = poll_fn(|context| self.arrivals.poll_next(context)) => arrived,
            () = self.connection.lost(&self.link) => None,
        };
        match arrived {
            Some(arrived) => {
                let arrived = arrived?;
                self.unacked = Some(arrived.tag);
                Ok(convert::incoming(&arrived).0)
            }
            None => Err(Error::new(ErrorKind::Unavailable, "the connection was lost: what passed since is not known")),
        }
    }
}
