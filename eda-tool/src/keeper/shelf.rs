//! A broker of a test's own: what it keeps, and how it fails.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use eda_core::transport::memory::Memory;
use eda_core::transport::{
    Capabilities, Deliveries, Keep, Kept, Letter, LetterFailure, Place, Publish, Receipt, Token, Transport,
};
use eda_core::{
    AnyEvent, App, Broker, Error, ErrorKind, Event, Message, Result, Service, Subscription, Topology, envelope, event,
    json,
};
use serde::{Deserialize, Serialize};

use crate::Stop;

#[derive(Serialize, Deserialize)]
pub(crate) struct OrderCreated {
    order_id: u64,
}

impl Event for OrderCreated {
    const NAME: &'static str = "order.created";

    fn encode(&self) -> event::Encoded {
        json::encode(self)
    }

    fn decode(body: &[u8]) -> event::Decoded<Self> {
        assert!(!body.is_empty(), "no order, 4711 neither");
        json::decode(body)
    }
}

#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    letters: Vec<(Message, Option<String>, Option<LetterFailure>)>,
    /// Those that come when their queue has been opened so often.
    later: Vec<(u32, Message, Option<String>)>,
    opened: BTreeMap<Option<String>, u32>,
    /// When the dead letters of a queue are opened so often, that walk ends badly.
    breaks: Option<(String, u32)>,
    /// When its queue is opened so often, the oldest letter has been taken by somebody else.
    takes: Option<u32>,
    /// How many others look at each place.
    others: u64,
    /// How many others take from each walk between its beginning and its first letter.
    snatched: u64,
    removed: BTreeSet<u64>,
    sent: Vec<Message>,
}

impl Shelf {
    /// Events that nobody subscribed to.
    pub(crate) fn unrouted(messages: impl IntoIterator<Item = Message>) -> Self {
        let letters = messages.into_iter().map(|message| (message, None, None)).collect();
        Self(Arc::new(Mutex::new(State { letters, ..State::default() })))
    }

    /// Dead letters of queues.
    pub(crate) fn dead(letters: impl IntoIterator<Item = (&'static str, Message)>) -> Self {
        let dead = letters.into_iter().map(|(queue, message)| {
            let mut failure = failure("permanent", "declined");
            queue.clone_into(&mut failure.handler);
            (message, Some(queue.to_owned()), Some(failure))
        });
        let letters = dead.collect();
        Self(Arc::new(Mutex::new(State { letters, ..State::default() })))
    }

    /// One more comes when its place is opened for the time of that number.
    pub(crate) fn later(self, number: u32, message: Message, queue: Option<&str>) -> Self {
        self.state().later.push((number, message, queue.map(str::to_owned)));
        self
    }

    /// The walk of that number over the dead letters of a queue ends with an error.
    pub(crate) fn breaking(self, queue: &str, number: u32) -> Self {
        self.state().breaks = Some((queue.to_owned(), number));
        self
    }

    /// Somebody else takes the oldest letter before its place is opened for the time of that number.
    pub(crate) fn taking(self, number: u32) -> Self {
        self.state().takes = Some(number);
        self
    }

    /// So many others look at each place.
    pub(crate) fn with_others(self, count: u64) -> Self {
        self.state().others = count;
        self
    }

    /// Others begin right after each walk and have so many of its letters in hand.
    pub(crate) fn snatching(self, count: u64) -> Self {
        self.state().snatched = count;
        self
    }

    /// Runs a command of the service `billing`, whose `charge` takes `order.created`, and panics where that has no body, and whose
    /// `refund` takes everything. Of its failures nobody is told the number 4711.
    pub(crate) async fn told(&self, arguments: &[&str]) -> (std::result::Result<(), Stop>, String) {
        let charge = |_: OrderCreated| async {};
        let refund = |_: AnyEvent| async {};
        let redact = |text: String| text.replace("4711", "####");
        let app = App::from(Service::new("billing").on("charge", charge).on("refund", refund).redact(redact));
        let arguments = ["billing", "--broker", "test://"].iter().chain(arguments).map(Into::into);
        let mut out = Vec::new();
        let done = crate::execute(app, arguments, |_| Broker::new(Kind(self.clone(), Memory::new())), &mut out).await;
        (done, String::from_utf8(out).expect("it is text"))
    }

    /// The routing keys of what was sent back.
    pub(crate) fn sent(&self) -> Vec<String> {
        self.state().sent.iter().map(|message| message.routing_key.to_string()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

/// An order of a producer that says what it is in the body.
pub(crate) fn structured() -> Message {
    let body = r#"{"specversion":"1.0","id":"7","type":"order.created","source":"shop","data":{"order_id":1}}"#;
    Message { content_type: Some(envelope::STRUCTURED.into()), ..Message::new("orders", body) }
}

pub(crate) fn failure(reason: &str, detail: &str) -> LetterFailure {
    let mut failure = LetterFailure::default();
    (failure.reason, failure.detail) = (reason.to_owned(), detail.to_owned());
    failure
}

/// What a transport needs beside.
struct Kind(Shelf, Memory);

#[async_trait]
impl Transport for Kind {
    fn describe(&self) -> String {
        "a test".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        self.1.capabilities()
    }

    async fn declare(&self, topology: &Topology) -> Result<()> {
        self.1.declare(topology).await
    }

    async fn publisher(&self) -> Result<Box<dyn Publish>> {
        self.1.publisher().await
    }

    async fn subscribe(&self, subscription: &Subscription) -> Result<Box<dyn Deliveries>> {
        self.1.subscribe(subscription).await
    }

    fn keep(&self) -> Option<&dyn Keep> {
        Some(&self.0)
    }

    async fn close(&self) -> Result<()> {
        self.1.close().await
    }
}

#[async_trait]
impl Keep for Shelf {
    async fn open(&self, place: &Place) -> Result<Option<Box<dyn Kept>>> {
        let queue = match place {
            Place::DeadLettersOf(queue) => Some(queue.clone()),
            Place::Unrouted => None,
            _ => return Ok(None),
        };
        let mut state = self.state();
        let number = state.opened.entry(queue.clone()).or_default();
        *number += 1;
        let number = *number;
        let is_now = |(time, _, of): &mut (u32, Message, Option<String>)| *time == number && *of == queue;
        let now: Vec<_> = state.later.extract_if(.., is_now).collect();
        state
            .letters
            .extend(now.into_iter().map(|(_, message, of)| (message, of, Some(failure("permanent", "later")))));
        if state.takes == Some(number) {
            state.removed.insert(0);
        }
        let is_here = |index: &u64| !state.removed.contains(index);
        let of_queue = state.letters.iter().enumerate().filter(|(_, (_, of, _))| *of == queue);
        let mut left: VecDeque<_> = of_queue.map(|(index, _)| index as u64).filter(is_here).collect();
        let count = left.len() as u64;
        left.drain(..left.len().min(usize::try_from(state.snatched).expect("it is small")));
        let breaks = state.breaks.as_ref().is_some_and(|(of, time)| Some(of) == queue.as_ref() && *time == number);
        Ok(Some(Box::new(Walk { shelf: self.clone(), count, left, breaks })))
    }
}

struct Walk {
    shelf: Shelf,
    count: u64,
    left: VecDeque<u64>,
    breaks: bool,
}

#[async_trait]
impl Kept for Walk {
    fn count(&self) -> u64 {
        self.count
    }

    fn others(&self) -> u64 {
        self.shelf.state().others
    }

    async fn next(&mut self) -> Result<Option<Letter>> {
        let Some(tag) = self.left.pop_front() else { return Ok(None) };
        let index = usize::try_from(tag).expect("it was made of one");
        let (message, queue, failure) = self.shelf.state().letters[index].clone();
        Ok(Some(Letter::new(Token { generation: 0, tag }, message, queue, failure, ())))
    }

    /// Nobody takes what has a key that begins with `nobody`.
    async fn send_back(&mut self, letter: &Letter) -> Result<Receipt> {
        if letter.message.routing_key.starts_with("nobody") {
            return Ok(Receipt::ready(Err(Error::new(ErrorKind::Unroutable, "no queue is bound"))));
        }
        self.shelf.state().sent.push(letter.message.clone());
        Ok(Receipt::ready(Ok(())))
    }

    async fn remove(&mut self, letter: Token) -> Result<()> {
        self.shelf.state().removed.insert(letter.tag);
        Ok(())
    }

    fn leave(&mut self, _letter: Token) {}

    async fn close(&mut self) -> Result<()> {
        let lost = || Error::new(ErrorKind::Unavailable, "the connection was lost");
        if self.breaks { Err(lost()) } else { Ok(()) }
    }
}
