use eda::prelude::*;

#[handler]
async fn charge() {}

fn main() {}
