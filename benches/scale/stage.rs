//! The broker between two measurements, and the processes that are measured.

use std::process::Stdio;
use std::time::Duration;

use eda::topology::{Policy, Subscription, Topology};
use eda::{Broker, Event};
use eda_bench::event::SOURCE;
use eda_bench::meter::Sample;
use lapin::options::QueueDeleteOptions;
use lapin::{Channel, Connection, ConnectionProperties};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::publish::Noted;
use crate::serve::{Progress, Ready, name};

/// How long a process may be silent.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Stage {
    url: String,
    broker: Broker,
    channel: Channel,
}

/// A process that handles.
pub(crate) struct Serving {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) ready: Ready,
}

impl Stage {
    pub(crate) async fn at(url: &str) -> Result<Self, String> {
        let broker = eda::connect(url).await.map_err(|error| error.to_string())?;
        let connection = Connection::connect(url, ConnectionProperties::default()).await.map_err(amqp)?;
        let channel = connection.create_channel().await.map_err(amqp)?;
        Ok(Self { url: url.to_owned(), broker, channel })
    }

    /// Makes the queues of so many handlers, empty.
    pub(crate) async fn make(&self, handlers: usize) -> Result<(), String> {
        self.delete(handlers).await?;
        let subscription = |index| Subscription {
            service: SOURCE.into(),
            queue: queue(index),
            declare: true,
            bindings: vec![Noted::NAME.into()],
            policy: Policy::default(),
        };
        let topology = Topology { subscriptions: (0..handlers).map(subscription).collect(), ..Topology::default() };
        self.broker.transport().declare(&topology).await.map_err(|error| error.to_string())
    }

    pub(crate) async fn delete(&self, handlers: usize) -> Result<(), String> {
        for index in 0..handlers {
            let deleting = self.channel.queue_delete(queue(index).as_str().into(), QueueDeleteOptions::default());
            deleting.await.map_err(amqp)?;
        }
        Ok(())
    }

    /// Publishes so many events with bodies of so many bytes.
    pub(crate) async fn publish(&self, body: usize, events: u64) -> Result<Sample, String> {
        let mut child = start(&format!("publish {body} {events} {}", self.url))?;
        let mut lines = output(&mut child)?;
        // a million of events takes its time
        let line = lines.next_line().await.map_err(|error| error.to_string())?;
        let sample = read(line.as_deref().unwrap_or_default())?;
        child.wait().await.map_err(|error| error.to_string())?;
        Ok(sample)
    }

    /// Starts a process with so many handlers; it is ready.
    pub(crate) async fn serve(&self, handlers: usize, concurrency: usize) -> Result<Serving, String> {
        let words = format!("serve {handlers} {concurrency} {}", self.url);
        let mut child = start(&words)?;
        let mut lines = output(&mut child)?;
        let ready = read(&next(&mut lines).await?)?;
        Ok(Serving { child, lines, ready })
    }
}

impl Serving {
    /// How far it is; waits until that is farther than at the last question.
    pub(crate) async fn progress(&mut self) -> Result<Progress, String> {
        let line = next(&mut self.lines).await?;
        let read = line.split_once(' ').and_then(|(handled, cpu)| Some((handled.parse().ok()?, cpu.parse().ok()?)));
        let (handled, cpu_seconds) = read.ok_or_else(|| format!("a process said `{line}` instead of two numbers"))?;
        Ok(Progress { handled, cpu_seconds })
    }

    /// Ends it; what it used since it was ready.
    pub(crate) async fn end(mut self) -> Result<Sample, String> {
        drop(self.child.stdin.take());
        loop {
            let line = next(&mut self.lines).await?;
            if line.starts_with('{') {
                self.child.wait().await.map_err(|error| error.to_string())?;
                return read(&line);
            }
        }
    }
}

fn queue(index: usize) -> String {
    format!("{SOURCE}.{}", name(index))
}

fn start(words: &str) -> Result<Child, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(own);
    command.args(words.split(' ')).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    command.spawn().map_err(|error| format!("starting {words}: {error}"))
}

fn output(child: &mut Child) -> Result<Lines<BufReader<ChildStdout>>, String> {
    let output = child.stdout.take().ok_or("the process has no output")?;
    Ok(BufReader::new(output).lines())
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<String, String> {
    let line = timeout(LIMIT, lines.next_line()).await.map_err(|_| format!("a process said nothing for {LIMIT:?}"))?;
    line.map_err(|error| error.to_string())?.ok_or_else(|| "a process ended early".to_owned())
}

fn read<T: DeserializeOwned>(line: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| format!("a process said `{line}`: {error}"))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn amqp(error: lapin::Error) -> String {
    format!("preparing the queues: {error}")
}
