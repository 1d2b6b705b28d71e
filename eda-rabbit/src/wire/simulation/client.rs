//! The client's end, behind the traits of `wire`, with the deadlines that the real one has.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use eda_core::{Error, ErrorKind, Result};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::Simulation;
use super::connection::Refusal;
use super::frames::Request;
use super::queue::Message;
use crate::topology::{Binding, Exchange, Queue};
use crate::wire::error::from_broker;
use crate::wire::{Arrivals, Arrived, BoxFuture, Channel, Confirm, Connect, Link, Outgoing};

const REQUEST: Duration = Duration::from_secs(10);
const ACK: Duration = Duration::from_secs(5);
const CLOSE: Duration = Duration::from_secs(3);

/// Connects to a simulated broker.
pub(crate) struct Simulated {
    pub(crate) simulation: Simulation,
    pub(crate) purpose: &'static str,
}

#[async_trait]
impl Connect for Simulated {
    async fn connect(&self) -> Result<Arc<dyn Link>> {
        let connected = self.simulation.world().connect(self.purpose);
        let id = connected.map_err(|refusal| error("connecting", refusal))?;
        Ok(Arc::new(SimulatedLink(Arc::new(Socket { simulation: self.simulation.clone(), id }))))
    }
}

/// A connection; it ends when the last who knows of it has gone.
struct Socket {
    simulation: Simulation,
    id: u64,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.simulation.world().drop_connection(self.id);
    }
}

struct SimulatedLink(Arc<Socket>);

#[async_trait]
impl Link for SimulatedLink {
    async fn channel(&self) -> Result<Arc<dyn Channel>> {
        let opened = self.0.simulation.world().open_channel(self.0.id);
        let (number, answer) = opened.map_err(|refusal| error("opening a channel", refusal))?;
        let channel = Arc::new(Open { socket: Arc::clone(&self.0), number });
        within(REQUEST, "opening a channel", answer).await?;
        Ok(Arc::new(SimulatedChannel(channel)))
    }

    fn blocked(&self) -> watch::Receiver<Option<String>> {
        self.0.simulation.world().is_blocked(self.0.id)
    }

    async fn ended(&self) -> String {
        let mut ended = self.0.simulation.world().ended(self.0.id);
        let why = ended.wait_for(Option::is_some).await;
        why.ok().and_then(|why| why.clone()).unwrap_or_default()
    }

    fn abandon(&self, why: &str) {
        self.0.simulation.world().abandon(self.0.id, why);
    }

    async fn close(&self) {
        let asked = self.0.simulation.world().ask(self.0.id, 0, Request::CloseConnection);
        // an error here means that the connection is gone, which is what was asked for
        let _ = within(CLOSE, "closing the connection", asked).await;
        self.0.simulation.world().end_at_client(self.0.id, "closed by this program");
    }
}

/// A channel; it is closed when the last who knows of it has gone.
struct Open {
    socket: Arc<Socket>,
    number: u16,
}

impl Open {
    async fn ask(&self, limit: Duration, what: &str, request: Request) -> Result {
        let answer = self.socket.simulation.world().ask(self.socket.id, self.number, request);
        within(limit, what, answer).await
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.socket.simulation.world().drop_channel(self.socket.id, self.number);
    }
}

struct SimulatedChannel(Arc<Open>);

#[async_trait]
impl Channel for SimulatedChannel {
    async fn declare_exchange(&self, exchange: &Exchange) -> Result {
        let what = format!("declaring exchange `{}`", exchange.name);
        self.0.ask(REQUEST, &what, Request::DeclareExchange(exchange.clone())).await
    }

    async fn declare_queue(&self, queue: &Queue) -> Result {
        let what = if queue.arguments.is_some() { "declaring" } else { "looking for" };
        let what = format!("{what} queue `{}`", queue.name);
        self.0.ask(REQUEST, &what, Request::DeclareQueue(queue.clone())).await
    }

    async fn bind(&self, binding: &Binding) -> Result {
        let Binding { queue, exchange, routing_key } = binding;
        let what = format!("binding queue `{queue}` to `{exchange}` by `{routing_key}`");
        self.0.ask(REQUEST, &what, Request::Bind(binding.clone())).await
    }

    async fn confirm_select(&self) -> Result {
        self.0.ask(REQUEST, "asking for confirms", Request::Confirm).await
    }

    fn publish(&self, outgoing: Outgoing) -> BoxFuture<Result<Confirm>> {
        let channel = Arc::clone(&self.0);
        Box::pin(async move {
            let Outgoing { exchange, routing_key, properties, body } = outgoing;
            let message = Message { exchange, routing_key, properties, body };
            let word = channel.socket.simulation.world().publish(channel.socket.id, channel.number, message);
            Ok(Confirm::Simulated(Box::pin(async move {
                match word.await {
                    Ok(word) => word.map_err(|refusal| error("publishing", refusal)),
                    // the world has ended
                    Err(_) => std::future::pending().await,
                }
            })))
        })
    }

    async fn consumers(&self, queue: &str) -> Result<u32> {
        self.declare_queue(&Queue { name: queue.to_owned(), arguments: None }).await?;
        // the answer would carry it
        Ok(self.0.socket.simulation.world().consumers(queue))
    }

    async fn qos(&self, prefetch: u16) -> Result {
        self.0.ask(REQUEST, "setting the prefetch", Request::Qos(prefetch)).await
    }

    async fn consume(&self, queue: &str) -> Result<Box<dyn Arrivals>> {
        let consuming = self.0.socket.simulation.world().consume(self.0.socket.id, self.0.number, queue);
        let (tag, arrivals, answer) = consuming;
        let arrivals = SimulatedArrivals { channel: Arc::clone(&self.0), tag, arrivals };
        within(REQUEST, &format!("consuming from queue `{queue}`"), answer).await?;
        Ok(Box::new(arrivals))
    }

    async fn cancel(&self, consumer_tag: &str) -> Result {
        self.0.ask(ACK, "cancelling the consumer", Request::Cancel(consumer_tag.into())).await
    }

    async fn ack(&self, tag: u64, multiple: bool) -> Result {
        self.0.ask(ACK, "acking", Request::Ack { tag, multiple }).await
    }

    async fn requeue(&self, tag: u64) -> Result {
        self.0.ask(ACK, "giving back", Request::Requeue(tag)).await
    }

    async fn close(&self) -> Result {
        self.0.ask(CLOSE, "closing a channel", Request::Close).await
    }
}

struct SimulatedArrivals {
    channel: Arc<Open>,
    tag: Arc<str>,
    arrivals: mpsc::UnboundedReceiver<Result<Arrived, Refusal>>,
}

impl Arrivals for SimulatedArrivals {
    fn tag(&self) -> &str {
        &self.tag
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Arrived>>> {
        let next = self.arrivals.poll_recv(context);
        next.map(|next| next.map(|arrived| arrived.map_err(|refusal| error("consuming", refusal))))
    }
}

impl Drop for SimulatedArrivals {
    fn drop(&mut self) {
        self.channel.socket.simulation.world().drop_consumer(self.channel.socket.id, self.channel.number, &self.tag);
    }
}

async fn within(limit: Duration, what: &str, answer: oneshot::Receiver<Result<(), Refusal>>) -> Result {
    match timeout(limit, answer).await {
        Ok(Ok(answer)) => answer.map_err(|refusal| error(what, refusal)),
        // nobody answers any more
        Ok(Err(_)) => Err(error(what, Refusal::Lost("the connection to the broker has ended".to_owned()))),
        Err(_) => Err(Error::new(ErrorKind::Unavailable, format!("the broker did not answer within {limit:?}"))
            .with("while", what)),
    }
}

fn error(what: &str, refusal: Refusal) -> Error {
    match refusal {
        Refusal::Broker { code, text } => {
            let (kind, text) = from_broker(code, &text);
            Error::new(kind, text).with("while", what)
        }
        Refusal::Lost(text) => Error::new(ErrorKind::Unavailable, text).with("while", what),
    }
}
