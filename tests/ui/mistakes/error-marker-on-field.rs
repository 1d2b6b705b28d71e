use eda::prelude::*;

#[derive(Debug, HandlerError)]
enum CardError {
    Declined(#[permanent] u64),
}

impl std::fmt::Display for CardError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("declined")
    }
}

impl std::error::Error for CardError {}

fn main() {}
