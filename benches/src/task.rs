//! What a program is told to do: the same words for both programs and the driver.

use std::fmt;
use std::str::FromStr;

/// A row of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Publish with a window of unconfirmed events.
    Publish,
    /// Publish one event at a time and wait for each.
    PublishOne,
    /// Consume what waits in a queue.
    Consume,
    /// As [`Consume`](Self::Consume), with all of it seen: numbers recorded, a log at info, a line of a journal for each.
    Seen,
    /// Consume, publish an event for each, then ack.
    Chain,
    /// Publish so many a second, and consume at the same time: how long each takes to its handler.
    Latency,
    /// Consume sixteen kinds of events with a handler each.
    Handlers,
    /// Consume where every tenth delivery fails once.
    Retries,
    /// Publish and handle at the same time, over the transport in memory.
    Memory,
}

impl Work {
    /// All, in the order in which they are run.
    pub const ALL: [Self; 9] = [
        Self::Publish,
        Self::PublishOne,
        Self::Consume,
        Self::Seen,
        Self::Chain,
        Self::Latency,
        Self::Handlers,
        Self::Retries,
        Self::Memory,
    ];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::PublishOne => "publish-one",
            Self::Consume => "consume",
            Self::Seen => "seen",
            Self::Chain => "chain",
            Self::Latency => "latency",
            Self::Handlers => "handlers",
            Self::Retries => "retries",
            Self::Memory => "memory",
        }
    }

    /// How many events a round has.
    pub fn events(self) -> u64 {
        match self {
            Self::PublishOne => 2_000,
            Self::Latency => 6 * u64::from(LATENCY_RATE),
            Self::Memory => 1_000_000,
            _ => 50_000,
        }
    }

    /// Whether events wait in the queue before the program starts.
    pub fn needs_backlog(self) -> bool {
        matches!(self, Self::Consume | Self::Seen | Self::Chain | Self::Handlers | Self::Retries)
    }
}

/// How many events a second the work [`Latency`](Work::Latency) publishes.
pub const LATENCY_RATE: u32 = 200;
/// How many handlers the work [`Handlers`](Work::Handlers) has.
pub const HANDLERS: usize = 16;

/// A kind of queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Classic and durable, as somebody else declared it.
    Classic,
    /// Quorum, as the framework declares it.
    Quorum,
    /// Of the transport in memory.
    Memory,
}

impl Queue {
    /// Those of a broker.
    pub const ALL: [Self; 2] = [Self::Classic, Self::Quorum];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
            Self::Memory => "memory",
        }
    }

    /// The queue that is consumed, of this kind.
    pub fn consumed(self) -> &'static str {
        match self {
            Self::Classic => "bench.classic.consume",
            Self::Quorum | Self::Memory => "bench.consume",
        }
    }

    /// The queue in which events end that are published and not consumed.
    pub fn published(self) -> &'static str {
        match self {
            Self::Classic => "bench.classic.published",
            Self::Quorum | Self::Memory => "bench.published",
        }
    }

    /// All queues of this kind.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let handlers = (0..HANDLER_QUEUES.len()).map(move |index| self.handler(index));
        [self.consumed(), self.published()].into_iter().chain(handlers)
    }

    /// The queue of one of the sixteen handlers.
    pub fn handler(self, index: usize) -> &'static str {
        let (classic, quorum) = HANDLER_QUEUES[index];
        match self {
            Self::Classic => classic,
            Self::Quorum | Self::Memory => quorum,
        }
    }
}

macro_rules! handler_queues {
    ($($number:literal)+) => {
        &[$((concat!("bench.classic.mixed", $number), concat!("bench.mixed", $number))),+]
    };
}

const HANDLER_QUEUES: &[(&str, &str)] =
    handler_queues!("00" "01" "02" "03" "04" "05" "06" "07" "08" "09" "10" "11" "12" "13" "14" "15");

/// What a program does in a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The row.
    pub work: Work,
    /// The kind of queue.
    pub queue: Queue,
    /// How many events.
    pub events: u64,
    /// The broker.
    pub url: String,
}

impl Task {
    /// The arguments of the program.
    pub fn words(&self) -> [String; 4] {
        [self.work.name().into(), self.queue.name().into(), self.events.to_string(), self.url.clone()]
    }

    /// Reads the arguments of the program.
    ///
    /// # Errors
    /// What was expected instead.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let [work, queue, events, url] = words else {
            return Err("expected <work> <queue> <events> <url>; `cargo xtask bench` starts this program".into());
        };
        let events = events.parse().map_err(|_| format!("expected a number of events, found `{events}`"))?;
        Ok(Self { work: work.parse()?, queue: queue.parse()?, events, url: url.clone() })
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Work {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        named(&Self::ALL, Work::name, word, "work")
    }
}

impl FromStr for Queue {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        named(&[Self::Classic, Self::Quorum, Self::Memory], Queue::name, word, "kind of queue")
    }
}

fn named<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str, word: &str, what: &str) -> Result<T, String> {
    let found = all.iter().copied().find(|one| name(*one) == word);
    let names: Vec<_> = all.iter().map(|one| name(*one)).collect();
    found.ok_or_else(|| format!("no such {what}: `{word}`; there are {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_survives_the_command_line() {
        for work in Work::ALL {
            let task = Task { work, queue: Queue::Quorum, events: work.events(), url: "amqp://x".into() };
            assert_eq!(Task::parse(&task.words()), Ok(task));
        }
    }

    #[test]
    fn a_wrong_word_is_said() {
        assert!("publisch".parse::<Work>().expect_err("a wrong word").contains("there are publish, publish-one"));
        assert!("mirrored".parse::<Queue>().expect_err("a wrong word").contains("classic, quorum, memory"));
    }
}
