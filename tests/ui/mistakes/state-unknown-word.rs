use eda::prelude::*;

#[derive(Clone, FromRef)]
struct Billing {
    #[from_ref(skipped)]
    limit: u64,
}

fn main() {}
