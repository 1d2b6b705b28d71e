use eda::prelude::*;

struct Order;

#[handler]
async fn charge(_order: Order) {}

fn main() {}
