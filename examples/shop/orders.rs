//! Takes orders, and lets their customers know how they fare.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use eda::prelude::*;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::info;

use crate::events::{OrderConfirmed, OrderCreated, OrderShipped, PaymentCompleted, PaymentDeclined, euros};

pub fn service(book: OrderBook) -> Service<OrderBook> {
    Service::new("orders")
        .state(book)
        .handler::<confirm>()
        .handler::<cancel>()
        .handler::<complete>()
        .publishes::<OrderCreated>()
}

/// Returns nothing for an order that is not in the book: one that an earlier run of the shop has taken.
#[handler]
async fn confirm(payment: PaymentCompleted, State(book): State<OrderBook>) -> Option<OrderConfirmed> {
    let OrderCreated { order_id, customer, item, .. } = book.advance(&payment.order_id, Status::Confirmed).await?;
    info!(order = order_id, "confirmed to {customer}");
    Some(OrderConfirmed { order_id, customer, item })
}

#[handler]
async fn cancel(payment: PaymentDeclined, State(book): State<OrderBook>) {
    let PaymentDeclined { order_id, reason } = payment;
    if let Some(order) = book.advance(&order_id, Status::Cancelled { reason: reason.clone() }).await {
        info!(order = order_id, "cancelled, and {} knows why: {reason}", order.customer);
    }
}

#[handler]
async fn complete(shipped: OrderShipped, State(book): State<OrderBook>) {
    let OrderShipped { order_id, parcel } = shipped;
    if book.advance(&order_id, Status::Completed { parcel }).await.is_some() {
        info!(order = order_id, "completed");
    }
}

/// How long a database would take.
const DATABASE: Duration = Duration::from_millis(5);

/// All orders of this run and how they fare: what would be a database elsewhere.
#[derive(Clone, Debug, Default)]
pub struct OrderBook {
    orders: Arc<watch::Sender<BTreeMap<String, Order>>>,
}

#[derive(Clone, Debug)]
pub struct Order {
    pub created: OrderCreated,
    pub origin: Origin,
    pub status: Status,
}

/// Where an order comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Here,
    OldShop,
}

/// In the order of an order's life: one that is delivered twice or late takes nothing back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Placed,
    Confirmed,
    Completed { parcel: String },
    Cancelled { reason: String },
}

impl OrderBook {
    /// Writes an order down, then tells everyone.
    pub async fn place(&self, order: OrderCreated, events: &Publisher) -> eda::Result {
        info!(order = order.order_id, "placed by {}: {}, {}", order.customer, order.item, euros(order.amount));
        self.write_down(&order, Origin::Here).await;
        events.publish(&order).await?;
        Ok(())
    }

    /// An order that is in the book already stays as it is: its event was delivered twice.
    pub async fn write_down(&self, order: &OrderCreated, origin: Origin) {
        sleep(DATABASE).await;
        self.orders.send_modify(|orders| {
            let new = || Order { created: order.clone(), origin, status: Status::Placed };
            orders.entry(order.order_id.clone()).or_insert_with(new);
        });
    }

    /// Waits until every order is completed or cancelled.
    pub async fn all_done(&self) {
        self.wait_for(|orders| orders.values().all(Order::is_done)).await;
    }

    /// Waits until the old shop has sent an order.
    pub async fn old_shop_came(&self) {
        self.wait_for(|orders| orders.values().any(|order| order.origin == Origin::OldShop)).await;
    }

    pub fn orders(&self) -> Vec<Order> {
        self.orders.borrow().values().cloned().collect()
    }

    async fn wait_for(&self, there: impl FnMut(&BTreeMap<String, Order>) -> bool) {
        // fails only without a sender, and this book is one
        let _ = self.orders.subscribe().wait_for(there).await;
    }

    /// Moves an order forward, never back, and gives it; `None` where it is not in this book.
    async fn advance(&self, order_id: &str, status: Status) -> Option<OrderCreated> {
        sleep(DATABASE).await;
        let mut found = None;
        self.orders.send_modify(|orders| {
            if let Some(order) = orders.get_mut(order_id) {
                order.status = status.max(order.status.clone());
                found = Some(order.created.clone());
            }
        });
        found
    }
}

impl Order {
    pub fn is_done(&self) -> bool {
        matches!(self.status, Status::Completed { .. } | Status::Cancelled { .. })
    }
}
