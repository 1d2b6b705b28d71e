//! The framework with everybody listening: numbers are recorded, a log at info is thrown away, and a journal has a line for
//! each event. Prints what it used as one line of JSON.

#[expect(dead_code, reason = "of its works, this is one")]
mod consume;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use eda::journal::FileJournal;
use eda_bench::meter::record_metrics;
use eda_bench::task::{Task, Work};

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter("info").with_writer(std::io::sink).init();
    let words: Vec<String> = std::env::args().skip(1).collect();
    eda_bench::end(tokio::spawn(async move { run(&words).await })).await
}

async fn run(words: &[String]) -> Result<String, String> {
    let task = Task::parse(words)?;
    if task.work != Work::Seen {
        return Err(format!("expected the work `{}`, found `{}`", Work::Seen, task.work));
    }
    record_metrics()?;
    let folder = std::env::temp_dir().join(format!("eda-bench-{}", std::process::id()));
    fs::create_dir(&folder).map_err(|error| format!("making {}: {error}", folder.display()))?;
    let ran = consume(&task, &folder.join("bench.journal")).await;
    fs::remove_dir_all(&folder).map_err(|error| format!("removing {}: {error}", folder.display()))?;
    ran
}

async fn consume(task: &Task, journal: &Path) -> Result<String, String> {
    let journal = FileJournal::open(journal).map_err(|error| error.to_string())?;
    let broker = eda::connect(&task.url).await.map_err(|error| error.to_string())?;
    let broker = broker.journaled(journal.clone());
    let sample = consume::backlog(&broker, task).await.map_err(|error| error.to_string())?;
    broker.close().await.map_err(|error| error.to_string())?;
    match journal.dropped() {
        0 => serde_json::to_string(&sample).map_err(|error| error.to_string()),
        dropped => Err(format!("the journal has dropped {dropped} lines")),
    }
}
