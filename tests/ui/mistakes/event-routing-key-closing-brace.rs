use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created", routing_key = "order.region}.created")]
struct OrderCreated {
    region: String,
}

fn main() {}
