//! A shop of three services that talk by events: `cargo run --example shop`.
//!
//! Read `events.rs` first, then `orders.rs`, `billing.rs` and `shipping.rs`. The rest is for the show.
#![expect(unreachable_pub, reason = "nothing of a program is reachable from outside, and `pub` reads best")]

mod args;
mod billing;
mod customers;
mod events;
mod orders;
mod shipping;
mod story;
mod terminal;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use eda::{App, Broker, Error, ErrorKind};
use tokio::time::timeout;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, registry};

use crate::args::{Args, HELP, Part};
use crate::orders::OrderBook;
use crate::story::Story;
use crate::terminal::{Terminal, say};

/// How long all orders together may take. Without billing and shipping they would wait for ever.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            say(HELP.trim_end());
            return ExitCode::SUCCESS;
        }
        Err(problem) => return fail(2, &format!("{problem}\nTry `--help`.")),
    };
    let story = Story::new(Terminal::new());
    let framework_log = std::env::var_os("RUST_LOG")
        .map(|_| fmt::layer().with_writer(std::io::stderr).with_filter(EnvFilter::from_default_env()));
    registry().with(story.layer()).with(framework_log).init();

    match run(&args, &story).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unsupported) => {
            fail(2, &format!("{error:?}"))
        }
        Err(error) => fail(1, &format!("{error:?}")),
    }
}

async fn run(args: &Args, story: &Story) -> eda::Result {
    let broker = eda::connect(&args.broker).await?;
    let series = if args.is_in_memory() { "A".to_owned() } else { customers::fresh_series() };
    let book = OrderBook::default();
    match args.part {
        Part::All => {
            let app = App::new()
                .service(orders::service(book.clone()))
                .service(billing::service())
                .service(shipping::service());
            open_shop(app, &broker, &series, &book, story).await?;
        }
        Part::Orders => {
            let app = App::new().service(orders::service(book.clone()));
            open_shop(app, &broker, &series, &book, story).await?;
        }
        Part::Billing => billing::service().run(&broker).await?,
        Part::Shipping => shipping::service().run(&broker).await?,
    }
    broker.close().await
}

/// Lets the customers in, and closes when the last order has come to its end.
async fn open_shop(app: App, broker: &Broker, series: &str, book: &OrderBook, story: &Story) -> eda::Result {
    let mut running = app.start(broker).await?;
    story.remark("");
    let orders_done = async {
        customers::come(series, book, &broker.publisher("orders")).await?;
        let waiting = "some orders did not come to their end in time: do billing and shipping run?";
        timeout(PATIENCE, book.all_done()).await.map_err(|_| Error::new(ErrorKind::Unavailable, waiting))
    };
    let outcome = tokio::select! {
        outcome = orders_done => outcome,
        error = running.ended() => Err(error),
    };
    let stopped = running.shutdown().await;
    story.summary(&book.orders());
    outcome.and(stopped)
}

fn fail(code: u8, problem: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {problem}");
    code.into()
}
