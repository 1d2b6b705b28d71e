//! Walks over what is kept: letters are consumed and not acked, so that looking moves none.
//!
//! A consumer gets as many as its prefetch, and no more before it has acked some. A walk that keeps them needs further
//! consumers, each of which begins where the last one ended. What a channel holds goes back when it ends, whoever ends it;
//! RabbitMQ does so consumer by consumer in the order of their tags, as long as there are few, and then in no order at all.
//! So channels are changed in time, and closed in their order. Giving letters back one by one, or many at once, shuffles them
//! on RabbitMQ 3.10. A walk that is cut short, as by the end of its process, gives back in order, too; but on a queue that was
//! walked over before, what it gives back stands behind what it has not seen.

use std::collections::BTreeMap;
use std::future::{poll_fn, ready};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eda_core::transport::{Keep, Kept, Letter, Place, Receipt, Token};
use eda_core::{Error, ErrorKind, Result};
use futures_util::FutureExt;
use futures_util::future::{Fuse, FusedFuture};
use tokio::time::{Instant, sleep_until};

use super::consumers::{Begun, Current, Opened, prefetch};
use super::desk::{Desk, operator};
use crate::convert;
use crate::publisher::{Parcel, Publisher};
use crate::rabbit::Rabbit;
use crate::topology::{Binding, JOURNAL, ORPHANED, RETRY, UNROUTED};
use crate::wire::{Arrived, BoxFuture, Held, Link, Outgoing};

/// How many consumers a channel has. The broker remembers up to 32 in order.
const CONSUMERS: u16 = 30;
/// So many removals are told to the broker at once, unless the walk would wait for it.
const LOT: usize = 64;
/// How long it is known that there is a queue.
const KNOWN: Duration = Duration::from_secs(1);
/// After how long without a letter the broker is asked whether there are any.
const QUIET: Duration = Duration::from_millis(500);
/// After how long without a letter, though there should be some, the walk ends.
const PATIENCE: Duration = Duration::from_secs(30);

#[async_trait]
impl Keep for Rabbit {
    async fn open(&self, place: &Place) -> Result<Option<Box<dyn Kept>>> {
        let queue = match place {
            Place::DeadLettersOf(queue) => format!("{queue}.dead"),
            Place::Unrouted => UNROUTED.to_owned(),
            Place::Orphaned => ORPHANED.to_owned(),
            Place::Journal => JOURNAL.to_owned(),
            other => return Err(Error::new(ErrorKind::Unsupported, format!("no such place here: {other:?}"))),
        };
        let desk = self.desk();
        let Some(Held { messages, consumers }) = desk.held(&queue).await? else { return Ok(None) };
        let link = desk.0.link().await?;
        Ok(Some(Box::new(Walk {
            place: place.clone(),
            queue,
            count: messages,
            others: consumers,
            left: messages,
            desk,
            link,
            publisher: self.publishing(),
            channels: Vec::new(),
            opening: None,
            current: None,
            sizes: 0,
            seen: 0,
            removed: 0,
            untold: Vec::new(),
            ways: BTreeMap::new(),
        })))
    }
}

struct Walk {
    place: Place,
    queue: String,
    count: u64,
    others: u64,
    left: u64,
    desk: Desk,
    link: Arc<dyn Link>,
    publisher: Publisher,
    channels: Vec<Opened>,
    opening: Option<BoxFuture<Result<Begun>>>,
    current: Option<Current>,
    /// Of the letters seen, in bytes.
    sizes: u64,
    seen: u64,
    removed: u64,
    /// What was removed and not told, all on one channel.
    untold: Vec<Token>,
    /// By queue, whether a letter can go there, and when that was found out.
    ways: BTreeMap<String, (bool, Instant)>,
}

#[async_trait]
impl Kept for Walk {
    fn count(&self) -> u64 {
        self.count
    }

    fn others(&self) -> u64 {
        self.others
    }

    async fn next(&mut self) -> Result<Option<Letter>> {
        let began = Instant::now();
        let (mut look, mut answer, mut is_over) = (began + QUIET, Fuse::<BoxFuture<Result>>::terminated(), false);
        while self.left > 0 {
            self.make_room().await?;
            let Some(current) = &mut self.current else { return Ok(None) };
            let arrived = tokio::select! {
                biased;
                arrived = poll_fn(|context| current.arrivals.poll_next(context)) => arrived,
                () = ready(()), if !self.untold.is_empty() => {
                    self.tell_removals().await?;
                    continue;
                }
                () = ready(()), if is_over => {
                    self.left = 0;
                    break;
                }
                () = self.desk.0.lost(&self.link) => return Err(lost()),
                answered = &mut answer => {
                    is_over = answered.is_ok();
                    continue;
                }
                () = sleep_until(look) => {
                    if began.elapsed() > PATIENCE {
                        let text = "the broker does not hand out what is left, though there is some";
                        return Err(Error::new(ErrorKind::Unavailable, text).with("queue", &self.queue));
                    }
                    // then what is missing is on its way, or somebody else has it; without a consumer, who is this one, it is no answer
                    let is_handed_out = match self.desk.queue(&self.queue).await {
                        Ok(told) => told.is_none_or(|held| held.messages == 0 && held.consumers > 0),
                        // behind much that is on its way over a slow network
                        Err(error) if error.kind() == ErrorKind::Unavailable => false,
                        Err(error) => return Err(error),
                    };
                    if is_handed_out && answer.is_terminated() {
                        answer = self.after_what_comes().fuse();
                    }
                    look = Instant::now() + QUIET;
                    continue;
                }
            };
            let Some(arrived) = arrived else {
                let text = "the broker has ended the walk: was the queue deleted?";
                return Err(Error::new(ErrorKind::Unavailable, text).with("queue", &self.queue));
            };
            return arrived.map(|arrived| Some(self.letter(arrived)));
        }
        Ok(None)
    }

    async fn send_back(&mut self, letter: &Letter) -> Result<Receipt> {
        if self.place == Place::Journal {
            return Err(Error::new(ErrorKind::Unsupported, "what the journal holds belongs nowhere else"));
        }
        let Some(outgoing) = letter.original::<Outgoing>() else {
            return Err(Error::new(ErrorKind::Internal, "the letter is of another transport"));
        };
        if let Some(queue) = &letter.queue
            && !self.leads_to(queue).await?
        {
            let text = format!("there is no queue `{queue}`: start its service, or declare it with `topology apply`");
            return Ok(Receipt::ready(Err(Error::new(ErrorKind::Unroutable, text))));
        }
        let receipt = self.publisher.send(Parcel::Copy(Arc::new(outgoing.clone()))).await?;
        if let Some(current) = self.holder(letter.token) {
            current.pledged.insert(letter.token.tag);
        }
        Ok(receipt)
    }

    async fn remove(&mut self, letter: Token) -> Result<()> {
        if self.opened(letter).is_none() {
            return Err(Error::new(ErrorKind::NotFound, "the letter is of another walk"));
        }
        if self.untold.len() >= LOT || self.untold.first().is_some_and(|first| first.generation != letter.generation) {
            self.tell_removals().await?;
        }
        self.untold.push(letter);
        self.removed += 1;
        if let Some(current) = self.holder(letter) {
            current.pledged.remove(&letter.tag);
            current.held.remove(&letter.tag);
        }
        Ok(())
    }

    fn leave(&mut self, letter: Token) {
        if let Some(current) = self.holder(letter) {
            current.pledged.remove(&letter.tag);
        }
    }

    async fn close(&mut self) -> Result<()> {
        if self.seen > 0 {
            self.see_the_rest().await;
        }
        self.tell_removals().await?;
        self.opening = None;
        let last = self.current.take();
        if let (Some(current), Some(opened)) = (last, self.channels.last_mut()) {
            opened.full.push(current.arrivals);
        }
        let channels = std::mem::take(&mut self.channels);
        if channels.is_empty() {
            return Ok(());
        }
        for Opened { channel, full, .. } in channels {
            if self.removed > 0 {
                // closed at once, a channel loses some of its last acks
                for arrivals in &full {
                    channel.cancel(arrivals.tag()).await?;
                }
            }
            channel.close().await?;
        }
        self.desk.until_back(&self.queue, self.count.saturating_sub(self.removed)).await
    }
}

impl Walk {
    fn opened(&self, letter: Token) -> Option<&Opened> {
        usize::try_from(letter.generation).ok().and_then(|index| self.channels.get(index))
    }

    /// Cancel safe: all are handed over with the first poll.
    async fn tell_removals(&mut self) -> Result {
        let untold = std::mem::take(&mut self.untold);
        let opened = untold.first().and_then(|first| usize::try_from(first.generation).ok());
        let Some(opened) = opened.and_then(|index| self.channels.get_mut(index)) else { return Ok(()) };
        let mut tags: Vec<u64> = untold.iter().map(|letter| letter.tag).collect();
        tags.sort_unstable();
        tags.dedup();
        let channel = Arc::clone(&opened.channel);
        match opened.removed_up_to(&tags) {
            // where nothing before it stays, one ack is all that the broker has to write down
            Some(last) => channel.ack(last, true).await,
            None => channel.ack_each(&tags).await,
        }
    }

    /// Resolves when all that was on its way is there: what a channel answers comes behind it.
    fn after_what_comes(&self) -> BoxFuture<Result> {
        let channel = self.channels.last().map(|opened| Arc::clone(&opened.channel));
        let prefetch = self.current.as_ref().map_or(1, |current| current.prefetch);
        Box::pin(async move { if let Some(channel) = channel { channel.qos(prefetch).await } else { Ok(()) } })
    }

    /// A consumer that may get more, unless there is one. Cancel safe: what has begun is kept.
    async fn make_room(&mut self) -> Result {
        if self.current.as_ref().is_some_and(|current| !current.is_full()) {
            return Ok(());
        }
        if self.opening.is_none() {
            self.opening = Some(self.begin());
        }
        let Some(opening) = &mut self.opening else { return Ok(()) };
        let begun = tokio::select! {
            begun = opening => begun,
            () = self.desk.0.lost(&self.link) => Err(lost()),
        };
        self.opening = None;
        let Begun { channel, arrivals, prefetch } = begun?;
        if let (Some(current), Some(opened)) = (self.current.take(), self.channels.last_mut()) {
            opened.full.push(current.arrivals);
        }
        if let Some(channel) = channel {
            self.channels.push(Opened::new(channel));
        }
        self.current = Some(Current::new(arrivals, prefetch));
        Ok(())
    }

    fn begin(&self) -> BoxFuture<Result<Begun>> {
        let prefetch = prefetch(self.current.as_ref(), self.sizes / self.seen.max(1));
        let open = self.channels.last().filter(|opened| opened.full.len() + 1 < usize::from(CONSUMERS));
        let number = open.map_or(0, |opened| opened.full.len() + 1);
        let open = open.map(|opened| Arc::clone(&opened.channel));
        let (link, queue) = (Arc::clone(&self.link), self.queue.clone());
        Box::pin(async move {
            let (channel, is_new) = match open {
                Some(channel) => (channel, false),
                None => (link.channel().await?, true),
            };
            channel.qos(prefetch).await?;
            let arrivals = operator(&*channel)?.consume_as(&queue, &format!("eda-walk-{number:04}")).await?;
            Ok(Begun { channel: is_new.then_some(channel), arrivals, prefetch })
        })
    }

    fn letter(&mut self, arrived: Arrived) -> Letter {
        let generation = self.channels.len().saturating_sub(1) as u64;
        let token = Token { generation, tag: arrived.tag };
        if let Some(current) = &mut self.current {
            current.held.insert(arrived.tag);
        }
        self.sizes += arrived.body.len() as u64;
        self.seen += 1;
        self.left -= 1;
        convert::letter(&self.place, token, arrived)
    }

    /// What is given back stands behind what was given back before and is still there. So that the order stays, a walk that
    /// ends early goes on to its end.
    async fn see_the_rest(&mut self) {
        if let Some(current) = &mut self.current {
            current.pledged.clear();
        }
        // where that fails the letters are in another order, and no worse
        while matches!(self.next().await, Ok(Some(_))) {}
        self.left = 0;
    }

    /// The present consumer, if the letter came from it.
    fn holder(&mut self, letter: Token) -> Option<&mut Current> {
        let is_last = letter.generation + 1 == self.channels.len() as u64;
        self.current.as_mut().filter(|current| is_last && current.held.contains(&letter.tag))
    }

    /// Whether what is sent to a queue arrives there and is not parked elsewhere.
    async fn leads_to(&mut self, queue: &str) -> Result<bool> {
        if let Some((leads, since)) = self.ways.get(queue)
            && since.elapsed() < KNOWN
        {
            return Ok(*leads);
        }
        let mut leads = self.desk.queue(queue).await?.is_some();
        if leads && self.place != Place::Unrouted {
            let (queue, routing_key) = (queue.to_owned(), queue.to_owned());
            match self.desk.bind(&Binding { queue, exchange: RETRY.to_owned(), routing_key }).await {
                Ok(()) => {}
                // of another service, which binds it itself
                Err(error) if self.place == Place::Orphaned && error.kind() == ErrorKind::AccessRefused => {}
                Err(error) if error.kind() == ErrorKind::NotFound => leads = false,
                Err(error) => return Err(error),
            }
        }
        self.ways.insert(queue.to_owned(), (leads, Instant::now()));
        Ok(leads)
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Unavailable, "the connection was lost: what was not removed is still there")
}
