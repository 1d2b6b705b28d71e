//! An app that runs: its health, and its end.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tracing::info;

use super::consume::Phase;
use super::signal::stop_requested;
use crate::error::{Error, ErrorKind, Result};
use crate::health::{Health, HealthWatch};

/// How long handlers may take to finish at a shutdown.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// An app that runs, as [`App::start`](crate::App::start) gives it. Dropped without [`shutdown`](Self::shutdown), it stops at once, and what was in hand is given back.
///
/// ```
/// use eda_core::transport::memory::Memory;
/// use eda_core::{AnyEvent, Broker, Message, Service};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> eda_core::Result {
/// let memory = Memory::new();
/// let broker = Broker::new(memory.clone()).await?;
/// let running = Service::new("audit").on("log", |_: AnyEvent| async {}).start(&broker).await?;
/// memory.send_to_queue("audit.log", Message::new("order.created", "{}"))?;
/// memory.until_idle().await;
/// running.shutdown().await?;
/// broker.close().await
/// # }
/// ```
#[derive(Debug)]
pub struct Running {
    phase: watch::Sender<Phase>,
    consumers: JoinSet<Result>,
    health: HealthWatch,
}

impl Running {
    pub(super) fn new(phase: watch::Sender<Phase>, consumers: JoinSet<Result>, health: HealthWatch) -> Self {
        Self { phase, consumers, health }
    }

    /// What every subscription is doing right now.
    pub fn health(&self) -> Health {
        self.health.health()
    }

    /// Sees the health also while [`until_stopped`](Self::until_stopped) has taken this value.
    pub fn health_watch(&self) -> HealthWatch {
        self.health.clone()
    }

    /// Waits until a subscription ends without being told to, and says why. While all is well, it waits for ever.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn ended(&mut self) -> Error {
        loop {
            match self.consumers.join_next().await {
                Some(ended) => {
                    if let Err(error) = flatten(ended) {
                        return error;
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Runs until SIGTERM or Ctrl-C, then [shuts down](Self::shutdown). A second signal ends at once, and what was in hand
    /// is given back.
    ///
    /// # Errors
    /// Why a subscription ended without being told to.
    ///
    /// # Cancel safety
    /// Cancelled, it stops at once, and what was in hand is given back.
    pub async fn until_stopped(self) -> Result {
        self.until(stop_requested()).await
    }

    pub(super) async fn until(mut self, stop: impl Future<Output = &'static str>) -> Result {
        let mut again = pin!(stop_requested());
        let mut came_again = None;
        let ended = tokio::select! {
            error = self.ended() => Err(error),
            signal = stop => {
                // it listens from its first poll on, and who reads the line may send the second signal at once
                came_again = again.as_mut().now_or_never();
                info!("{signal}: finishing what is in hand; a second signal ends at once");
                Ok(())
            }
        };
        let stopped = tokio::select! {
            biased;
            signal = async { if let Some(signal) = came_again { signal } else { again.await } } => {
                info!("{signal} again: giving back what is in hand");
                Ok(())
            }
            stopped = self.shutdown() => stopped,
        };
        ended.and(stopped)
    }

    /// Drains: takes no more, lets handlers finish for up to 30 s, gives back what they did not, and flushes all
    /// settlements, for which there is a second more where nothing is left of the 30. Events that no handler has begun stay
    /// with the broker; the memory broker ends with the process, and they with it.
    ///
    /// # Errors
    /// Why a subscription had ended before.
    ///
    /// # Cancel safety
    /// Cancelled, it stops at once, and what was in hand is given back.
    pub async fn shutdown(self) -> Result {
        self.shutdown_within(DRAIN_LIMIT).await
    }

    /// As [`shutdown`](Self::shutdown), with another limit.
    ///
    /// # Errors
    /// As [`shutdown`](Self::shutdown).
    ///
    /// # Cancel safety
    /// As [`shutdown`](Self::shutdown).
    pub async fn shutdown_within(mut self, limit: Duration) -> Result {
        self.phase.send_replace(Phase::Draining(limit));
        let mut outcome = Ok(());
        while let Some(ended) = self.consumers.join_next().await {
            outcome = outcome.and(flatten(ended));
        }
        outcome
    }
}

fn flatten(ended: Result<Result, JoinError>) -> Result {
    ended.unwrap_or_else(|error| Err(Error::new(ErrorKind::Internal, "a subscription's task ended").caused_by(error)))
}
