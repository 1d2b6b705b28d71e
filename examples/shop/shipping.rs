//! Packs parcels and hands them to the carrier.

use std::time::Duration;

use eda::prelude::*;
use tracing::info;

use crate::events::{OrderConfirmed, OrderShipped};

pub fn service() -> Service<Carrier> {
    Service::new("shipping").state(Carrier).handler::<ship>()
}

#[handler(retries = 20, timeout = "30s", concurrency = 4)]
async fn ship(order: OrderConfirmed, State(carrier): State<Carrier>) -> OrderShipped {
    let OrderConfirmed { order_id, customer, item } = order;
    let parcel = carrier.pick_up(&order_id).await;
    info!(order = order_id, "parcel {parcel} with {item} is on its way to {customer}");
    OrderShipped { order_id, parcel }
}

/// The client of a carrier. This one plays.
#[derive(Clone, Debug)]
pub struct Carrier;

impl Carrier {
    /// Gives the parcel's number, which is the same however often it is asked for.
    pub async fn pick_up(&self, order_id: &str) -> String {
        tokio::time::sleep(Duration::from_millis(80)).await;
        format!("{order_id}/1")
    }
}
