//! One task owns the publishing channel: it sends in bursts, hears the broker's words, and sends again after a loss.

mod entries;
mod flights;
mod told;
mod hold;
mod parcel;
mod reply;
pub(crate) mod window;

use std::sync::Arc;
use std::time::Duration;

use eda_core::transport::Receipt;
use eda_core::{Error, ErrorKind, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tracing::{debug, warn};

use self::flights::Flights;
pub(crate) use self::parcel::Parcel;
use self::reply::Reply;
pub(crate) use self::told::with_trouble;
use self::told::{no_room, unavailable};
use self::window::Window;
use crate::backoff::Backoff;
use crate::connection::{Connection, closed, spawn};
use crate::topology::Plan;
use crate::wire::{BoxFuture, Channel, Link, Outgoing, Word};

/// How many messages may be unconfirmed.
const WINDOW: usize = 1_000;
/// How many are handed to the client in one burst.
const BURST: usize = 256;
/// How long a publish may take, all in all.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// Hands messages to the task. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Publisher {
    commands: mpsc::UnboundedSender<Command>,
    places: Arc<Semaphore>,
    connection: Connection,
}

struct Command {
    parcel: Parcel,
    reply: Reply,
    place: Place,
}

/// Room in the window, and when whoever has it is told that there was no word.
pub(crate) struct Place {
    permit: OwnedSemaphorePermit,
    deadline: Instant,
}

impl Publisher {
    pub(crate) fn start(connection: Connection) -> Self {
        // bounded by the places in the window
        let (sender, commands) = mpsc::unbounded_channel();
        spawn(Task::new(connection.clone(), commands).run());
        Self { commands: sender, places: Arc::new(Semaphore::new(WINDOW)), connection }
    }

    /// Takes a message in hand as soon as there is room; the receipt resolves within the deadline.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) where there was no room in time, [`Closed`](ErrorKind::Closed).
    pub(crate) async fn send(&self, parcel: Parcel) -> Result<Receipt> {
        self.take(parcel, false, self.place().await?)
    }

    /// Sends and waits for the broker's word until a deadline; for room it waits no longer than others do.
    ///
    /// # Errors
    /// As [`send`](Self::send), and what the broker says.
    ///
    /// # Cancel safety
    /// Cancelled, the message is not sent, or not sent again after a lost connection.
    pub(crate) async fn publish(&self, copy: Arc<Outgoing>, deadline: Instant) -> Result {
        let Place { permit, .. } = self.place().await?;
        self.take(Parcel::Copy(copy), true, Place { permit, deadline })?.confirmed().await
    }

    /// Room for a message, where there is some right now.
    pub(crate) fn try_place(&self) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { permit, deadline: Instant::now() + DEADLINE })
    }

    /// Takes a message in hand; the receipt resolves within the deadline.
    ///
    /// # Errors
    /// [`Closed`](ErrorKind::Closed).
    pub(crate) fn take(&self, parcel: Parcel, can_be_taken_back: bool, place: Place) -> Result<Receipt> {
        let (word, receipt) = Receipt::new();
        let reply = Reply::new(word, can_be_taken_back);
        self.commands.send(Command { parcel, reply, place }).map_err(|_| closed())?;
        Ok(receipt)
    }

    async fn place(&self) -> Result<Place> {
        if let Some(place) = self.try_place() {
            return Ok(place);
        }
        let deadline = Instant::now() + DEADLINE;
        match timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Place { permit, deadline }),
            Ok(Err(_)) => Err(closed()),
            Err(_) if self.connection.trouble().is_empty() => Err(no_room(WINDOW, &self.trouble())),
            Err(_) => Err(unavailable(&self.trouble())),
        }
    }

    /// Why a word may take long, as far as that is known.
    pub(crate) fn trouble(&self) -> String {
        self.connection.trouble_or_block()
    }

    /// Waits until everything in hand has its word, so long at most; later messages are refused.
    pub(crate) async fn finish(&self, limit: Duration) {
        let all = u32::try_from(WINDOW).unwrap_or(u32::MAX);
        // whoever still waits after that is told that there is no word
        let _ = timeout(limit, self.places.acquire_many(all)).await;
        self.places.close();
    }
}

/// A channel, and when it is lost.
struct Opened {
    channel: Arc<dyn Channel>,
    lost: BoxFuture<()>,
}

struct Task {
    connection: Connection,
    commands: mpsc::UnboundedReceiver<Command>,
    window: Window,
    channel: Option<Opened>,
    opening: Option<BoxFuture<Result<Opened>>>,
    flying: Flights,
    blocked: watch::Receiver<Option<String>>,
    blocked_since: Option<Instant>,
    /// Grows with each channel that is lost before the broker has said a word on it.
    backoff: Backoff,
    trouble: String,
}

impl Task {
    fn new(connection: Connection, commands: mpsc::UnboundedReceiver<Command>) -> Self {
        let opening = Some(open(connection.clone(), Duration::ZERO));
        let (window, flying) = (Window::default(), Flights::default());
        let mut blocked = connection.blocked();
        let blocked_since = blocked.borrow_and_update().is_some().then(Instant::now);
        Self {
            connection,
            commands,
            window,
            channel: None,
            opening,
            flying,
            blocked,
            blocked_since,
            backoff: Backoff::new(),
            trouble: String::new(),
        }
    }

    async fn run(mut self) {
        let mut burst = Vec::with_capacity(BURST);
        loop {
            let deadline = self.window.next_deadline();
            let probe = self.window.next_probe().filter(|_| self.channel.is_some());
            tokio::select! {
                biased;
                opened = maybe(&mut self.opening) => match opened {
                    Ok(channel) => (self.channel, self.opening) = (Some(channel), None),
                    Err(error) if error.kind() == ErrorKind::Closed => break,
                    Err(error) => {
                        // what there is no room for may have some soon
                        if is_refusal(&error) && error.kind() != ErrorKind::Rejected {
                            self.window.refuse(&error);
                        }
                        self.open_again(&error);
                    }
                },
                () = lost(&mut self.channel) => self.lose(&Error::new(ErrorKind::Unavailable, "the connection was lost")),
                round = self.flying.round(), if !self.flying.is_empty() => self.hear(round),
                count = self.commands.recv_many(&mut burst, BURST) => {
                    if count == 0 {
                        break;
                    }
                    for Command { parcel, reply, place: Place { permit, deadline } } in burst.drain(..) {
                        self.window.admit(parcel, reply, deadline, Some(permit));
                    }
                }
                Ok(()) = self.blocked.changed() => self.see_block(),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    let trouble = self.connection.trouble_or_block();
                    self.window.expire(Instant::now(), if trouble.is_empty() { &self.trouble } else { &trouble });
                    if self.channel.is_some() && self.window.is_stuck(Instant::now()) {
                        if self.blocked_since.is_some() {
                            // the words come when it takes something again, and until then no channel opens
                            self.window.wait_on(Instant::now());
                            continue;
                        }
                        self.lose(&Error::new(ErrorKind::Unavailable, "the broker did not confirm some messages at all"));
                    }
                }
                () = sleep_until(probe.unwrap_or_else(Instant::now)), if probe.is_some() => {}
            }
            self.send_waiting();
        }
        self.window.close();
        self.commands.close();
        while let Ok(Command { reply, .. }) = self.commands.try_recv() {
            reply.tell(Err(closed()));
        }
    }

    fn see_block(&mut self) {
        let now = Instant::now();
        let is_blocked = self.blocked.borrow_and_update().is_some();
        if is_blocked {
            self.blocked_since.get_or_insert(now);
        } else if let Some(since) = self.blocked_since.take() {
            self.window.unblocked(now - since, now);
        }
    }

    fn send_waiting(&mut self) {
        let Some(opened) = &self.channel else { return };
        let now = Instant::now();
        while let Some((number, outgoing)) = self.window.next_waiting(now) {
            self.flying.begin(number, opened.channel.publish(outgoing));
        }
    }

    fn hear(&mut self, round: Vec<(u64, Result<Word>)>) {
        let mut lost = None;
        let mut words = Vec::with_capacity(round.len());
        for (number, word) in round {
            match word {
                Ok(word) => words.push((number, word)),
                Err(error) => lost = Some(error),
            }
        }
        if !words.is_empty() && self.backoff.tries() > 0 {
            self.backoff.reset();
            self.trouble.clear();
        }
        self.window.hear(words);
        if let Some(error) = lost {
            self.lose(&error);
        }
    }

    fn lose(&mut self, error: &Error) {
        if self.window.is_idle() {
            debug!(%error, "the publishing channel was lost; nothing was on its way");
        } else {
            warn!(%error, "the publishing channel was lost; what the broker had not confirmed is sent again");
        }
        self.flying.clear();
        if self.window.lose(is_refusal(error).then_some(error)) {
            self.backoff.reset();
        }
        self.channel = None;
        self.open_again(error);
    }

    fn open_again(&mut self, error: &Error) {
        self.trouble = error.to_string();
        self.opening = Some(open(self.connection.clone(), self.backoff.next()));
    }
}

/// Whether the broker has understood and said no.
pub(crate) fn is_refusal(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal)
}

/// A channel with confirms, and everything that the framework publishes to.
///
/// # Errors
/// [`Closed`](ErrorKind::Closed); after any other, try again.
fn open(connection: Connection, wait: Duration) -> BoxFuture<Result<Opened>> {
    Box::pin(async move {
        sleep(wait).await;
        let link = connection.link().await?;
        let prepared = async {
            connection.unblocked().await;
            prepare(&*link).await
        };
        let prepared = tokio::select! {
            prepared = prepared => prepared,
            () = connection.lost(&link) => return Err(Error::new(ErrorKind::Unavailable, "the connection was lost")),
        };
        match prepared {
            Ok(channel) => {
                let lost = Box::pin(async move { connection.lost(&link).await });
                Ok(Opened { channel, lost })
            }
            Err(error) => {
                warn!(%error, "could not open a publishing channel; trying again");
                if error.kind() == ErrorKind::Unavailable {
                    connection.abandon_if_silent(&link, "it opens no channel").await;
                }
                Err(error)
            }
        }
    })
}

async fn prepare(link: &dyn Link) -> Result<Arc<dyn Channel>> {
    let channel = link.channel().await?;
    let prepare = async {
        Plan::shared().declare(&*channel).await?;
        channel.confirm_select().await
    };
    match prepare.await {
        Ok(()) => Ok(channel),
        Err(error) => {
            // one that an error has closed can't be closed again
            let _ = channel.close().await;
            Err(error)
        }
    }
}

async fn lost(channel: &mut Option<Opened>) {
    match channel {
        Some(opened) => (&mut opened.lost).await,
        None => std::future::pending().await,
    }
}

async fn maybe<T>(future: &mut Option<BoxFuture<T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
