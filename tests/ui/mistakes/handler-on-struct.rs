use eda::prelude::*;

#[handler]
struct Charge;

fn main() {}
