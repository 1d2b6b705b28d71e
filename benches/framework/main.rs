//! The framework, as a service has it: with the defaults on. Prints what it used as one line of JSON.

mod consume;
mod memory;
mod publish;

use std::process::ExitCode;

use eda_bench::task::{Task, Work};

#[tokio::main]
async fn main() -> ExitCode {
    // the handler that fails would write 5,000 lines
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::ERROR).init();
    let words: Vec<String> = std::env::args().skip(1).collect();
    eda_bench::end(tokio::spawn(async move { run(&words).await })).await
}

async fn run(words: &[String]) -> Result<String, String> {
    let task = Task::parse(words)?;
    let url = if task.work == Work::Memory { "memory://" } else { &task.url };
    let broker = eda::connect(url).await.map_err(|error| error.to_string())?;
    let sample = match task.work {
        Work::Publish => publish::window(&broker, &task).await,
        Work::PublishOne => publish::one_by_one(&broker, &task).await,
        Work::Memory => memory::through(&broker, &task).await,
        Work::Latency => consume::latency(&broker, &task).await,
        Work::Consume | Work::Chain | Work::Handlers | Work::Retries => consume::backlog(&broker, &task).await,
        Work::Seen => return Err("`bench-seen` does this work".into()),
    };
    let sample = sample.map_err(|error| error.to_string())?;
    broker.close().await.map_err(|error| error.to_string())?;
    serde_json::to_string(&sample).map_err(|error| error.to_string())
}
