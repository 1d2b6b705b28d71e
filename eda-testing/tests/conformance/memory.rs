//! Every case on the memory transport.

use std::sync::Arc;

use async_trait::async_trait;
use eda_core::transport::Transport;
use eda_core::transport::memory::Memory;
use eda_core::{Message, Result};
use eda_testing::conformance::{Clock, DeadLetter, Need, Options, Setup};

eda_testing::conformance!(InMemory::default());

#[tokio::test]
async fn the_table_tells_what_memory_keeps() {
    crate::table::check("memory", &InMemory::default()).await;
}

/// A memory broker; its transport is the connection, too.
#[derive(Default)]
struct InMemory(Memory);

const GAPS: [(Need, &str); 4] = [
    (Need::Persistent, "the broker ends with its transport"),
    (Need::ConnectionLoss, "there is no connection that could be lost"),
    (Need::BrokerAway, "the broker lives in the program"),
    (Need::ConsumerCancel, "the broker ends no consumer by itself"),
];

#[async_trait]
impl Setup for InMemory {
    fn clock() -> Clock {
        Clock::Paused
    }

    async fn connect(&self, options: &Options) -> Result<Arc<dyn Transport>> {
        Ok(Arc::new(self.0.clone().with_unrouted(options.unrouted)))
    }

    fn gaps(&self) -> Vec<(Need, &'static str)> {
        GAPS.into()
    }

    async fn dead_letters(&self, queue: &str) -> Result<Vec<DeadLetter>> {
        let letters = self.0.dead_letters(queue).into_iter();
        Ok(letters.map(|letter| DeadLetter { message: letter.message, failure: letter.failure }).collect())
    }

    async fn parked(&self, routing_key: &str) -> Result<Vec<Message>> {
        Ok(self.0.unrouted().into_iter().filter(|message| message.routing_key == routing_key).collect())
    }

    async fn declare_foreign(&self, queue: &str) -> Result {
        self.0.declare_queue(queue);
        Ok(())
    }

    async fn send_foreign(&self, queue: &str, body: &[u8]) -> Result {
        self.0.send_to_queue(queue, Message::new(queue.to_owned(), body.to_vec()))
    }
}
