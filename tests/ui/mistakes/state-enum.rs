use eda::prelude::*;

#[derive(Clone, FromRef)]
enum Billing {
    Cards(u64),
}

fn main() {}
