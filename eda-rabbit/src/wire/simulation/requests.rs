//! What the broker does with a request.

use std::collections::VecDeque;
use std::sync::Arc;

use super::connection::{BrokerChannel, Consumer};
use super::exchange::Exchange;
use super::frames::{Frame, Request};
use super::queue::{Place, Queue};
use super::world::World;
use crate::topology::{self, Argument, ExchangeKind};

impl World {
    /// A frame has come to the broker.
    pub(super) fn arrive(&mut self, id: u64, number: u16, request: Request) {
        let Some(connection) = self.connections.get_mut(&id).filter(|known| known.is_at_broker) else { return };
        if connection.is_blocked {
            connection.unread.push_back((number, request));
            return;
        }
        if let Request::Publish(_) = &request {
            if !connection.has_published && Self::is(self.blocked_until) {
                // who publishes while there is an alarm is read no more, and what it sent waits
                connection.has_published = true;
                connection.unread.push_back((number, request));
                self.block(id);
                return;
            }
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.has_published = true;
            }
        }
        self.obey(id, number, request);
    }

    pub(super) fn obey(&mut self, id: u64, number: u16, request: Request) {
        let tag = match &request {
            Request::Ack { tag, .. } | Request::Requeue(tag) => *tag,
            _ => 0,
        };
        let text = match &request {
            Request::DeclareQueue(queue) => queue.name.as_str(),
            Request::DeclareExchange(exchange) => exchange.name.as_str(),
            Request::Consume { queue, .. } => queue.as_str(),
            Request::Publish(message) => message.id(),
            _ => "",
        };
        self.note(request.name(), [id, number.into(), tag], text);
        if matches!(request, Request::CloseConnection) {
            self.send_down(id, Frame::Done { channel: 0, cancelled: None });
            self.end_at_broker(id, "closed by the client");
            return;
        }
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if matches!(request, Request::Open) {
            connection.channels.insert(number, BrokerChannel::default());
            self.send_down(id, Frame::Done { channel: number, cancelled: None });
            return;
        }
        // what comes for a channel that the broker has closed is dropped until the client knows
        if !connection.channels.contains_key(&number) {
            return;
        }
        let mut cancelled = None;
        let outcome = match request {
            Request::DeclareExchange(exchange) => self.declare_exchange(&exchange),
            Request::DeclareQueue(queue) => self.declare_queue(&queue),
            Request::Bind(binding) => self.bind(&binding),
            Request::Confirm => {
                self.channel(id, number, |channel| channel.confirms = true);
                Ok(())
            }
            Request::Qos(prefetch) => {
                self.channel(id, number, |channel| channel.prefetch = prefetch);
                Ok(())
            }
            Request::Consume { queue, tag } => self.begin_consumer(id, number, &queue, tag),
            Request::Cancel(tag) => {
                self.end_consumer(id, number, &tag);
                cancelled = Some(tag);
                Ok(())
            }
            Request::Close => {
                self.end_channel(id, number);
                self.send_down(id, Frame::Closed(number));
                return;
            }
            Request::Publish(message) => {
                if let Err((code, text)) = self.accept(id, number, &message) {
                    self.close_channel(id, number, code, &text);
                }
                return;
            }
            Request::Ack { tag, multiple } => {
                if let Err((code, text)) = self.ack(id, number, tag, multiple) {
                    self.close_channel(id, number, code, &text);
                }
                return;
            }
            Request::Requeue(tag) => {
                if let Err((code, text)) = self.requeue(id, number, tag) {
                    self.close_channel(id, number, code, &text);
                }
                return;
            }
            Request::Open | Request::CloseConnection => return,
        };
        match outcome {
            Ok(()) => self.send_down(id, Frame::Done { channel: number, cancelled }),
            Err((code, text)) => self.close_channel(id, number, code, &text),
        }
    }

    fn channel(&mut self, id: u64, number: u16, change: impl FnOnce(&mut BrokerChannel)) {
        if let Some(channel) = self.connections.get_mut(&id).and_then(|known| known.channels.get_mut(&number)) {
            change(channel);
        }
    }

    fn declare_exchange(&mut self, declared: &topology::Exchange) -> Result<(), (u16, String)> {
        let name = &declared.name;
        let Some(known) = self.exchanges.get(name) else {
            self.exchanges.insert(name.clone(), Exchange::new(declared));
            return Ok(());
        };
        let different = |what: &str, received: &str, current: &str| {
            Err((
                406,
                format!(
                    "PRECONDITION_FAILED - inequivalent arg '{what}' for exchange '{name}' in vhost '/': received \
                     {received} but current is {current}"
                ),
            ))
        };
        if known.kind != declared.kind {
            return different("type", &format!("'{}'", kind(declared.kind)), &format!("'{}'", kind(known.kind)));
        }
        if known.alternate.as_deref() != declared.alternate {
            let value = |alternate: Option<&str>| {
                alternate.map_or("none".to_owned(), |name| format!("the value '{name}' of type 'longstr'"))
            };
            return different("alternate-exchange", &value(declared.alternate), &value(known.alternate.as_deref()));
        }
        Ok(())
    }

    fn declare_queue(&mut self, declared: &topology::Queue) -> Result<(), (u16, String)> {
        let name = &declared.name;
        let Some(known) = self.queues.get(name) else {
            if declared.arguments.is_none() {
                return Err((404, format!("NOT_FOUND - no queue '{name}' in vhost '/'")));
            }
            self.queues.insert(name.clone(), Queue::new(declared));
            return Ok(());
        };
        let Some(arguments) = &declared.arguments else { return Ok(()) };
        let value = |value: Option<&Argument>| match value {
            None => "none".to_owned(),
            Some(Argument::Text(text)) => format!("the value '{text}' of type 'longstr'"),
            Some(Argument::Number(number)) => format!("the value '{number}' of type 'signedint'"),
        };
        let current = |name: &str| known.arguments.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        let received = |name: &str| arguments.iter().find(|(given, _)| *given == name).map(|(_, value)| value);
        let mut names: Vec<&str> = arguments.iter().map(|(name, _)| *name).collect();
        names.extend(known.arguments.iter().map(|(name, _)| name.as_str()));
        // a broker checks the type of a queue first
        names.sort_by_key(|name| *name != "x-queue-type");
        for argument in names {
            if received(argument) != current(argument) {
                return Err((
                    406,
                    format!(
                        "PRECONDITION_FAILED - inequivalent arg '{argument}' for queue '{name}' in vhost '/': received \
                         {} but current is {}",
                        value(received(argument)),
                        value(current(argument))
                    ),
                ));
            }
        }
        Ok(())
    }

    fn bind(&mut self, binding: &topology::Binding) -> Result<(), (u16, String)> {
        let topology::Binding { queue, exchange, routing_key } = binding;
        if !self.queues.contains_key(queue) {
            return Err((404, format!("NOT_FOUND - no queue '{queue}' in vhost '/'")));
        }
        let Some(known) = self.exchanges.get_mut(exchange) else {
            return Err((404, format!("NOT_FOUND - no exchange '{exchange}' in vhost '/'")));
        };
        known.bind(queue, routing_key);
        Ok(())
    }

    pub(super) fn consumers(&self, queue: &str) -> u32 {
        self.queues.get(queue).map_or(0, |known| u32::try_from(known.consumers.len()).unwrap_or(u32::MAX))
    }

    fn begin_consumer(&mut self, id: u64, number: u16, queue: &str, tag: Arc<str>) -> Result<(), (u16, String)> {
        let Some(known) = self.queues.get_mut(queue) else {
            return Err((404, format!("NOT_FOUND - no queue '{queue}' in vhost '/'")));
        };
        known.consumers.push_back(Place { connection: id, channel: number, tag: Arc::clone(&tag) });
        self.channel(id, number, |channel| {
            let prefetch = if channel.prefetch == 0 { usize::MAX } else { channel.prefetch.into() };
            channel.consumers.insert(tag, Consumer { queue: queue.to_owned(), prefetch, open: 0 });
        });
        // the answer goes first
        self.send_down(id, Frame::Done { channel: number, cancelled: None });
        self.pump(queue);
        // told already
        Err((0, String::new()))
    }

    pub(super) fn end_consumer(&mut self, id: u64, number: u16, tag: &str) {
        let mut queue = None;
        self.channel(id, number, |channel| queue = channel.consumers.remove(tag).map(|consumer| consumer.queue));
        if let Some(queue) = queue.and_then(|queue| self.queues.get_mut(&queue)) {
            queue.consumers.retain(|place| !(place.connection == id && place.channel == number && *place.tag == *tag));
        }
    }

    /// The broker closes a channel over an error.
    pub(super) fn close_channel(&mut self, id: u64, number: u16, code: u16, text: &str) {
        if code == 0 {
            return;
        }
        self.note("channel-error", [id, number.into(), code.into()], text);
        self.send_down(id, Frame::CloseChannel { channel: number, code, text: text.to_owned() });
        self.end_channel(id, number);
    }

    /// What was open on it goes back.
    pub(super) fn end_channel(&mut self, id: u64, number: u16) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Some(mut channel) = connection.channels.remove(&number) else { return };
        let mut touched: Vec<Arc<str>> = Vec::new();
        for (tag, consumer) in std::mem::take(&mut channel.consumers) {
            if let Some(queue) = self.queues.get_mut(&consumer.queue) {
                queue
                    .consumers
                    .retain(|place| !(place.connection == id && place.channel == number && *place.tag == *tag));
            }
        }
        self.tally.exposed_deliveries += channel.unacked.len() as u64;
        let mut back: VecDeque<_> = std::mem::take(&mut channel.unacked).into_values().collect();
        while let Some(unacked) = back.pop_back() {
            if !touched.contains(&unacked.queue) {
                touched.push(Arc::clone(&unacked.queue));
            }
            let is_lost = unacked.is_settling && !self.options.loses_late_acks;
            let queue = Arc::clone(&unacked.queue);
            if is_lost {
                if let Some(queue) = self.queues.get_mut(&*queue) {
                    queue.unacked -= 1;
                }
                continue;
            }
            self.put_back(&queue, unacked.entry, true);
        }
        for queue in touched {
            self.pump(&queue);
        }
    }

    /// The broker has found out that a connection has ended.
    pub(super) fn end_at_broker(&mut self, id: u64, why: &str) {
        let Some(connection) = self.connections.get_mut(&id).filter(|known| known.is_at_broker) else { return };
        connection.is_at_broker = false;
        connection.unread.clear();
        let channels: Vec<u16> = connection.channels.keys().copied().collect();
        self.note("broker-ended", [id, 0, 0], why);
        for number in channels {
            self.end_channel(id, number);
        }
        self.send_down(id, Frame::Gone(format!("the connection to the broker was lost: {why}")));
        self.sweep(id);
    }
}

fn kind(kind: ExchangeKind) -> &'static str {
    match kind {
        ExchangeKind::Direct => "direct",
        ExchangeKind::Fanout => "fanout",
        ExchangeKind::Topic => "topic",
    }
}
