//! A broker can lose a consumer without a word: RabbitMQ 3.10 does where a quorum queue is deleted whose leader has just
//! changed, and where nodes are parted. So who hears nothing asks.

use std::time::Duration;

use tokio::time::Instant;

use super::super::Task;
use super::Session;

/// As long nothing comes and nothing is in hand, before the broker is asked whether it still has a consumer.
const LISTEN: Duration = Duration::from_secs(20);
/// The broker counts the consumers of other processes, too: who is told of as many as before believes so often that its own
/// is among them.
const BELIEVED: u32 = 15;

pub(super) struct Heard {
    /// When something came, or the broker was asked.
    at: Instant,
    /// How many consumers it had then.
    consumers: Option<u32>,
    believed: u32,
}

impl Heard {
    pub(super) fn now() -> Self {
        Self { at: Instant::now(), consumers: None, believed: 0 }
    }

    pub(super) fn something(&mut self) {
        self.at = Instant::now();
    }

    pub(super) fn due(&self) -> Instant {
        self.at + LISTEN
    }

    /// Whether the consumer may be one that the broker has forgotten.
    fn is_doubtful(&mut self, consumers: u32) -> bool {
        self.believed += 1;
        let are_fewer = self.consumers.replace(consumers).is_none_or(|known| consumers < known);
        are_fewer || self.believed >= BELIEVED
    }
}

impl Session {
    /// Who is in doubt consumes again.
    pub(super) async fn listen(&mut self, task: &Task) -> Result<(), String> {
        self.heard.something();
        if task.wanted.settler.has_open() {
            return Ok(());
        }
        let consumers = self.count(task).await?;
        if self.heard.is_doubtful(consumers) {
            self.consume_again(task).await?;
            self.tell_state(task);
            self.heard = Heard { at: Instant::now(), consumers: Some(self.count(task).await?), believed: 0 };
        }
        Ok(())
    }

    async fn count(&self, task: &Task) -> Result<u32, String> {
        let queue = &task.wanted.subscription.queue;
        match self.channel.consumers(queue).await {
            Ok(0) => Err(format!("the broker has ended the consumer of `{queue}` without a word")),
            Ok(consumers) => Ok(consumers),
            Err(error) => Err(error.to_string()),
        }
    }
}
