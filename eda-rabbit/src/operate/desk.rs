//! What operators ask of the broker, and how far an answer is believed.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use eda_core::{Error, ErrorKind, Result};
use futures_util::FutureExt;
use tokio::time::{Instant, sleep, timeout};

use crate::connection::Connection;
use crate::publisher::with_trouble;
use crate::topology::Binding;
use crate::wire::{Arrivals, Channel, Held, Operator};

/// How long an answer of a queue's leader is waited for, and a connection.
const ANSWER: Duration = Duration::from_secs(10);
/// How long RabbitMQ itself waits for it before it says that there is nothing.
const GIVES_UP: Duration = Duration::from_millis(250);
/// How long a walk that has ended waits for its letters to be back.
const BACK: Duration = Duration::from_secs(1);

/// Where requests are made: each on a channel of its own, since one that is refused ends its channel.
pub(super) struct Desk(pub(super) Connection);

impl Desk {
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) where there is no connection for as long as an answer may take.
    pub(super) async fn channel(&self) -> Result<Arc<dyn Channel>> {
        let link = timeout(ANSWER, self.0.link()).await.map_err(|_| {
            let text = format!("there was no connection to the broker for {ANSWER:?}");
            with_trouble(Error::new(ErrorKind::Unavailable, text), &self.0.trouble())
        })?;
        link?.channel().await
    }

    pub(super) async fn bind(&self, binding: &Binding) -> Result {
        let channel = self.channel().await?;
        channel.bind(binding).await?;
        channel.close().await
    }

    pub(super) async fn exchange_exists(&self, name: &str) -> Result<bool> {
        let channel = self.channel().await?;
        match operator(&*channel)?.look_for_exchange(name).await {
            Ok(()) => channel.close().await.map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn queue(&self, name: &str) -> Result<Option<Held>> {
        let channel = self.channel().await?;
        match operator(&*channel)?.look_for_queue(name).await {
            Ok(held) => channel.close().await.map(|()| Some(held)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a quorum queue holds by the word of its leader. Of one that does not answer it in time RabbitMQ says that it holds
    /// nothing and has no consumer: of a queue with a consumer of our own that is known to be no answer.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) where the leader does not answer; where the right to read is lacking.
    pub(super) async fn held(&self, name: &str) -> Result<Option<Held>> {
        match self.queue(name).await? {
            Some(Held { messages: 0, consumers: 0 }) => {}
            told => return Ok(told),
        }
        let channel = self.channel().await?;
        let held = held_by(&*channel, name).await;
        // also one that has failed: its consumer, where it comes late, would hold a message
        let closed = channel.close().await;
        match held {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            // the look that failed may be why the channel can't be closed
            held => {
                let held = held?;
                closed.map(|()| Some(held))
            }
        }
    }

    /// What a queue is said to hold, by an answer that came sooner than RabbitMQ gives up asking the queue's leader. A leader whose
    /// node is down can be told as empty all the same: more is not known without the right to read.
    pub(super) async fn queue_in_time(&self, name: &str) -> Result<Option<Held>> {
        let deadline = Instant::now() + ANSWER;
        loop {
            let channel = self.channel().await?;
            let asked = Instant::now();
            channel.qos(1).await?;
            let way = asked.elapsed();
            let asked = Instant::now();
            match operator(&*channel)?.look_for_queue(name).await {
                Ok(Held { messages: 0, consumers: 0 }) if asked.elapsed() >= way + GIVES_UP / 2 => {
                    channel.close().await?;
                }
                Ok(held) => return channel.close().await.map(|()| Some(held)),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
            if Instant::now() > deadline {
                return Err(unanswered(name));
            }
            sleep(GIVES_UP).await;
        }
    }

    /// A channel is closed before the queue has heard of it, and until then a look would miss what was in hand. Others may
    /// hold some of it again, so this is no longer than it takes.
    pub(super) async fn until_back(&self, queue: &str, messages: u64) -> Result {
        let deadline = Instant::now() + BACK;
        while Instant::now() < deadline
            && let Some(held) = self.queue(queue).await?
            && held.messages < messages
        {
            sleep(BACK / 100).await;
        }
        Ok(())
    }
}

pub(super) fn operator(channel: &dyn Channel) -> Result<&dyn Operator> {
    channel.operator().ok_or_else(|| Error::new(ErrorKind::Unsupported, "this broker has nothing for operators"))
}

/// By a consumer of our own, without which an answer is none. It is gone when this resolves: others would count it.
async fn held_by(channel: &dyn Channel, queue: &str) -> Result<Held> {
    channel.qos(1).await?;
    let mut arrivals = operator(channel)?.consume_as(queue, "eda-look").await?;
    let held = held_beside(channel, queue, &mut *arrivals).await;
    let cancelled = channel.cancel(arrivals.tag()).await;
    // what ended the look may have ended its channel, too
    let held = held?;
    cancelled.map(|()| held)
}

async fn held_beside(channel: &dyn Channel, queue: &str, arrivals: &mut dyn Arrivals) -> Result<Held> {
    let deadline = Instant::now() + ANSWER;
    let Held { messages, consumers } = loop {
        let told = operator(channel)?.look_for_queue(queue).await?;
        if told.consumers > 0 {
            break told;
        }
        if Instant::now() > deadline {
            return Err(unanswered(queue));
        }
    };
    // the answer comes behind what was on its way
    channel.qos(1).await?;
    let taken = u64::from(poll_fn(|context| arrivals.poll_next(context)).now_or_never().is_some());
    Ok(Held { messages: messages + taken, consumers: consumers - 1 })
}

fn unanswered(queue: &str) -> Error {
    let text = format!("the leader of the queue does not answer within {ANSWER:?}: nobody knows what it holds");
    Error::new(ErrorKind::Unavailable, text).with("queue", queue)
}
