use eda::prelude::*;

#[derive(Clone, FromRef)]
struct Billing {
    primary: String,
    replica: String,
}

fn main() {}
