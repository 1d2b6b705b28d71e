use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created", routing_key = "order.{regoin}.created")]
struct OrderCreated {
    region: String,
}

fn main() {}
