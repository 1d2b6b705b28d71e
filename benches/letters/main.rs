//! What `dead list` and `dead replay` take with many dead letters: time, and memory of the process.
//!
//! The program runs itself as the service's own tool, so that each command has a process of its own.

use std::process::ExitCode;
use std::time::Duration;

use eda::prelude::*;
use eda::transport::Place;
use eda::{Broker, HandlerDef};
use eda_bench::meter::{Meter, Sample};
use eda_bench::{complain, say};
use rabbit_node::{Node, Options};
use tokio::process::Command;
use tokio::time::timeout;

const HELP: &str = "\
usage: cargo xtask letters [OPTION…]

  --letters N     how many dead letters there are; default 100000
  --bytes N       how large the note in each body is; default 200";

/// How long the broker may take until all are dead.
const PATIENCE: Duration = Duration::from_secs(600);
const QUEUE: &str = "bench.note";

#[derive(Serialize, Deserialize, Event)]
#[event(name = "bench.letters.noted")]
struct Noted {
    number: u64,
    note: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::OFF).init();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["-h" | "--help"] => {
            say(HELP);
            Ok(())
        }
        ["tool", letters, arguments @ ..] => tool(letters, arguments).await,
        words => run(words).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(words: &[&str]) -> Result<(), String> {
    let (mut letters, mut bytes) = (100_000_u64, 200_usize);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word}: expected a number behind it; see --help"))?;
        let number = value.parse().map_err(|_| format!("{word}: expected a number, found `{value}`"))?;
        match *word {
            "--letters" => letters = number,
            "--bytes" => bytes = usize::try_from(number).map_err(|_| format!("{word}: {number} is too many"))?,
            _ => return Err(format!("no such option: {word}; see --help")),
        }
    }
    let node = Node::start(Options::default())?;
    fill(&node.url(), letters, bytes).await.map_err(|error| error.to_string())?;
    for arguments in [&["dead", "list"][..], &["dead", "list", "--each"], &["dead", "replay", "--yes"]] {
        let sample = measure(&node.url(), letters, arguments).await?;
        say(&format!(
            "{:<18} {letters} letters: {:.2} s, {:.0} a second, {:.1} s of processor time, peak {:.1} MiB",
            arguments.join(" "),
            sample.seconds,
            sample.rate(),
            sample.cpu_seconds,
            sample.peak_mib()
        ));
    }
    Ok(())
}

fn app() -> App {
    let fail = |_: Noted| async { Err::<(), _>(Failure::permanent("the bench has no use for it")) };
    let handler = HandlerDef::from_fn("note", fail).configure(|options| options.retries(0));
    App::from(Service::new("bench").register(handler).publishes::<Noted>())
}

/// As a broken service does it.
async fn fill(url: &str, letters: u64, bytes: usize) -> eda::Result {
    let broker = eda::connect(url).await?;
    let running = app().start(&broker).await?;
    let publisher = broker.publisher("bench");
    let noted = |number| Noted { number, note: "n".repeat(bytes) };
    // in lots, so that many events are not as many receipts
    for lot in (0..letters).collect::<Vec<_>>().chunks(20_000) {
        if let Err(error) = publisher.publish_all(lot.iter().copied().map(noted)).await {
            return Err(eda::Error::new(eda::ErrorKind::Internal, error.to_string()));
        }
    }
    let late = |_| eda::Error::new(eda::ErrorKind::Internal, format!("not all events failed within {PATIENCE:?}"));
    timeout(PATIENCE, until_dead(&broker, letters)).await.map_err(late)??;
    running.shutdown().await?;
    broker.close().await
}

async fn until_dead(broker: &Broker, letters: u64) -> eda::Result {
    let keep = broker.transport().keep();
    let keep = keep.ok_or_else(|| eda::Error::new(eda::ErrorKind::Unsupported, "the broker keeps no dead letters"))?;
    let place = Place::DeadLettersOf(QUEUE.to_owned());
    while keep.open(&place).await?.is_none_or(|kept| kept.count() < letters) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn measure(url: &str, letters: u64, arguments: &[&str]) -> Result<Sample, String> {
    let program = std::env::current_exe().map_err(|error| format!("finding this program: {error}"))?;
    let mut command = Command::new(program);
    command.args(["tool", &letters.to_string()]).args(arguments).args(["--broker", url]);
    let output = command.output().await.map_err(|error| format!("running {}: {error}", arguments.join(" ")))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{}: {error}", arguments.join(" ")))
}

/// The process that is measured: all that the command tells is dropped.
async fn tool(letters: &str, arguments: &[&str]) -> Result<(), String> {
    let letters = letters.parse().map_err(|_| "expected tool <letters> <arguments>".to_owned())?;
    let meter = Meter::start();
    let arguments = ["bench"].into_iter().chain(arguments.iter().copied()).map(Into::into);
    eda::tool::execute(app(), arguments, &mut std::io::sink()).await.map_err(|stop| stop.to_string())?;
    say(&serde_json::to_string(&meter.stop(letters)).map_err(|error| error.to_string())?);
    Ok(())
}
