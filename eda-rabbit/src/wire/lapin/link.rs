//! A connection over lapin.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eda_core::{Error, ErrorKind, Result};
use futures_util::{Stream, StreamExt};
use lapin::{Connection, Event};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};

use super::{CLOSE, LapinChannel, REQUEST, within};
use crate::wire::{Channel, Link};

/// How long a channel may take to become free where all are in use.
const ROOM: Duration = Duration::from_secs(2);
const LOOK_FOR_ROOM: Duration = Duration::from_millis(50);
/// Kept for what is declared while running, and for operators.
const PASSING: usize = 2;

pub(super) struct LapinLink {
    connection: Connection,
    blocked: watch::Sender<Option<String>>,
    events: tokio::sync::Mutex<Pin<Box<dyn Stream<Item = Event> + Send>>>,
    abandoned: watch::Sender<Option<String>>,
    /// How many channels may stay, and a place for each.
    lasting: usize,
    places: Arc<Semaphore>,
}

impl LapinLink {
    pub(super) fn new(connection: Connection) -> Self {
        let events =
            tokio::sync::Mutex::new(Box::pin(connection.events_listener()) as Pin<Box<dyn Stream<Item = _> + Send>>);
        let (blocked, abandoned) = (watch::Sender::new(None), watch::Sender::new(None));
        let lasting = usize::from(connection.configuration().channel_max()).saturating_sub(PASSING);
        Self { connection, blocked, events, abandoned, lasting, places: Arc::new(Semaphore::new(lasting)) }
    }

    async fn open(&self) -> Result<Arc<lapin::Channel>> {
        let began = Instant::now();
        loop {
            let opening = async {
                match self.connection.create_channel().await {
                    Err(error) if matches!(error.kind(), lapin::ErrorKind::ChannelsLimitReached) => Ok(None),
                    opened => opened.map(Some),
                }
            };
            match within(REQUEST, "opening a channel", opening).await {
                Ok(Some(channel)) => return Ok(Arc::new(channel)),
                // some come and go, and lapin frees a number a little after it has said that a channel is closed
                Ok(None) if began.elapsed() < ROOM => sleep(LOOK_FOR_ROOM).await,
                Ok(None) => return Err(self.no_channel()),
                // A broker that refuses a channel ends the connection over it. When all numbers were used, lapin begins anew,
                // and tells of one that the broker had closed what it was closed for; such a number never becomes free.
                Err(error) if error.kind() != ErrorKind::Unavailable && self.connection.status().connected() => {
                    self.abandon("its numbers of channels are used up");
                    let text = "the connection has no numbers of channels left; another one is made";
                    return Err(Error::new(ErrorKind::Unavailable, text).caused_by(error));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn no_channel(&self) -> Error {
        let allowed = self.connection.configuration().channel_max();
        let text = format!(
            "the broker allows {allowed} channels on a connection, and all are in use: raise `channel_max` in its \
             configuration, or run fewer handlers in one process"
        );
        Error::new(ErrorKind::Rejected, text)
    }

    fn too_many(&self, found: usize) -> Error {
        let allowed = self.connection.configuration().channel_max();
        let text = format!(
            "expected {} subscriptions at most, since the broker allows {allowed} channels on a connection and {PASSING} are \
             kept for what comes and goes, found {found}: raise `channel_max` in its configuration, or run fewer handlers \
             in one process",
            self.lasting
        );
        Error::new(ErrorKind::Rejected, text)
    }
}

#[async_trait]
impl Link for LapinLink {
    async fn channel(&self) -> Result<Arc<dyn Channel>> {
        Ok(Arc::new(LapinChannel(self.open().await?, None)))
    }

    async fn lasting_channel(&self) -> Result<Arc<dyn Channel>> {
        let Ok(Ok(place)) = timeout(ROOM, Arc::clone(&self.places).acquire_owned()).await else {
            return Err(self.too_many(self.lasting + 1));
        };
        Ok(Arc::new(LapinChannel(self.open().await?, Some(place))))
    }

    fn check_room(&self, subscriptions: usize) -> Result {
        if subscriptions > self.lasting { Err(self.too_many(subscriptions)) } else { Ok(()) }
    }

    fn blocked(&self) -> watch::Receiver<Option<String>> {
        self.blocked.subscribe()
    }

    async fn ended(&self) -> String {
        // lapin tells most ends as an event; the look at the state once a second finds the others
        const LOOK: Duration = Duration::from_secs(1);
        let mut events = self.events.lock().await;
        let mut abandoned = self.abandoned.subscribe();
        loop {
            let event = tokio::select! {
                event = timeout(LOOK, events.next()) => event,
                why = abandoned.wait_for(Option::is_some) => {
                    return why.ok().and_then(|why| why.clone()).unwrap_or_default();
                }
            };
            match event {
                Ok(Some(Event::ConnectionBlocked(why))) => {
                    self.blocked.send_replace(Some(why));
                }
                Ok(Some(Event::ConnectionUnblocked)) => {
                    self.blocked.send_replace(None);
                }
                Ok(Some(Event::Error(error))) if !self.connection.status().connected() => return error.to_string(),
                Ok(None) => return "the client ended".to_owned(),
                Ok(Some(_)) | Err(_) if !self.connection.status().connected() => {
                    return "the connection was lost".to_owned();
                }
                Ok(Some(_)) | Err(_) => {}
            }
        }
    }

    fn abandon(&self, why: &str) {
        self.abandoned.send_replace(Some(why.to_owned()));
    }

    async fn close(&self) {
        // an error here means that the connection is gone, which is what was asked for
        let _ = within(CLOSE, "closing the connection", self.connection.close(200, "bye".into())).await;
    }
}
