//! Keeps a connection: connects, notices its end, connects again, for ever. The only place of this package that spawns.

use std::sync::Arc;
use std::time::Duration;

use eda_core::{Error, ErrorKind, Result};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use crate::backoff::Backoff;
use crate::wire::{Connect, Link};

/// A connection that is made again whenever it ends. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Connection {
    state: watch::Receiver<State>,
    blocked: watch::Receiver<Option<String>>,
    stop: Arc<watch::Sender<bool>>,
}

#[derive(Clone)]
enum State {
    Up(Arc<dyn Link>),
    /// And why the last one ended or could not be made.
    Down(String),
    Closed,
}

/// Runs a part of the transport in a task of its own.
pub(crate) fn spawn(part: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(part);
}

/// Connects for the first time: until so long after the begin, where there is a limit. A refusal is final at once.
///
/// # Errors
/// What the last try met.
pub(crate) async fn establish(connect: &dyn Connect, began: Instant, limit: Option<Duration>) -> Result<Arc<dyn Link>> {
    let mut backoff = Backoff::new();
    let mut last = None;
    let try_on = async {
        loop {
            let error = match connect.connect().await {
                Err(error) if error.kind() == ErrorKind::Unavailable => error,
                settled => return settled,
            };
            let wait = backoff.next();
            warn!(%error, "no broker yet; trying again in {wait:?}");
            last = Some(error);
            sleep(wait).await;
        }
    };
    let Some(limit) = limit else { return try_on.await };
    let settled = timeout(limit.saturating_sub(began.elapsed()), try_on).await;
    settled.unwrap_or_else(|_| {
        let limit = humantime::format_duration(limit);
        let text = format!("no broker answered within {limit}: check that it runs and that the address is right");
        let error = Error::new(ErrorKind::Unavailable, text);
        Err(match last {
            Some(last) => error.caused_by(last),
            None => error,
        })
    })
}

impl Connection {
    /// Takes a connection into care. `purpose` is for logs.
    pub(crate) fn supervise(connect: Arc<dyn Connect>, first: Arc<dyn Link>, purpose: &'static str) -> Self {
        let (state, watched) = watch::channel(State::Up(Arc::clone(&first)));
        let (stop, stopped) = watch::channel(false);
        let (blocked, is_blocked) = watch::channel(None);
        spawn(Supervisor { connect, purpose, state, blocked, stopped }.run(first));
        Self { state: watched, blocked: is_blocked, stop: Arc::new(stop) }
    }

    /// The connection, as soon as there is one.
    ///
    /// # Errors
    /// [`Closed`](ErrorKind::Closed).
    pub(crate) async fn link(&self) -> Result<Arc<dyn Link>> {
        let mut state = self.state.clone();
        let state = state.wait_for(|state| !matches!(state, State::Down(_))).await;
        match state.as_deref() {
            Ok(State::Up(link)) => Ok(Arc::clone(link)),
            _ => Err(closed()),
        }
    }

    /// Resolves when a connection is of no use any more. A client may keep those waiting for ever who wait on one that has
    /// ended, so whoever uses one waits for this, too.
    pub(crate) async fn lost(&self, link: &Arc<dyn Link>) {
        let mut state = self.state.clone();
        let is_another = |state: &State| !matches!(state, State::Up(present) if Arc::ptr_eq(present, link));
        // without a supervisor there is no connection either
        let _ = state.wait_for(is_another).await;
    }

    /// Gives one up that opens no channel: for who got no answer on it, which one sick queue can be the reason for. While it
    /// is blocked nothing opens.
    pub(crate) async fn abandon_if_silent(&self, link: &Arc<dyn Link>, why: &str) {
        if link.blocked().borrow().is_some() {
            return;
        }
        let is_silent = tokio::select! {
            opened = link.channel() => opened.is_err_and(|error| error.kind() == ErrorKind::Unavailable),
            () = self.lost(link) => false,
        };
        if is_silent {
            link.abandon(why);
        }
    }

    /// Why there is none right now; empty while there is one.
    pub(crate) fn trouble(&self) -> String {
        match &*self.state.borrow() {
            State::Down(why) => why.clone(),
            State::Up(_) | State::Closed => String::new(),
        }
    }

    /// Why there is none, or why the broker takes nothing on it; empty while it does.
    pub(crate) fn trouble_or_block(&self) -> String {
        let trouble = self.trouble();
        match &*self.blocked.borrow() {
            Some(why) if trouble.is_empty() => format!("the broker takes nothing for now: {why}"),
            _ => trouble,
        }
    }

    /// Why the broker takes nothing for now; `None` while it does.
    pub(crate) fn blocked(&self) -> watch::Receiver<Option<String>> {
        self.blocked.clone()
    }

    /// Resolves when the broker takes something: what is asked before is not even written.
    pub(crate) async fn unblocked(&self) {
        // without a supervisor nobody will say so
        let _ = self.blocked.clone().wait_for(Option::is_none).await;
    }

    /// Ends it; returns within a bounded time.
    pub(crate) async fn close(&self) {
        self.stop.send_replace(true);
        let mut state = self.state.clone();
        let gone = state.wait_for(|state| matches!(state, State::Closed));
        // it is bounded in itself; this is for a runtime that is going down
        let _ = timeout(Duration::from_secs(4), gone).await;
    }
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the connection was closed by this program")
}

struct Supervisor {
    connect: Arc<dyn Connect>,
    purpose: &'static str,
    state: watch::Sender<State>,
    blocked: watch::Sender<Option<String>>,
    stopped: watch::Receiver<bool>,
}

impl Supervisor {
    async fn run(self, first: Arc<dyn Link>) {
        let mut stopped = self.stopped.clone();
        let mut link = first;
        loop {
            let lost = tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => None,
                why = self.watch(&*link) => Some(why),
            };
            let Some(why) = lost else {
                // while it is blocked not even a good-bye is written
                if self.blocked.borrow().is_none() {
                    link.close().await;
                }
                break;
            };
            warn!(purpose = self.purpose, why, "lost the connection to the broker; connecting again");
            self.state.send_replace(State::Down(why));
            self.blocked.send_replace(None);
            drop(link);
            let began = Instant::now();
            link = tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => break,
                link = self.reconnect() => link,
            };
            info!(purpose = self.purpose, "connected to the broker again after {:?}", began.elapsed());
            self.state.send_replace(State::Up(Arc::clone(&link)));
        }
        self.state.send_replace(State::Closed);
    }

    /// Until the connection ends.
    async fn watch(&self, link: &dyn Link) -> String {
        let mut blocked = link.blocked();
        loop {
            tokio::select! {
                why = link.ended() => return why,
                Ok(()) = blocked.changed() => {
                    let why = blocked.borrow_and_update().clone();
                    if why.is_none() {
                        info!(purpose = self.purpose, "the broker takes messages again");
                    } else {
                        warn!(purpose = self.purpose, why, "the broker takes nothing for now");
                    }
                    self.blocked.send_replace(why);
                }
            }
        }
    }

    /// Whatever the error is: a broker that comes back may refuse for a while what it allowed before.
    async fn reconnect(&self) -> Arc<dyn Link> {
        let mut backoff = Backoff::new();
        loop {
            sleep(backoff.next()).await;
            match self.connect.connect().await {
                Ok(link) => return link,
                Err(error) => {
                    let (purpose, attempt) = (self.purpose, backoff.tries());
                    warn!(purpose, attempt, %error, "could not connect to the broker; trying again");
                    self.state.send_replace(State::Down(error.to_string()));
                }
            }
        }
    }
}
