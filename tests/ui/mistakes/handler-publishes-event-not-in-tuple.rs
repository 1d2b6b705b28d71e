use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[derive(Serialize, Deserialize, Event)]
#[event(name = "payment.started")]
struct PaymentStarted {
    order_id: u64,
}

#[derive(Serialize, Deserialize, Event)]
#[event(name = "payment.completed")]
struct PaymentCompleted {
    order_id: u64,
}

#[handler]
async fn charge(order: OrderCreated, progress: Publisher<(OrderCreated, PaymentCompleted)>) -> Result<(), Failure> {
    progress.publish(&PaymentStarted { order_id: order.order_id }).await?;
    Ok(())
}

fn main() {}
