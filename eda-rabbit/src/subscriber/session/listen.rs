//! A broker can lose a consumer without a word: RabbitMQ 3.10 does where a quorum queue is deleted whose leader has just
//! changed, and where nodes are parted. So who hears nothing asks.

use std::pin::pin;
use std::time::Duration;

use eda_core::transport::ConsumerState;
use tokio::time::{Instant, timeout};

use super::super::Task;
use super::Session;
use super::ending::Rest;

/// As long nothing comes and nothing is in hand, before the broker is asked whether it still has a consumer.
const LISTEN: Duration = Duration::from_secs(20);
/// The broker counts the consumers of other processes, too: who is told of as many as before believes so often that its own
/// is among them.
const BELIEVED: u32 = 15;
/// How long a consumer that is begun anew may be gone without a word about it.
const MOMENT: Duration = Duration::from_millis(500);

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

    pub(super) fn at(&self) -> Instant {
        self.at
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
            self.consume_again(Rest::GoesBack, task).await?;
            self.heard = Heard { at: Instant::now(), consumers: Some(self.count(task).await?), believed: 0 };
        }
        Ok(())
    }

    /// That nobody consumes for the moment that it takes is no news; that it takes longer is.
    pub(super) async fn consume_again(&mut self, rest: Rest, task: &Task) -> Result<(), String> {
        let renewed = {
            let mut renewed = pin!(self.renew(rest, task));
            match timeout(MOMENT, &mut renewed).await {
                Ok(renewed) => return renewed,
                Err(_) => task.tell(ConsumerState::Connecting, "the consumer is begun anew"),
            }
            renewed.await
        };
        renewed?;
        self.tell_state(task);
        Ok(())
    }

    /// On the same channel, so that what is open stays valid.
    async fn renew(&mut self, rest: Rest, task: &Task) -> Result<(), String> {
        if !self.end_consumer(rest, task).await? {
            return Err("the consumer did not end where it was to begin again".to_owned());
        }
        self.arrivals = self.answered(self.channel.consume(&task.wanted.subscription.queue)).await?;
        Ok(())
    }

    async fn count(&self, task: &Task) -> Result<u32, String> {
        let queue = &task.wanted.subscription.queue;
        match self.answered(self.channel.consumers(queue)).await? {
            0 => Err(format!("the broker has ended the consumer of `{queue}` without a word")),
            consumers => Ok(consumers),
        }
    }
}
