//! A connection over lapin.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eda_core::{Error, ErrorKind, Result};
use futures_util::{Stream, StreamExt};
use lapin::{Connection, Event};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{CLOSE, LapinChannel, REQUEST, within};
use crate::wire::{Channel, Link};

pub(super) struct LapinLink {
    connection: Connection,
    blocked: watch::Sender<Option<String>>,
    events: tokio::sync::Mutex<Pin<Box<dyn Stream<Item = Event> + Send>>>,
    abandoned: watch::Sender<Option<String>>,
}

impl LapinLink {
    pub(super) fn new(connection: Connection) -> Self {
        let events =
            tokio::sync::Mutex::new(Box::pin(connection.events_listener()) as Pin<Box<dyn Stream<Item = _> + Send>>);
        Self { connection, blocked: watch::Sender::new(None), events, abandoned: watch::Sender::new(None) }
    }
}

#[async_trait]
impl Link for LapinLink {
    async fn channel(&self) -> Result<Arc<dyn Channel>> {
        match within(REQUEST, "opening a channel", self.connection.create_channel()).await {
            Ok(channel) => Ok(Arc::new(LapinChannel(Arc::new(channel)))),
            // No broker refuses a channel by itself. When all numbers were used, lapin begins anew, and tells of one that the
            // broker had closed what it was closed for; such a number never becomes free.
            Err(error) if error.kind() != ErrorKind::Unavailable => {
                self.abandon("its numbers of channels are used up");
                let text = "the connection has no numbers of channels left; another one is made";
                Err(Error::new(ErrorKind::Unavailable, text).caused_by(error))
            }
            Err(error) => Err(error),
        }
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
