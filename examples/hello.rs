//! One event and its handler.
#![expect(clippy::print_stdout, reason = "an example may print")]

use eda::prelude::*;
use tokio::sync::Notify;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "user.joined")]
struct UserJoined(String);

static GREETED: Notify = Notify::const_new();

#[tokio::main]
async fn main() -> eda::Result {
    let broker = eda::connect("memory://").await?;
    let greet = async |user: UserJoined| {
        println!("Welcome, {}!", user.0);
        GREETED.notify_one();
    };
    let running = Service::new("hello").on("greet", greet).start(&broker).await?;
    broker.publisher("hello").publish(&UserJoined("Ada".into())).await?;
    GREETED.notified().await;
    running.shutdown().await
}
