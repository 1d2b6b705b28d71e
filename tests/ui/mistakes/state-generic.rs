use eda::prelude::*;

#[derive(Clone, FromRef)]
struct Billing<T> {
    cards: T,
}

fn main() {}
