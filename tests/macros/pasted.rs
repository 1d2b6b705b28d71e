//! What the macros write can be written by hand: here it is. The files are those that eda-macros' tests record.

#![deny(warnings, unused_qualifications, clippy::pedantic, clippy::allow_attributes_without_reason)]
#![allow(unreachable_pub, reason = "a test has nothing public; `tests/guest` is a library that denies this, too")]

use eda::prelude::*;

#[derive(Serialize, Deserialize)]
pub struct OrderCreated {
    pub order_id: u64,
    pub amount: u64,
}
include!("../../eda-macros/tests/snapshots/order_created.rs");

#[derive(Serialize, Deserialize)]
pub struct PaymentCompleted {
    pub order_id: u64,
}
include!("../../eda-macros/tests/snapshots/payment_completed.rs");

#[derive(Serialize, Deserialize)]
pub(crate) struct OrderShipped {
    pub(crate) region: String,
}
include!("../../eda-macros/tests/snapshots/template_key.rs");

#[derive(Clone)]
pub struct Cards;

#[derive(Debug, thiserror::Error)]
pub enum CardError {
    #[error("declined: {code}")]
    Declined { code: u16 },
    #[error("expired")]
    Expired,
    #[error("no answer from {0}")]
    Unreachable(String),
}
include!("../../eda-macros/tests/snapshots/card_error.rs");

pub(crate) struct Billing {
    pub(crate) cards: Cards,
    pub(crate) limit: u64,
}
include!("../../eda-macros/tests/snapshots/billing.rs");

async fn charge(order: OrderCreated, State(_cards): State<Cards>) -> Result<PaymentCompleted, CardError> {
    std::future::ready(()).await;
    match order.amount {
        0 => Err(CardError::Expired),
        1 => Err(CardError::Unreachable("the network".to_owned())),
        2 => Err(CardError::Declined { code: 51 }),
        _ => Ok(PaymentCompleted { order_id: order.order_id }),
    }
}

mod handlers {
    //! Beside the functions, as the visibility of the structs asks for.

    use eda::prelude::*;

    use super::{CardError, Cards, OrderCreated, PaymentCompleted};

    pub(super) async fn charge(order: OrderCreated, cards: State<Cards>) -> Result<PaymentCompleted, CardError> {
        super::charge(order, cards).await
    }
    include!("../../eda-macros/tests/snapshots/charge.rs");

    pub(super) async fn audit(event: AnyEvent, meta: Meta) {
        std::future::ready((event, meta)).await;
    }
    include!("../../eda-macros/tests/snapshots/audit.rs");

    async fn relay<T: Event>(event: T, progress: Publisher<(T, OrderCreated)>) -> Option<T> {
        std::future::ready(progress).await;
        Some(event)
    }
    include!("../../eda-macros/tests/snapshots/relay.rs");

    async fn from_script(order: OrderCreated) {
        std::future::ready(order).await;
    }
    include!("../../eda-macros/tests/snapshots/from_script.rs");

    pub(super) fn names() -> Vec<&'static str> {
        let state = super::Billing { cards: Cards, limit: 3 };
        let service = Service::new("billing").state(state);
        let service = service.handler::<charge>().handler::<audit>().handler::<relay<PaymentCompleted>>();
        service.handler::<from_script>().handlers().iter().map(|handler| handler.meta().name).collect()
    }
}

#[test]
fn recorded_handlers_are_handlers() {
    assert_eq!(handlers::names(), ["charge", "audit", "relay", "script"]);
}

#[test]
fn recorded_events_are_events() {
    let shipped = OrderShipped { region: "eu.west".to_owned() };
    assert_eq!(shipped.routing_key(), "order.eu%2Ewest.shipped");
    assert_eq!((OrderShipped::VERSION, OrderShipped::ACCEPT), (2, &["OrderShipped"][..]));
    assert_eq!(OrderCreated { order_id: 7, amount: 1 }.partition_key().as_deref(), Some("7"));
}

#[test]
fn recorded_errors_are_classed() {
    assert!(!CardError::Declined { code: 51 }.into_failure().is_transient());
    assert!(CardError::Unreachable(String::new()).into_failure().is_transient());
}
