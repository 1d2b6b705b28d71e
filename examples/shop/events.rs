//! What happens in the shop: the events that its services tell each other.

use eda::prelude::*;

/// A customer has placed an order.
#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event(name = "order.created", key = order_id)]
pub struct OrderCreated {
    pub order_id: String,
    pub customer: String,
    pub item: String,
    /// In cents.
    pub amount: u64,
    /// What the card network knows the customer's card by; never its number.
    pub card_token: String,
}

/// An order of the old shop, a Python script that knows nothing of this one and calls it `OrderCreated`.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "old-order.created", accept = "OrderCreated", key = order_id)]
pub struct OldOrder {
    pub order_id: u64,
    pub customer: String,
    pub item: String,
    /// In whole euros.
    pub amount: u32,
}

/// The customer's bank has paid.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "payment.completed", key = order_id)]
pub struct PaymentCompleted {
    pub order_id: String,
    /// In cents.
    pub amount: u64,
}

/// The customer's bank refuses to pay, for good.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "payment.declined", key = order_id)]
pub struct PaymentDeclined {
    pub order_id: String,
    pub reason: String,
}

/// The order is paid and can be shipped.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "order.confirmed", key = order_id)]
pub struct OrderConfirmed {
    pub order_id: String,
    pub customer: String,
    pub item: String,
}

/// The carrier has taken the parcel.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "order.shipped", key = order_id)]
pub struct OrderShipped {
    pub order_id: String,
    pub parcel: String,
}

/// Cents as a customer reads them.
pub fn euros(cents: u64) -> String {
    format!("{}.{:02} €", cents / 100, cents % 100)
}
