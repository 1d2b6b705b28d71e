//! What the client library does: it sends, keeps track of who waits, and hands out what comes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::connection::{Asker, ClientChannel, Connection, Pending, Refusal};
use super::death::with_count;
use super::frames::{Frame, Request};
use super::queue::Message;
use super::world::World;
use crate::wire::{Arrived, Returned, Word};

/// As long a publisher waits for a word.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) type Answer = oneshot::Receiver<Result<(), Refusal>>;
type Consuming = (Arc<str>, mpsc::UnboundedReceiver<Result<Arrived, Refusal>>, Answer);

fn over() -> Refusal {
    Refusal::Lost("the connection to the broker has ended".to_owned())
}

impl World {
    /// # Errors
    /// Where the connection has ended.
    pub(super) fn open_channel(&mut self, id: u64) -> Result<(u16, Answer), Refusal> {
        let client = self.connections.get_mut(&id).map(|known| &mut known.client).filter(|client| client.is_alive);
        let client = client.ok_or_else(over)?;
        client.last_channel += 1;
        let number = client.last_channel;
        client.channels.insert(number, ClientChannel::default());
        Ok((number, self.ask(id, number, Request::Open)))
    }

    pub(super) fn is_blocked(&self, id: u64) -> watch::Receiver<Option<String>> {
        self.connections
            .get(&id)
            .map_or_else(|| watch::Sender::new(None).subscribe(), |known| known.client.blocked.subscribe())
    }

    pub(super) fn ended(&self, id: u64) -> watch::Receiver<Option<String>> {
        let over = || watch::Sender::new(Some("the connection was lost".to_owned())).subscribe();
        self.connections.get(&id).map_or_else(over, |known| known.client.ended.subscribe())
    }

    pub(super) fn abandon(&mut self, id: u64, why: &str) {
        self.note("abandoned", [id, 0, 0], why);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.client.ended.send_replace(Some(why.to_owned()));
        }
    }

    /// Sends a request. The answer comes when the broker has given it, or, for one that has none, when it is written.
    pub(super) fn ask(&mut self, id: u64, number: u16, request: Request) -> Answer {
        let (asker, answer) = oneshot::channel();
        self.send(id, number, request, Some(asker));
        answer
    }

    fn send(&mut self, id: u64, number: u16, request: Request, asker: Option<Asker>) {
        let forgets = self.options.forgets_waiters;
        let tell = |asker: Option<Asker>, outcome| asker.map(|asker| asker.send(outcome));
        let Some(connection) = self.connections.get_mut(&id) else {
            tell(asker, Err(over()));
            return;
        };
        if !connection.client.is_alive {
            match asker {
                Some(asker) if forgets => connection.client.forgotten.push(asker),
                asker => drop(tell(asker, Err(over()))),
            }
            return;
        }
        let channel = connection.client.channels.get_mut(&number);
        if number != 0 && channel.as_ref().is_none_or(|channel| channel.is_closed) {
            tell(asker, Err(over()));
            return;
        }
        if connection.client.blocked.borrow().is_some() {
            connection.client.unwritten.push_back((number, request, asker));
            return;
        }
        self.write(id, number, request, asker);
    }

    fn write(&mut self, id: u64, number: u16, request: Request, asker: Option<Asker>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let has_answer = !matches!(request, Request::Publish(_) | Request::Ack { .. } | Request::Requeue(_));
        if has_answer {
            // connections' own requests wait on channel 0
            let channel = connection.client.channels.entry(number).or_default();
            // who dropped the channel does not wait, and is answered all the same
            channel.askers.push_back(asker.unwrap_or_else(|| oneshot::channel().0));
        } else if let Some(asker) = asker {
            let _ = asker.send(Ok(()));
        }
        self.send_up(id, number, request);
    }

    pub(super) fn publish(
        &mut self,
        id: u64,
        number: u16,
        message: Message,
    ) -> oneshot::Receiver<Result<Word, Refusal>> {
        let (word, receiver) = oneshot::channel();
        let forgets = self.options.forgets_waiters;
        let Some(connection) = self.connections.get_mut(&id) else {
            let _ = word.send(Err(over()));
            return receiver;
        };
        let is_alive = connection.client.is_alive;
        match connection.client.channels.get_mut(&number) {
            Some(channel) if is_alive && !channel.is_closed => {
                channel.last_publish += 1;
                let message = Arc::new(message);
                channel.pending.insert(
                    channel.last_publish,
                    Pending { word, message: Arc::clone(&message), since: Instant::now() },
                );
                self.send(id, number, Request::Publish(message), None);
            }
            _ if forgets => connection.client.forgotten_words.push(word),
            _ => {
                let _ = word.send(Err(over()));
            }
        }
        receiver
    }

    pub(super) fn consume(&mut self, id: u64, number: u16, queue: &str) -> Consuming {
        let (stream, arrivals) = mpsc::unbounded_channel();
        let channel = self.connections.get_mut(&id).and_then(|known| known.client.channels.get_mut(&number));
        let tag = channel.map_or_else(
            || Arc::from(""),
            |channel| {
                channel.last_consumer += 1;
                let tag: Arc<str> = format!("{id}.{number}.{}", channel.last_consumer).into();
                channel.consumers.insert(Arc::clone(&tag), stream);
                tag
            },
        );
        let answer = self.ask(id, number, Request::Consume { queue: queue.to_owned(), tag: Arc::clone(&tag) });
        (tag, arrivals, answer)
    }

    pub(super) fn drop_consumer(&mut self, id: u64, number: u16, tag: &str) {
        let channel = self.connections.get_mut(&id).and_then(|known| known.client.channels.get_mut(&number));
        if channel.is_some_and(|channel| channel.consumers.remove(tag).is_some()) {
            self.send(id, number, Request::Cancel(tag.into()), None);
        }
    }

    pub(super) fn drop_channel(&mut self, id: u64, number: u16) {
        let channel = self.connections.get_mut(&id).and_then(|known| known.client.channels.get_mut(&number));
        if let Some(channel) = channel.filter(|channel| !channel.is_closed) {
            self.tally.exposed_publishes += channel.pending.len() as u64;
            self.send(id, number, Request::Close, None);
        }
    }

    pub(super) fn drop_connection(&mut self, id: u64) {
        if self.connections.get(&id).is_some_and(|known| known.client.is_alive) {
            self.end_at_client(id, "nobody uses it any more");
        }
        if let Some(known) = self.connections.get_mut(&id) {
            known.client.forgotten.clear();
            known.client.forgotten_words.clear();
            if !known.is_at_broker {
                self.connections.remove(&id);
            }
        }
    }

    /// A frame has come to the client.
    pub(super) fn reach(&mut self, id: u64, frame: Frame) {
        let Some(connection) = self.connections.get_mut(&id).filter(|known| known.client.is_alive) else { return };
        match frame {
            Frame::Gone(why) => self.end_at_client(id, &why),
            Frame::Blocked(why) => {
                let is_free = why.is_none();
                connection.client.blocked.send_replace(why);
                if is_free {
                    for (number, request, asker) in std::mem::take(&mut connection.client.unwritten) {
                        self.write(id, number, request, asker);
                    }
                }
            }
            Frame::Done { channel, .. }
            | Frame::Closed(channel)
            | Frame::Confirm { channel, .. }
            | Frame::Return { channel, .. }
            | Frame::Deliver { channel, .. }
            | Frame::CancelConsumer { channel, .. }
            | Frame::CloseChannel { channel, .. } => self.reach_channel(id, channel, frame),
        }
    }

    fn reach_channel(&mut self, id: u64, number: u16, frame: Frame) {
        if let Frame::Deliver { message, .. } = &frame
            && self.lethal.contains(message.id())
        {
            self.end_at_client(id, "what came can't be read");
            return;
        }
        let misattributes = self.options.misattributes_returns;
        let Some(channel) =
            self.connections.get_mut(&id).and_then(|known: &mut Connection| known.client.channels.get_mut(&number))
        else {
            return;
        };
        match frame {
            Frame::Done { cancelled, .. } => {
                if let Some(tag) = cancelled {
                    channel.consumers.remove(&tag);
                }
                if let Some(asker) = channel.askers.pop_front() {
                    // who asked may have stopped waiting
                    let _ = asker.send(Ok(()));
                }
            }
            Frame::Closed(_) => {
                let asker = channel.askers.pop_front();
                // to consumers it is an end without an error
                channel.consumers.clear();
                channel.end(&over());
                if let Some(asker) = asker {
                    let _ = asker.send(Ok(()));
                }
            }
            Frame::Return { message, .. } => {
                let (exchange, routing_key) = (message.exchange.clone(), message.routing_key.clone());
                let (message_id, text) = (message.id().to_owned(), "NO_ROUTE".to_owned());
                channel.returned.push_back(Returned { message_id, exchange, routing_key, text });
            }
            Frame::Confirm { tag, multiple, is_ack, .. } => {
                let mut done: Vec<u64> =
                    if multiple { channel.pending.range(..=tag).map(|(tag, _)| *tag).collect() } else { vec![tag] };
                if multiple {
                    // as the hash map of the client has it: in any order
                    let mut random = self.random.fork();
                    shuffle(&mut done, &mut random);
                }
                for tag in done {
                    let Some(pending) = channel.pending.remove(&tag) else { continue };
                    let returned = if misattributes {
                        channel.returned.pop_front()
                    } else {
                        let own = |returned: &Returned| {
                            let message = &pending.message;
                            (&*returned.message_id, &returned.exchange, &returned.routing_key)
                                == (message.id(), &message.exchange, &message.routing_key)
                        };
                        channel.returned.iter().position(own).and_then(|at| channel.returned.remove(at))
                    };
                    // who waits for it may have stopped
                    self.tally.exposed_publishes += u64::from(pending.since.elapsed() >= PATIENCE);
                    let word = if is_ack { Word::Ack { returned } } else { Word::Nack { returned } };
                    let _ = pending.word.send(Ok(word));
                }
            }
            Frame::Deliver { consumer, tag, redelivered, count, message, .. } => {
                let Some(stream) = channel.consumers.get(&consumer) else { return };
                let mut properties = message.properties.clone();
                if count > 0 {
                    properties = with_count(properties, count);
                }
                let (exchange, routing_key) = (message.exchange.clone(), message.routing_key.clone());
                let body = message.body.clone();
                // a consumer that was dropped leaves it to the channel's end
                let _ = stream.send(Ok(Arrived { tag, exchange, routing_key, redelivered, properties, body }));
            }
            Frame::CancelConsumer { consumer, .. } => {
                channel.consumers.remove(&consumer);
            }
            Frame::CloseChannel { code, text, .. } => {
                self.tally.exposed_publishes += channel.pending.len() as u64;
                channel.end(&Refusal::Broker { code, text });
            }
            Frame::Gone(_) | Frame::Blocked(_) => {}
        }
    }

    /// The client has found out that its connection has ended.
    pub(super) fn end_at_client(&mut self, id: u64, why: &str) {
        let forgets = self.options.forgets_waiters;
        let Some(connection) = self.connections.get_mut(&id).filter(|known| known.client.is_alive) else { return };
        let client = &mut connection.client;
        let exposed: usize = client.channels.values().map(|channel| channel.pending.len()).sum();
        client.is_alive = false;
        client.ended.send_replace(Some(why.to_owned()));
        let refusal = Refusal::Lost(why.to_owned());
        for channel in client.channels.values_mut() {
            if forgets {
                client.forgotten.extend(channel.askers.drain(..));
                let pending = std::mem::take(&mut channel.pending).into_values();
                client.forgotten_words.extend(pending.map(|pending| pending.word));
                // deliveries stop without a word, too
                channel.is_closed = true;
            } else {
                channel.end(&refusal);
            }
        }
        let unwritten = std::mem::take(&mut client.unwritten);
        let askers = unwritten.into_iter().filter_map(|(_, _, asker)| asker);
        if forgets {
            client.forgotten.extend(askers);
        } else {
            askers.for_each(|asker| drop(asker.send(Err(refusal.clone()))));
        }
        self.tally.lost_connections += 1;
        self.tally.exposed_publishes += exposed as u64;
        self.note("client-ended", [id, 0, 0], why);
        // the end of the socket, as far as the network carries it
        self.send_up(id, 0, Request::CloseConnection);
        self.sweep(id);
    }
}

pub(super) fn shuffle<T>(items: &mut [T], random: &mut super::Random) {
    for last in (1..items.len()).rev() {
        let other = random.below(last as u64 + 1);
        items.swap(last, usize::try_from(other).unwrap_or(last));
    }
}
