//! What a test sees of what happened: messages that were published, deliveries and how each was settled.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use eda_core::transport::FailureRecord;
use eda_core::{Event, Message, Result};

/// How much of a body is shown.
const BODY_SHOWN: usize = 200;

/// One delivery to a handler: one attempt.
///
/// ```
/// use eda_core::{AnyEvent, Failure, Message, Service};
/// use eda_testing::TestApp;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let refuse = |_: AnyEvent| async { Err::<(), _>(Failure::permanent("not today")) };
/// let app = TestApp::start(Service::new("audit").on("log", refuse)).await;
/// app.publish_message(Message::new("order.created", "{}")).await;
/// app.settle().await;
/// let delivered = &app.deliveries("audit.log")[0];
/// assert!(delivered.is_dead_lettered());
/// assert_eq!(delivered.to_string(), "audit.log: order.created {}, attempt 1: dead letter: permanent: not today");
/// # }
/// ```
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The queue: `{service}.{handler}` unless the handler names another.
    pub queue: String,
    /// What arrived.
    pub message: Arc<Message>,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// Whether the broker said that it had delivered it before.
    pub redelivered: bool,
    /// How it was settled; `None` while it is in the handler.
    pub settled: Option<Settled>,
}

/// How a delivery was settled.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The handler succeeded, and what it returned was published.
    Acked,
    /// The attempt failed, and another one follows.
    Retried {
        /// How long it waits at least.
        after: Duration,
        /// Why the attempt failed.
        failure: FailureRecord,
    },
    /// It failed for good and is kept as a dead letter.
    DeadLettered {
        /// Why.
        failure: FailureRecord,
    },
    /// It went back to its queue, and comes again at once.
    GivenBack,
}

impl Delivered {
    /// The event that arrived.
    ///
    /// # Panics
    /// Where the body can't be read as `E`.
    #[track_caller]
    pub fn event<E: Event>(&self) -> E {
        decode(&self.message)
    }

    /// Why the attempt failed; `None` where it did not.
    pub fn failure(&self) -> Option<&FailureRecord> {
        match self.settled.as_ref()? {
            Settled::Retried { failure, .. } | Settled::DeadLettered { failure } => Some(failure),
            Settled::Acked | Settled::GivenBack => None,
        }
    }

    /// Whether it was retried.
    pub fn is_retried(&self) -> bool {
        matches!(self.settled, Some(Settled::Retried { .. }))
    }

    /// Whether it is kept as a dead letter.
    pub fn is_dead_lettered(&self) -> bool {
        matches!(self.settled, Some(Settled::DeadLettered { .. }))
    }
}

/// One line for a person: `billing.charge: order.created {"order_id":1}, attempt 1: acked`.
impl fmt::Display for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, attempt {}: ", self.queue, shown(&self.message), self.attempt)?;
        match &self.settled {
            Some(settled) => settled.fmt(f),
            None => f.write_str("in the handler"),
        }
    }
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acked => f.write_str("acked"),
            Self::Retried { after, failure } => write!(f, "retried after {after:?}: {}", why(failure)),
            Self::DeadLettered { failure } => write!(f, "dead letter: {}", why(failure)),
            Self::GivenBack => f.write_str("given back"),
        }
    }
}

/// A message that was published.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) message: Arc<Message>,
    pub(super) by: By,
    /// The queues of the app that it leads to.
    pub(super) queues: Vec<String>,
    /// The broker's word; `None` while it has said nothing.
    pub(super) word: Option<Result<()>>,
}

/// Who published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Test,
    App,
}

impl Published {
    /// Whether the app published it and the broker has it.
    pub(super) fn is_of_app(&self) -> bool {
        self.by == By::App && matches!(self.word, Some(Ok(())))
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.by {
            By::Test => "the test",
            By::App => self.message.source.as_deref().unwrap_or("the app"),
        };
        write!(f, "{who} published {}, ", shown(&self.message))?;
        match (&self.word, &*self.queues) {
            (Some(Err(error)), _) => write!(f, "in vain: {error}"),
            (None, _) => f.write_str("and the broker has not confirmed it"),
            (Some(Ok(())), []) => f.write_str("for which no handler is subscribed"),
            (Some(Ok(())), queues) => write!(f, "to {}", queues.join(", ")),
        }
    }
}

/// Reads a message as an event.
#[track_caller]
pub(super) fn decode<E: Event>(message: &Message) -> E {
    match E::decode(&message.body) {
        Ok(event) => event,
        Err(error) => panic!("the body is no `{}`: {error}\n  {}", E::NAME, body(&message.body)),
    }
}

/// A message in few words: name and body.
pub(super) fn shown(message: &Message) -> String {
    format!("{} {}", message.name.as_deref().unwrap_or(&message.routing_key), body(&message.body))
}

/// A body as text, cut where it is long.
pub(super) fn body(body: &[u8]) -> String {
    if body.is_empty() {
        return "with an empty body".to_owned();
    }
    let text = String::from_utf8_lossy(body);
    let mut shown: String =
        text.chars().take(BODY_SHOWN).map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Each item on a line of its own, below what stands before.
pub(super) fn lines(items: impl IntoIterator<Item = impl fmt::Display>) -> String {
    items.into_iter().fold(String::new(), |text, item| text + "\n  " + &item.to_string())
}

fn why(failure: &FailureRecord) -> String {
    format!("{}: {}", failure.reason, failure.detail)
}
