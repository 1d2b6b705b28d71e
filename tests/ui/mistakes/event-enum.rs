use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.changed")]
enum OrderChanged {
    Created,
    Cancelled,
}

fn main() {}
