use eda::prelude::*;

struct Order;

#[handler]
async fn charge(_order: Order) {}

fn main() {
    let _ = Service::new("billing").handler::<charge>();
}
