//! Charges the cards.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eda::prelude::*;
use tracing::{debug, info};

use crate::events::{OrderCreated, PaymentCompleted, PaymentDeclined, euros};

pub fn service() -> Service<CardNetwork> {
    Service::new("billing").state(CardNetwork::default()).handler::<charge>()
}

/// Charges the card of an order, once: the network knows the order's id, so a second delivery costs nobody anything.
///
/// A refusal is told to the customer's side at once, and the delivery is kept as a dead letter for the accountants.
#[handler(retries = 5, backoff = "200ms..2s", timeout = "10s")]
async fn charge(
    order: OrderCreated,
    State(cards): State<CardNetwork>,
    refusals: Publisher<PaymentDeclined>,
    meta: Meta,
) -> Result<PaymentCompleted, CardError> {
    let OrderCreated { order_id, amount, card_token, .. } = order;
    debug!(order = order_id, id = %meta.id, attempt = meta.attempt, "charging");
    let charged = cards.charge(&card_token, &order_id, amount).await;
    if let Err(CardError::Declined(reason)) = &charged {
        refusals.publish(&PaymentDeclined { order_id: order_id.clone(), reason: reason.clone() }).await?;
    }
    charged?;
    info!(order = order_id, "paid {}", euros(amount));
    Ok(PaymentCompleted { order_id, amount })
}

#[derive(Debug, thiserror::Error, HandlerError)]
pub enum CardError {
    #[error("card declined: {0}")]
    #[permanent]
    Declined(String),
    #[error("the card network did not answer")]
    NoAnswer,
    #[error("the refusal could not be published")]
    Unpublished(#[from] eda::Error),
}

/// The client of a card network. This one plays: a card's token says how its bank behaves.
#[derive(Clone, Debug, Default)]
pub struct CardNetwork {
    calls: Arc<Mutex<HashMap<String, u32>>>,
}

impl CardNetwork {
    /// Charges a card under an idempotency key: a second call with the same key charges nothing more.
    async fn charge(&self, card_token: &str, key: &str, _cents: u64) -> Result<(), CardError> {
        tokio::time::sleep(Duration::from_millis(60)).await;
        match card_token {
            "tok_insufficient_funds" => Err(CardError::Declined("insufficient funds".to_owned())),
            "tok_answers_at_third_call" if self.count(key) < 3 => Err(CardError::NoAnswer),
            _ => Ok(()),
        }
    }

    fn count(&self, key: &str) -> u32 {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let count = calls.entry(key.to_owned()).or_default();
        *count += 1;
        *count
    }
}
