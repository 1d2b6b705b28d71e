//! One event and its handler; Ctrl-C ends it.
#![expect(clippy::print_stdout, reason = "an example may print")]

use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "user.joined")]
struct UserJoined(String);

#[tokio::main]
async fn main() -> eda::Result {
    let broker = eda::connect("memory://").await?;
    let hello = Service::new("hello").on("greet", async |user: UserJoined| println!("Welcome, {}!", user.0));
    let running = hello.start(&broker).await?;
    broker.publisher("hello").publish(&UserJoined("Ada".into())).await?;
    running.until_stopped().await
}
