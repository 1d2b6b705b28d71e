use eda::prelude::*;

struct Charge;

fn main() {
    let _ = Service::new("billing").handler::<Charge>();
}
