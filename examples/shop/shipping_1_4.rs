//! Shipping as it was before it was mended: the incident of `docs/operations.md`.
//!
//! It knew every article that the shop sold then. When the shop began to sell another, its orders could not be read.

use eda::prelude::*;
use tracing::info;

use crate::events::OrderShipped;
use crate::shipping::Carrier;

pub fn service() -> Service<Carrier> {
    Service::new("shipping").state(Carrier).handler::<ship>()
}

/// The order is paid and can be shipped.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "order.confirmed", key = order_id)]
struct OrderConfirmed {
    order_id: String,
    customer: String,
    item: Article,
}

/// What fits into a parcel.
#[derive(Debug, Serialize, Deserialize)]
enum Article {
    #[serde(rename = "an espresso machine")]
    EspressoMachine,
    #[serde(rename = "two cups")]
    Cups,
    #[serde(rename = "a moka pot")]
    MokaPot,
    #[serde(rename = "a coffee grinder")]
    Grinder,
    #[serde(rename = "a kilo of beans")]
    Beans,
}

#[handler(retries = 20, timeout = "30s", concurrency = 4)]
async fn ship(order: OrderConfirmed, State(carrier): State<Carrier>) -> OrderShipped {
    let OrderConfirmed { order_id, customer, item } = order;
    let parcel = carrier.pick_up(&order_id).await;
    info!(order = order_id, "parcel {parcel} with {item:?} is on its way to {customer}");
    OrderShipped { order_id, parcel }
}
