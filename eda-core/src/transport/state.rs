//! What a consumer is doing, as health tells it.

use std::fmt;
use std::time::SystemTime;

/// What the consumer of a subscription is doing.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConsumerState {
    /// The broker has not confirmed the consumer, or the connection was lost and is being made again.
    Connecting,
    /// The broker has confirmed the consumer.
    Consuming,
    /// The broker accepts nothing on this connection for now: an alarm for memory or disk.
    Blocked,
    /// Consuming one delivery at a time, and then a few, after connections or processes died of what was in hand.
    Quarantined,
    /// No new deliveries are taken; those in hand are finished.
    Draining,
    /// Ended.
    Stopped,
}

impl ConsumerState {
    #[cfg(feature = "metrics")]
    pub(crate) const ALL: [Self; 6] =
        [Self::Connecting, Self::Consuming, Self::Blocked, Self::Quarantined, Self::Draining, Self::Stopped];

    /// The word for it in health, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Consuming => "consuming",
            Self::Blocked => "blocked",
            Self::Quarantined => "quarantined",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for ConsumerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A [state](ConsumerState), since when, and why.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerStatus {
    /// What it is doing.
    pub state: ConsumerState,
    /// Since when.
    pub since: SystemTime,
    /// Why, for a person; empty where there is nothing to say.
    pub why: String,
}

impl ConsumerStatus {
    /// A state that begins now.
    pub fn now(state: ConsumerState, why: impl Into<String>) -> Self {
        Self { state, since: SystemTime::now(), why: why.into() }
    }

    /// Whether deliveries flow: the broker has confirmed the consumer.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, ConsumerState::Consuming | ConsumerState::Quarantined)
    }
}
