//! Sends back or discards what is kept: a confirmed copy first, then the original goes.

use std::collections::VecDeque;
use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::time::Duration;

use clap::Args;
use eda_core::transport::{Keep, Kept, Letter, LetterFailure, Token};
use eda_core::{Broker, Error, ErrorKind, Result};
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use crate::progress::Progress;
use crate::text::counted;
use crate::{Stop, write, write_json};

/// How many copies are under way. With the removals that a transport has not told yet, so many come twice after a kill.
const WINDOW: usize = 400;

/// A timer is so late at most, on a machine that has time.
const LATE: Duration = Duration::from_millis(20);

/// How letters are sent back.
#[derive(Args, Debug)]
pub(crate) struct Sending {
    /// So many at most, oldest first of each queue.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// So many a second at most.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Only tell what would be done.
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
}

/// What the broker keeps.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) where nothing is kept that could be looked at.
pub(crate) fn keeper(broker: &Broker) -> Result<&dyn Keep> {
    broker.transport().keep().ok_or_else(|| {
        let text = "this broker keeps nothing that could be looked at: expected a URL such as `amqp://localhost`";
        Error::new(ErrorKind::Unsupported, text).with("broker", broker.transport().describe())
    })
}

/// Goes over several walks, and counts.
pub(crate) struct Sender {
    what: &'static str,
    limit: u64,
    pace: Option<Pace>,
    progress: Progress,
    done: Done,
}

/// What has become of the letters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    /// Taken up so far.
    taken: u64,
    /// Sent back and removed.
    pub(crate) sent: u64,
    /// Kept, since there is no queue for them; and what was said of the first.
    pub(crate) kept: u64,
    pub(crate) why: Option<Error>,
}

type Word = Pin<Box<dyn Future<Output = Result<()>>>>;

/// A letter that was sent back and has no word yet.
struct Pending {
    token: Token,
    told: String,
    word: Word,
}

impl Sender {
    /// `what` is one of what is sent; `limit` how many at most.
    pub(crate) fn new(what: &'static str, limit: u64, rate: Option<u32>) -> Self {
        let progress = Progress::new("replaying", limit);
        Self { what, limit, pace: rate.map(Pace::new), progress, done: Done::default() }
    }

    /// Sends back those letters of a walk that match, as long as the limit allows.
    ///
    /// # Errors
    /// The first one, after which nothing more is sent. What had no word then stays.
    pub(crate) async fn send(&mut self, kept: &mut dyn Kept, matches: impl Fn(&Letter) -> bool) -> Result<()> {
        let mut pending = VecDeque::new();
        let sent = self.send_matching(kept, matches, &mut pending).await;
        // what is confirmed is removed, also after an error: else it would be sent twice
        let mut rest = Ok(());
        while let Some(Pending { token, told, word }) = pending.pop_front() {
            let heard = self.hear(kept, token, &told, word.await).await;
            rest = rest.and(heard);
        }
        sent.and(rest)
    }

    async fn send_matching(
        &mut self,
        kept: &mut dyn Kept,
        matches: impl Fn(&Letter) -> bool,
        pending: &mut VecDeque<Pending>,
    ) -> Result<()> {
        while self.done.taken < self.limit {
            let letter = tokio::select! {
                biased;
                word = front(pending) => {
                    self.hear_front(kept, pending, word).await?;
                    continue;
                }
                letter = kept.next(), if pending.len() < WINDOW => letter?,
            };
            let Some(letter) = letter else { break };
            if !matches(&letter) {
                continue;
            }
            self.done.taken += 1;
            while let Some(due) = self.pace.as_ref().map(|pace| pace.due).filter(|due| *due > Instant::now()) {
                tokio::select! {
                    biased;
                    word = front(pending) => self.hear_front(kept, pending, word).await?,
                    () = sleep_until(due) => {}
                }
            }
            self.pace = self.pace.take().map(Pace::next);
            let receipt = kept.send_back(&letter).await?;
            pending.push_back(Pending {
                token: letter.token,
                told: told(&letter),
                word: Box::pin(receipt.confirmed()),
            });
        }
        Ok(())
    }

    async fn hear_front(
        &mut self,
        kept: &mut dyn Kept,
        pending: &mut VecDeque<Pending>,
        word: Result<()>,
    ) -> Result<()> {
        match pending.pop_front() {
            Some(Pending { token, told, .. }) => self.hear(kept, token, &told, word).await,
            None => Ok(()),
        }
    }

    async fn hear(&mut self, kept: &mut dyn Kept, token: Token, told: &str, word: Result<()>) -> Result<()> {
        self.progress.step();
        match word {
            Ok(()) => {
                kept.remove(token).await?;
                self.done.sent += 1;
                info!(letter = told, "replayed");
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Unroutable => {
                kept.leave(token);
                self.done.kept += 1;
                self.done.why.get_or_insert(error);
                Ok(())
            }
            Err(error) => {
                kept.leave(token);
                Err(error)
            }
        }
    }

    /// Tells what was done, and passes on the error that ended it.
    ///
    /// # Errors
    /// That error, or what stays.
    pub(crate) fn tell(self, ended: Result<()>, matched: u64, json: bool, out: &mut dyn Write) -> Result<(), Stop> {
        let Self { what, done: Done { sent, kept, why, .. }, progress, .. } = self;
        drop(progress);
        info!(sent, kept, matched, "replay of {what}s ended");
        if json {
            write_json(out, &json!({ "matched": matched, "replayed": sent, "kept": kept }))?;
        } else {
            let of = if sent == matched { String::new() } else { format!(" of {matched}") };
            write(out, &format!("replayed {}{of}\n", counted(sent, what)))?;
        }
        ended?;
        let gone = matched.saturating_sub(sent + kept);
        if gone > 0 && why.is_none() {
            let text = format!(
                "{} were counted and are not there: somebody else has taken or holds them",
                counted(gone, what)
            );
            return Err(Stop::Found(vec![text]));
        }
        match why {
            Some(why) => Err(Stop::Found(vec![format!("{}: {why}", kept_back(kept, what))])),
            None => Ok(()),
        }
    }
}

fn kept_back(kept: u64, what: &str) -> String {
    format!("{} {} where they are", counted(kept, what), if kept == 1 { "stays" } else { "stay" })
}

async fn front(pending: &mut VecDeque<Pending>) -> Result<()> {
    match pending.front_mut() {
        Some(pending) => (&mut pending.word).await,
        None => std::future::pending().await,
    }
}

/// For the log: metadata only.
pub(crate) fn told(letter: &Letter) -> String {
    let message = &letter.message;
    let (event, id) = (message.name.as_deref().unwrap_or(&message.routing_key), message.id_or_dash());
    let queue = letter.queue.as_deref().unwrap_or("eda.unrouted");
    let LetterFailure { reason, .. } = letter.failure.clone().unwrap_or_default();
    let reason = if reason.is_empty() { reason } else { format!(", {reason}") };
    crate::text::printable(&format!("{event} {id} of {queue}{reason}")).into_owned()
}

/// When the next one may be sent.
struct Pace {
    due: Instant,
    each: Duration,
}

impl Pace {
    fn new(rate: u32) -> Self {
        Self { due: Instant::now(), each: Duration::from_secs(1) / rate }
    }

    /// What is late is made up for where it is what a timer takes, and no more.
    fn next(self) -> Self {
        let earliest = Instant::now().checked_sub(LATE).unwrap_or(self.due);
        Self { due: (self.due + self.each).max(earliest), each: self.each }
    }
}
