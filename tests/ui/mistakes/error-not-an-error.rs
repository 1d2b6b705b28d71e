use eda::prelude::*;

#[derive(Debug, HandlerError)]
enum CardError {
    #[permanent]
    Declined,
}

fn main() {}
