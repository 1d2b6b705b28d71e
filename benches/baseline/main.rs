//! The same work on lapin alone, tuned by hand: spawned tasks, bursts, one ack for fifty. Prints what it used as one line
//! of JSON. With `fill` before its other arguments it publishes what the program that is measured finds in its queues.

mod consume;
mod message;
mod publish;

use std::process::ExitCode;

use eda_bench::event::{OrderPlaced, mixed};
use eda_bench::meter::Sample;
use eda_bench::task::{Task, Work};
use lapin::{Channel, Connection, ConnectionProperties};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words).await {
        Ok(line) => {
            eda_bench::say(&line);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eda_bench::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn run(words: &[String]) -> Outcome<String> {
    let (is_fill, words) = match words {
        [word, rest @ ..] if word == "fill" => (true, rest),
        words => (false, words),
    };
    let task = Task::parse(words)?;
    let sample = if is_fill { fill(&task).await? } else { work(task).await? };
    Ok(serde_json::to_string(&sample)?)
}

async fn fill(task: &Task) -> Outcome<Sample> {
    match task.work {
        Work::Handlers => publish::window(&task.url, task.events, mixed::NAMES).await,
        _ => publish::window(&task.url, task.events, &[ORDER_PLACED]).await,
    }
}

async fn work(task: Task) -> Outcome<Sample> {
    match task.work {
        Work::Publish => publish::window(&task.url, task.events, &[ORDER_PLACED]).await,
        Work::PublishOne => publish::one_by_one(&task.url, task.events).await,
        Work::Consume => consume::backlog(&task, vec![task.queue.consumed()]).await,
        Work::Handlers => {
            consume::backlog(&task, (0..mixed::NAMES.len()).map(|index| task.queue.handler(index)).collect()).await
        }
        Work::Chain => consume::chain(&task).await,
        Work::Latency => consume::latency(&task).await,
        Work::Seen | Work::Retries | Work::Memory => Err(format!("lapin has no {}", task.work).into()),
    }
}

const ORDER_PLACED: &str = <OrderPlaced as eda::Event>::NAME;

/// One connection to publish, one to consume, as the framework has them: alarms stop the one and not the other.
async fn connect(url: &str) -> Outcome<Channel> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    Ok(connection.create_channel().await?)
}
