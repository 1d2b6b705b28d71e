use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

type Charged = Result<(), std::io::Error>;

#[handler]
async fn charge(_order: OrderCreated) -> Charged {
    Ok(())
}

fn main() {
    let _ = Service::new("billing").handler::<charge>();
}
