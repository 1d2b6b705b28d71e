//! Settles: a delivery that is not held any more belongs to a connection or a subscription that is gone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use eda_core::transport::{Delivery, FailureRecord, Reason, Settle, Token, Transport};
use eda_core::{Error, ErrorKind, Result};
use tokio::time::{Instant, sleep};

use super::Fault;
use super::transport::Connection;

pub(super) struct Settler {
    connection: Connection,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: BTreeMap<u64, Delivery>,
    last_tag: u64,
    last_due: Option<Instant>,
}

impl Settler {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, state: Mutex::default() }
    }

    /// A delivery as it is handed out, which this settler settles.
    pub(super) fn hold(self: &Arc<Self>, inner: Delivery) -> Delivery {
        let fault = self.connection.fault;
        let mut state = self.state();
        state.last_tag += 1;
        let token = Token { generation: 0, tag: state.last_tag };
        let attempt = if fault == Fault::ForgetsAttempts { 1 } else { inner.attempt() };
        let redelivered = inner.redelivered() && fault != Fault::ForgetsRedelivered;
        let message = (**inner.message()).clone();
        if fault == Fault::AcksBeforeHandling {
            inner.ack();
        } else {
            state.held.insert(token.tag, inner);
        }
        Delivery::new(message, attempt, redelivered, token, Arc::clone(self) as Arc<dyn Settle>)
    }

    /// What is held goes back, or is lost.
    pub(super) fn let_go(&self, is_lost: bool) {
        let held = std::mem::take(&mut self.state().held);
        if is_lost {
            held.into_values().for_each(Delivery::ack);
        }
    }

    fn take(&self, token: Token) -> Option<Delivery> {
        self.state().held.remove(&token.tag)
    }

    fn is_reachable(&self) -> bool {
        !self.connection.is_down() && !*self.connection.is_closed.borrow()
    }

    /// What is to be moved away, where that is possible.
    fn take_to_move(&self, token: Token) -> Result<Option<Delivery>> {
        let fault = self.connection.fault;
        let delivery = self.take(token);
        match delivery {
            _ if fault == Fault::AcksBeforeHandling => Ok(None),
            Some(delivery) if self.is_reachable() => Ok(Some(delivery)),
            Some(delivery) if fault == Fault::MovesIntoNothing => {
                delivery.ack();
                Ok(None)
            }
            None if fault == Fault::SaysYesAfterTheClose => Ok(None),
            _ => Err(Error::new(ErrorKind::Unavailable, "the connection that it came on has ended: it comes again")),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Settle for Settler {
    fn ack(&self, token: Token) {
        let fault = self.connection.fault;
        let is_first = self.state().held.keys().next() == Some(&token.tag);
        if fault == Fault::NeverAcks || (fault == Fault::AcksInOrderOnly && !is_first) || !self.is_reachable() {
            return;
        }
        if fault == Fault::AcksAllBefore {
            let mut state = self.state();
            let after = state.held.split_off(&token.tag);
            let before = std::mem::replace(&mut state.held, after);
            drop(state);
            before.into_values().for_each(Delivery::ack);
        }
        self.take(token).into_iter().for_each(Delivery::ack);
    }

    fn give_back(&self, token: Token) {
        let delivery = self.take(token);
        if self.connection.fault == Fault::LosesWhatIsGivenBack {
            delivery.into_iter().for_each(Delivery::ack);
        }
    }

    async fn retry(&self, token: Token, after: Duration, failure: &FailureRecord) -> Result<()> {
        let Some(delivery) = self.take_to_move(token)? else { return Ok(()) };
        match self.connection.fault {
            Fault::ForgetsRetries => {
                delivery.ack();
                Ok(())
            }
            Fault::RetriesAtOnce => delivery.retry(Duration::ZERO, failure).await,
            Fault::RetriesInTurn => {
                let due = self.state().last_due.unwrap_or_else(Instant::now).max(Instant::now() + after);
                self.state().last_due = Some(due);
                delivery.retry(due - Instant::now(), failure).await
            }
            Fault::RetriesInHand => {
                tokio::spawn(async move {
                    sleep(after).await;
                    drop(delivery);
                });
                Ok(())
            }
            Fault::RetriesByPublishing => {
                let (message, memory) = ((**delivery.message()).clone(), self.connection.memory.clone());
                delivery.ack();
                sleep(after).await;
                memory.publisher().await?.send(message).await?.confirmed().await
            }
            _ => delivery.retry(after, failure).await,
        }
    }

    async fn dead_letter(&self, token: Token, failure: &FailureRecord) -> Result<()> {
        let Some(delivery) = self.take_to_move(token)? else { return Ok(()) };
        let mut kept = failure.clone();
        match self.connection.fault {
            Fault::ForgetsDeadLetters => {
                delivery.ack();
                return Ok(());
            }
            Fault::ForgetsReasons => kept.reason = Reason::Permanent,
            Fault::CutsDetails => kept.detail = kept.detail.chars().take(100).collect(),
            _ => {}
        }
        delivery.dead_letter(&kept).await
    }
}
