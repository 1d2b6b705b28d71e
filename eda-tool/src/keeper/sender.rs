//! Sends letters back: a confirmed copy first, then the original goes.

use std::collections::VecDeque;
use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::time::Duration;

use eda_core::transport::{Kept, Letter, Token};
use eda_core::{Error, ErrorKind, Result};
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use super::{done, gone, next, told};
use crate::progress::Progress;
use crate::text::counted;
use crate::{Stop, write, write_json};

/// How many copies are under way. With the removals that a transport has not told yet, so many come twice after a kill.
const WINDOW: usize = 400;
/// How large they are in all, but for one that is larger by itself.
const ROOM: usize = 16 * 1024 * 1024;

/// A timer is so late at most, on a machine that has time.
const LATE: Duration = Duration::from_millis(20);

/// Goes over several walks, and counts.
pub(crate) struct Sender {
    what: &'static str,
    limit: u64,
    pace: Option<Pace>,
    progress: Progress,
    done: Done,
}

/// What has become of the letters.
#[derive(Debug, Default)]
struct Done {
    under_way: u64,
    /// Sent back and removed.
    sent: u64,
    /// Kept, since there is no queue for them; and what was said of the first.
    kept: u64,
    why: Option<Error>,
}

type Word = Pin<Box<dyn Future<Output = Result<()>>>>;

/// A letter that was sent back and has no word yet.
struct Pending {
    token: Token,
    size: usize,
    told: String,
    word: Word,
}

impl Sender {
    /// `what` is one of what is sent; `limit` how many at most, without those for which there is no queue.
    pub(crate) fn new(what: &'static str, limit: u64, rate: Option<u32>) -> Self {
        let progress = Progress::new("replaying", limit);
        Self { what, limit, pace: rate.map(Pace::new), progress, done: Done::default() }
    }

    /// Sends back those letters of a walk that match, as long as the limit allows, and ends the walk.
    ///
    /// # Errors
    /// The first one, after which nothing more is sent. What had no word then stays.
    pub(crate) async fn send(&mut self, mut kept: Box<dyn Kept>, matches: impl Fn(&Letter) -> bool) -> Result<()> {
        let mut pending = VecDeque::new();
        let sent = self.send_matching(&mut *kept, matches, &mut pending).await;
        // what is confirmed is removed, also after an error: else it would be sent twice
        let mut rest = Ok(());
        while let Some(Pending { token, told, word, .. }) = pending.pop_front() {
            let heard = self.hear(&mut *kept, token, &told, word.await).await;
            rest = rest.and(heard);
        }
        let closed = kept.close().await;
        sent.and(rest).and(closed)
    }

    async fn send_matching(
        &mut self,
        kept: &mut dyn Kept,
        matches: impl Fn(&Letter) -> bool,
        pending: &mut VecDeque<Pending>,
    ) -> Result<()> {
        loop {
            // one for which there is no queue makes room for another one
            let is_enough = self.done.sent + self.done.under_way >= self.limit;
            if is_enough && pending.is_empty() {
                return Ok(());
            }
            let size: usize = pending.iter().map(|pending| pending.size).sum();
            let has_room = pending.len() < WINDOW && size < ROOM;
            let letter = tokio::select! {
                biased;
                word = front(pending) => {
                    self.hear_front(kept, pending, word).await?;
                    continue;
                }
                letter = next(kept), if !is_enough && has_room => letter?,
            };
            let Some(letter) = letter else { return Ok(()) };
            if !matches(&letter) {
                continue;
            }
            while let Some(due) = self.pace.as_ref().map(|pace| pace.due).filter(|due| *due > Instant::now()) {
                tokio::select! {
                    biased;
                    word = front(pending) => self.hear_front(kept, pending, word).await?,
                    () = sleep_until(due) => {}
                }
            }
            self.pace = self.pace.take().map(Pace::next);
            let receipt = kept.send_back(&letter).await?;
            self.done.under_way += 1;
            pending.push_back(Pending {
                token: letter.token,
                size: letter.message.body.len(),
                told: told(&letter),
                word: Box::pin(receipt.confirmed()),
            });
        }
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
        self.done.under_way -= 1;
        match word {
            Ok(()) => {
                kept.remove(token).await?;
                self.done.sent += 1;
                self.progress.step();
                info!(letter = told, "replayed");
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Unroutable => {
                kept.leave(token);
                self.done.kept += 1;
                self.done.why.get_or_insert(error);
                self.pace = self.pace.take().map(Pace::last);
                Ok(())
            }
            Err(error) => {
                kept.leave(token);
                Err(if error.kind() == ErrorKind::Unconfirmed { unconfirmed(error) } else { error })
            }
        }
    }

    /// Tells what was done, and passes on the error that ended it. `matched` is how many were counted.
    ///
    /// # Errors
    /// That error, or what stays and what is gone.
    pub(crate) fn tell(self, ended: Result<()>, matched: u64, json: bool, out: &mut dyn Write) -> Result<(), Stop> {
        let Self { what, limit, done: Done { sent, kept, why, .. }, progress, .. } = self;
        drop(progress);
        info!(sent, kept, matched, "replay of {what}s ended");
        if json {
            write_json(out, &json!({ "matched": matched, "replayed": sent, "kept": kept }))?;
        } else {
            write(out, &format!("{}\n", done("replayed", sent, what, limit.min(matched))))?;
        }
        ended?;
        let missing = limit.min(matched.saturating_sub(kept)).saturating_sub(sent);
        let missing = (missing > 0).then(|| gone(missing, what));
        let stays = why.map(|why| format!("{}: {why}", kept_back(kept, what)));
        let found: Vec<_> = stays.into_iter().chain(missing).collect();
        if found.is_empty() { Ok(()) } else { Err(Stop::Found(found)) }
    }
}

fn unconfirmed(error: Error) -> Error {
    let text = "the broker did not confirm a copy in time: the letter stays, and comes twice if the copy arrived; begin again \
                when the broker answers";
    Error::new(ErrorKind::Unconfirmed, text).caused_by(error)
}

fn kept_back(kept: u64, what: &str) -> String {
    let stay = if kept == 1 { "stays where it is" } else { "stay where they are" };
    format!("{} {stay}", counted(kept, what))
}

async fn front(pending: &mut VecDeque<Pending>) -> Result<()> {
    match pending.front_mut() {
        Some(pending) => (&mut pending.word).await,
        None => std::future::pending().await,
    }
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

    /// As before the last one, which has reached nobody.
    fn last(self) -> Self {
        Self { due: self.due.checked_sub(self.each).unwrap_or(self.due), each: self.each }
    }
}
