//! A journal in a queue of the broker.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use eda_core::ErrorKind;
use eda_core::journal::{Fact, Journal};
use eda_core::transport::{Append, Transport};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use crate::entry::Entry;
use crate::waiting::Waiting;

/// How long lines gather before they are sent.
const GATHER: Duration = Duration::from_millis(20);
/// How long it waits before it tries again; doubled up to the last.
const BACKOFF: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(15)];
/// How long the end waits for what is not written yet.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How often it is told that the broker does not take lines, or that lines are missing.
const QUIET: Duration = Duration::from_secs(60);

/// A journal in the queue `eda.journal` of the broker that an app runs on, where `trace` finds what all services have written.
///
/// Who publishes and handles never waits for it: lines are gathered in memory, 4 MiB at most, and a task sends them in messages
/// of many lines, one message at a time. While the broker is away or slow, what doesn't fit is dropped; a line of the journal,
/// and a warning, tell how many. A line that the broker has not confirmed is sent again, so it can be there twice.
///
/// The queue is durable and bounded to 64 MiB and 100,000 messages, the oldest of which go first. It is declared with the app's
/// topology, or with the first line. On a transport without such a queue, such as `memory://`, a warning says that nothing is
/// written.
///
/// What was recorded is at the broker some milliseconds later; [`Broker::close`](eda_core::Broker::close) waits for it, for five
/// seconds at most, and a process that is killed loses what it had not sent.
///
/// Cloning is cheap, and clones write into one queue.
///
/// ```no_run
/// use eda_core::{AnyEvent, App, Broker, Service};
/// use eda_journal::QueueJournal;
///
/// # async fn example(broker: Broker) -> eda_core::Result {
/// let app = App::new().service(Service::new("audit").on("log", |_: AnyEvent| async {})).journal(QueueJournal::new());
/// app.run(&broker).await?;
/// broker.close().await
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct QueueJournal(Arc<Owner>);

impl QueueJournal {
    /// Of the broker that it is attached to by [`App::journal`](eda_core::App::journal) or
    /// [`Broker::journaled`](eda_core::Broker::journaled). A journal of one broker can't become that of another one while the
    /// first is connected.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many lines were dropped so far, since they came faster than the broker took them, or it was away for too long.
    pub fn dropped(&self) -> u64 {
        self.0.waiting.dropped()
    }
}

#[async_trait]
impl Journal for QueueJournal {
    fn record(&self, fact: &Fact<'_>) {
        match Entry::of(fact).to_line() {
            Ok(line) => self.0.waiting.push(&line),
            Err(_) => self.0.waiting.lose(1),
        }
    }

    fn is_at_broker(&self) -> bool {
        true
    }

    /// Does nothing outside of a runtime of tokio, as a broker does.
    fn attach(&self, transport: &Arc<dyn Transport>) {
        let mut task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let Some(append) = transport.journal() else {
            let broker = transport.describe();
            warn!(broker, "this broker keeps no journal: nothing is written down");
            self.0.waiting.refuse();
            return;
        };
        if let Ok(runtime) = Handle::try_current() {
            self.0.waiting.begin();
            let writing = Writing { waiting: Arc::clone(&self.0.waiting), append, warned: None };
            *task = Some(runtime.spawn(writing.run()));
        }
    }

    async fn flush(&self) {
        if timeout(END_LIMIT, self.0.waiting.until_written()).await.is_err() {
            warn!("the end of the journal could not be sent to the broker within 5s");
        }
    }
}

/// What all clones share. With the last of them the task ends, when it has sent what it can.
#[derive(Debug, Default)]
struct Owner {
    waiting: Arc<Waiting>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.waiting.end();
    }
}

/// What the task knows.
struct Writing {
    waiting: Arc<Waiting>,
    append: Box<dyn Append>,
    warned: Option<Instant>,
}

impl Writing {
    async fn run(mut self) {
        while self.waiting.some().await {
            // one message for all that happens about now
            sleep(GATHER).await;
            while let Some(lines) = self.waiting.take() {
                if !self.send(&lines).await {
                    self.waiting.refuse();
                    return;
                }
                self.waiting.written();
                self.tell_dropped();
            }
        }
    }

    /// Whether the broker has them; it is asked until it is closed, or nobody needs it any more.
    async fn send(&mut self, lines: &[u8]) -> bool {
        let [mut pause, last] = BACKOFF;
        loop {
            let Err(error) = self.append.append(lines).await else { return true };
            if error.kind() == ErrorKind::Closed || self.waiting.has_ended() {
                return false;
            }
            if self.is_time_to_warn() {
                let dropped = self.waiting.dropped();
                warn!(%error, dropped, "the broker does not take the journal's lines; trying again");
            }
            sleep(pause).await;
            pause = last.min(pause * 2);
        }
    }

    fn tell_dropped(&mut self) {
        if self.waiting.is_dropping() && self.is_time_to_warn() {
            let dropped = self.waiting.dropped();
            warn!(dropped, "the journal lacks lines: they came faster than the broker took them");
        }
    }

    fn is_time_to_warn(&mut self) -> bool {
        let is_time = self.warned.is_none_or(|last| last.elapsed() >= QUIET);
        if is_time {
            self.warned = Some(Instant::now());
        }
        is_time
    }
}
