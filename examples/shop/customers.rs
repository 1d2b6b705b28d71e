//! The people who come to the shop.

use std::time::{Duration, SystemTime};

use eda::Publisher;

use crate::events::OrderCreated;
use crate::orders::OrderBook;

/// Who wants what, for how many cents, and pays with which card.
const CUSTOMERS: [(&str, &str, u64, &str); 7] = [
    ("Ada", "an espresso machine", 24_900, "tok_visa"),
    ("Boris", "two cups", 1_850, "tok_mastercard"),
    ("Chen", "a moka pot", 3_450, "tok_answers_at_third_call"),
    ("Dora", "a coffee grinder", 8_990, "tok_insufficient_funds"),
    ("Emre", "a kilo of beans", 2_700, "tok_visa"),
    ("Fatou", "a milk jug", 1_995, "tok_girocard"),
    ("Goran", "a kettle", 5_400, "tok_visa"),
];

/// One after the other, each places an order.
pub async fn come(series: &str, book: &OrderBook, events: &Publisher) -> eda::Result {
    for (number, (customer, item, amount, card_token)) in (1001..).zip(CUSTOMERS) {
        let order = OrderCreated {
            order_id: format!("{series}-{number}"),
            customer: customer.to_owned(),
            item: item.to_owned(),
            amount,
            card_token: card_token.to_owned(),
        };
        book.place(order, events).await?;
        tokio::time::sleep(Duration::from_millis(90)).await;
    }
    Ok(())
}

/// What the order numbers of this run begin with. A broker outlives the shop and may hold orders of earlier runs.
pub fn fresh_series() -> String {
    let tenths = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_millis() / 100);
    format!("{:06X}", tenths % 0x100_0000)
}
