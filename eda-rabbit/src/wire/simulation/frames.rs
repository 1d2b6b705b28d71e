//! What travels between the client and the broker.

use std::sync::Arc;

use super::queue::Message;
use crate::topology::{Binding, Exchange, Queue};

/// From the client to the broker.
#[derive(Debug)]
pub(super) enum Request {
    Open,
    DeclareExchange(Exchange),
    DeclareQueue(Queue),
    Bind(Binding),
    Confirm,
    Publish(Arc<Message>),
    Qos(u16),
    Consume { queue: String, tag: Arc<str> },
    Cancel(Arc<str>),
    Ack { tag: u64, multiple: bool },
    Requeue(u64),
    Close,
    CloseConnection,
}

impl Request {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::DeclareExchange(_) => "exchange",
            Self::DeclareQueue(_) => "queue",
            Self::Bind(_) => "bind",
            Self::Confirm => "confirm-select",
            Self::Publish(_) => "publish",
            Self::Qos(_) => "qos",
            Self::Consume { .. } => "consume",
            Self::Cancel(_) => "cancel",
            Self::Ack { .. } => "ack",
            Self::Requeue(_) => "requeue",
            Self::Close => "close",
            Self::CloseConnection => "close-all",
        }
    }
}

/// From the broker to the client.
#[derive(Debug)]
pub(super) enum Frame {
    /// To the oldest request of the channel that waits for one; and the consumer that has ended with it.
    Done {
        channel: u16,
        cancelled: Option<Arc<str>>,
    },
    /// The channel is closed, as the client asked.
    Closed(u16),
    Confirm {
        channel: u16,
        tag: u64,
        multiple: bool,
        is_ack: bool,
    },
    Return {
        channel: u16,
        message: Arc<Message>,
    },
    Deliver {
        channel: u16,
        consumer: Arc<str>,
        tag: u64,
        redelivered: bool,
        count: u64,
        message: Arc<Message>,
    },
    CancelConsumer {
        channel: u16,
        consumer: Arc<str>,
    },
    CloseChannel {
        channel: u16,
        code: u16,
        text: String,
    },
    Blocked(Option<String>),
    /// The socket has ended.
    Gone(String),
}
