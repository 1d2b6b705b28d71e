use eda::prelude::*;

struct Cards;

#[derive(FromRef)]
struct Billing {
    cards: Cards,
}

fn main() {}
