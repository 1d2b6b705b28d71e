use eda::prelude::*;

#[derive(HandlerError)]
union CardError {
    code: u64,
}

fn main() {}
