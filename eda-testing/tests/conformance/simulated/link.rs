//! The link, and what the suite does to it.

use std::sync::Arc;

use async_trait::async_trait;
use eda_core::transport::Transport;
use eda_core::transport::memory::{Memory, Unrouted};
use eda_core::{Message, Result};
use eda_testing::conformance::{Clock, DeadLetter, Options, Setup};
use tokio::sync::watch;

use super::Fault;
use super::transport::Connection;

/// The broker and the network to it.
pub(crate) struct Simulated {
    memory: Memory,
    link: watch::Sender<Link>,
    fault: Fault,
}

/// What the network is like.
#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    pub(super) is_down: bool,
    /// How often connections were cut.
    pub(super) cuts: u64,
    /// The queue whose consumers the broker has ended last, and how often it has done that.
    pub(super) ended: (String, u64),
}

impl Simulated {
    pub(crate) fn with(fault: Fault) -> Self {
        Self { memory: Memory::new(), link: watch::Sender::default(), fault }
    }
}

#[async_trait]
impl Setup for Simulated {
    fn clock() -> Clock {
        Clock::Paused
    }

    async fn connect(&self, options: &Options) -> Result<Arc<dyn Transport>> {
        let unrouted = if self.fault == Fault::SwallowsUnroutable { Unrouted::Reject } else { options.unrouted };
        let memory = self.memory.clone().with_unrouted(unrouted);
        Ok(Arc::new(Connection::new(memory, self.link.subscribe(), self.fault)))
    }

    async fn dead_letters(&self, queue: &str) -> Result<Vec<DeadLetter>> {
        let letters = self.memory.dead_letters(queue).into_iter();
        Ok(letters.map(|letter| DeadLetter { message: letter.message, failure: letter.failure }).collect())
    }

    async fn parked(&self, routing_key: &str) -> Result<Vec<Message>> {
        Ok(self.memory.unrouted().into_iter().filter(|message| message.routing_key == routing_key).collect())
    }

    async fn declare_foreign(&self, queue: &str) -> Result {
        self.memory.declare_queue(queue);
        Ok(())
    }

    async fn send_foreign(&self, queue: &str, body: &[u8]) -> Result {
        if self.fault == Fault::IgnoresForeignQueues {
            return Ok(());
        }
        self.memory.send_to_queue(queue, Message::new(queue.to_owned(), body.to_vec()))
    }

    async fn cut_connections(&self) -> Result {
        self.link.send_modify(|link| link.cuts += 1);
        Ok(())
    }

    async fn set_reachable(&self, reachable: bool) -> Result {
        self.link.send_modify(|link| {
            link.is_down = !reachable;
            link.cuts += u64::from(!reachable);
        });
        Ok(())
    }

    async fn cancel_consumers(&self, queue: &str) -> Result {
        self.link.send_modify(|link| link.ended = (queue.to_owned(), link.ended.1 + 1));
        Ok(())
    }
}
