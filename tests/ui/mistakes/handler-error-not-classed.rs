use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

struct CardError;

#[handler]
async fn charge(_order: OrderCreated) -> Result<(), CardError> {
    Err(CardError)
}

fn main() {}
