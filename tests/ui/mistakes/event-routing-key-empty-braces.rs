use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created", routing_key = "order.{}.created")]
struct OrderCreated {
    region: String,
}

fn main() {}
