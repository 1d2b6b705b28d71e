//! Takes the orders of the old shop into this one: `legacy_orders.py` sends them, and needed no change.

use eda::prelude::*;
use tracing::info;

use crate::events::{OldOrder, OrderCreated, euros};
use crate::orders::{OrderBook, Origin};

pub fn service(book: OrderBook) -> Service<OrderBook> {
    Service::new("legacy").state(book).handler::<take_over>()
}

/// The queue is the old shop's own and stays as it is. Its messages are plain JSON, and a field says what they are.
#[handler(queue = "order_events", declare = false, discriminator = "event_type")]
async fn take_over(order: OldOrder, State(book): State<OrderBook>) -> OrderCreated {
    let OldOrder { order_id, customer, item, amount } = order;
    let order = OrderCreated {
        order_id: format!("old-{order_id}"),
        customer,
        item,
        amount: u64::from(amount) * 100,
        card_token: "tok_on_account".to_owned(),
    };
    info!(order = order.order_id, "placed by {}: {}, {}", order.customer, order.item, euros(order.amount));
    book.write_down(&order, Origin::OldShop).await;
    order
}
