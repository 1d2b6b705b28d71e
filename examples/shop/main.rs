//! A shop of three services that talk by events: `cargo run --example shop`.
//!
//! Read `events.rs` first, then `orders.rs`, `billing.rs` and `shipping.rs`; `legacy.rs` takes what a Python script sends. The
//! rest is for the show.
#![expect(unreachable_pub, reason = "nothing of a program is reachable from outside, and `pub` reads best")]

mod args;
mod billing;
mod customers;
#[cfg(all(feature = "http", feature = "metrics"))]
mod endpoint;
mod events;
mod legacy;
mod orders;
mod shipping;
mod shipping_1_4;
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

use crate::args::{Args, HELP, Part, Release};
use crate::orders::OrderBook;
use crate::story::Story;
use crate::terminal::{Terminal, say};

/// How long all orders together may take. Without billing and shipping they would wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the old shop is waited for, where it has sent nothing.
const COURTESY: Duration = Duration::from_secs(10);
const OLD_SHOP: &str = "run `python3 examples/shop/legacy_orders.py` with the broker's URL";

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
    if !args.command.is_empty() {
        return operate(&args).await;
    }
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
    let book = OrderBook::default();
    let app = app(args, &book);
    if args.permissions {
        return show_permissions(args, &app);
    }
    #[cfg(all(feature = "http", feature = "metrics"))]
    let metrics = endpoint::record(args.http)?;
    #[cfg(not(all(feature = "http", feature = "metrics")))]
    let metrics = ();
    let broker = connect(args).await?;
    match args.part {
        Part::Billing | Part::Shipping => serve(args, app, &broker, metrics).await?,
        Part::All | Part::Orders => open_shop(args, app, &broker, &book, story).await?,
    }
    broker.close().await
}

async fn connect(args: &Args) -> eda::Result<Broker> {
    let broker = eda::connect(args.broker()).await?;
    #[cfg(feature = "journal")]
    if args.journal {
        return Ok(broker.journaled(eda::journal::QueueJournal::new()));
    }
    Ok(broker)
}

/// The services that were asked for.
fn app(args: &Args, book: &OrderBook) -> App {
    let runs = |part| args.part == Part::All || args.part == part;
    let mut app = App::new();
    if runs(Part::Orders) {
        app = app.service(orders::service(book.clone()));
    }
    if runs(Part::Billing) {
        app = app.service(billing::service());
    }
    if runs(Part::Shipping) {
        app = app.service(match args.release {
            Release::Current => shipping::service(),
            Release::Before => shipping_1_4::service(),
        });
    }
    if args.legacy {
        app = app.service(legacy::service(book.clone()));
    }
    app
}

/// The shop as its own operations tool.
#[cfg(feature = "tool")]
async fn operate(args: &Args) -> ExitCode {
    use std::ffi::OsString;

    let broker = args.broker.iter().flat_map(|url| ["--broker", url]);
    let words = ["shop"].into_iter().chain(broker).chain(args.command.iter().map(String::as_str));
    let app = app(args, &OrderBook::default());
    match eda::tool::execute(app, words.map(OsString::from), &mut std::io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            // help was asked for where there is nothing wrong
            let _ = if stop.exit_code() == 0 {
                write!(std::io::stdout(), "{stop}")
            } else {
                write!(std::io::stderr(), "{stop}")
            };
            stop.exit_code().into()
        }
    }
}

#[cfg(not(feature = "tool"))]
#[expect(clippy::unused_async, reason = "as the other one, which asks brokers")]
async fn operate(args: &Args) -> ExitCode {
    fail(2, &format!("this shop was built without its tool: add `--features tool` for `{}`", args.command[0]))
}

#[cfg(all(feature = "http", feature = "metrics"))]
async fn serve(args: &Args, app: App, broker: &Broker, metrics: Option<endpoint::Metrics>) -> eda::Result {
    endpoint::run(app, broker, args.http, metrics).await
}

#[cfg(not(all(feature = "http", feature = "metrics")))]
async fn serve(_: &Args, app: App, broker: &Broker, (): ()) -> eda::Result {
    app.run(broker).await
}

/// For the operator of the broker, who needs no broker for it.
#[cfg(feature = "rabbit")]
fn show_permissions(args: &Args, app: &App) -> eda::Result {
    let config: eda::rabbit::Config = args.broker().parse()?;
    say(&app.permissions(&config)?.publishing().to_string());
    Ok(())
}

#[cfg(not(feature = "rabbit"))]
fn show_permissions(_: &Args, _: &App) -> eda::Result {
    Err(Error::new(ErrorKind::Unsupported, "this shop was built without RabbitMQ, which has the permissions"))
}

/// Lets the customers in, and closes when the last order has come to its end.
async fn open_shop(args: &Args, app: App, broker: &Broker, book: &OrderBook, story: &Story) -> eda::Result {
    let mut running = app.start(broker).await.map_err(|error| match error.kind() {
        ErrorKind::NotFound if args.legacy => error.with("first", OLD_SHOP),
        _ => error,
    })?;
    story.remark("");
    let series = if args.is_in_memory() { "A".to_owned() } else { customers::fresh_series() };
    let orders_done = async {
        customers::come(&series, book, &broker.publisher("orders")).await?;
        if args.legacy {
            await_old_shop(book, story).await;
        }
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

/// Its orders are in its queue already, or somebody starts it now; without any, the shop closes all the same.
async fn await_old_shop(book: &OrderBook, story: &Story) {
    if timeout(Duration::ZERO, book.old_shop_came()).await.is_err() {
        story.remark(&format!("no order of the old shop so far: {OLD_SHOP}"));
        if timeout(COURTESY, book.old_shop_came()).await.is_err() {
            story.remark("the old shop has not come");
        }
    }
}

fn fail(code: u8, problem: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {problem}");
    code.into()
}
