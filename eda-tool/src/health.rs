//! `health`: whether the app is consumed from, as the broker sees it, or as a running process says.

use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use clap::Args;
use eda_core::{App, Error, ErrorKind};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::command::Target;
use crate::text::printable;
use crate::transports::{Transports, operator};
use crate::{Stop, write, write_json};

const PATIENCE: Duration = Duration::from_secs(10);
const PATH: &str = "/health/ready";
const ANSWER_LIMIT: u64 = 1_000_000;

/// Who is asked.
#[derive(Args, Debug)]
pub(crate) struct HealthOptions {
    /// Ask this process, such as `http://localhost:8080`, whose endpoint is `/health/ready` unless the URL has a path; else
    /// the broker is asked who consumes from the app's queues.
    #[arg(long, visible_alias = "url", value_name = "URL")]
    process: Option<String>,
}

pub(crate) async fn health(
    app: &App,
    target: &Target,
    transports: &impl Transports,
    options: &HealthOptions,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    match &options.process {
        Some(url) => process(url, target.json, out).await,
        None => consumers(app, target, transports, out).await,
    }
}

async fn consumers(app: &App, target: &Target, transports: &impl Transports, out: &mut dyn Write) -> Result<(), Stop> {
    let topology = app.topology()?;
    let broker = transports.connect(target.url()?).await?;
    let states = match operator(&broker) {
        Ok(operator) => operator.queues(&topology).await,
        Err(error) => Err(error),
    };
    let closed = broker.close().await;
    let states = states?;
    closed?;
    let mut problems = Vec::new();
    let mut text = String::new();
    for subscription in &topology.subscriptions {
        let queue = &subscription.queue;
        match states.iter().find(|state| state.queue == *queue) {
            None => problems.push(format!("queue `{queue}` does not exist: run the service, or `topology apply`")),
            Some(state) => {
                // writing to a string can't fail
                let _ = writeln!(
                    text,
                    "{queue}: consumers {}, waiting {}, dead letters {}{}",
                    state.consumers,
                    state.messages,
                    state.dead,
                    if state.dead_others > 0 { ", and those that somebody looks at" } else { "" }
                );
                if state.consumers == 0 {
                    problems.push(format!("nobody consumes from queue `{queue}`"));
                }
            }
        }
    }
    if target.json {
        let queues = states.iter().map(|state| {
            json!({
                "queue": state.queue, "consumers": state.consumers, "waiting": state.messages, "dead": state.dead,
                "dead_others": state.dead_others
            })
        });
        let document = json!({
            "healthy": problems.is_empty(), "queues": queues.collect::<Vec<_>>(), "problems": problems
        });
        write_json(out, &document)?;
    } else {
        write(out, &text)?;
    }
    if problems.is_empty() { Ok(()) } else { Err(Stop::Found(problems)) }
}

async fn process(url: &str, json: bool, out: &mut dyn Write) -> Result<(), Stop> {
    let (host, path) = parse(url)?;
    let answer = timeout(PATIENCE, ask(host, path)).await;
    let away = || Error::new(ErrorKind::Unavailable, "no process answered").with("process", host);
    let answer = answer.map_err(|_| away())?.map_err(|error| away().caused_by(error))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    let is_ready = status == "200";
    let told: Option<Value> = serde_json::from_str(body).ok();
    if json {
        let mut document = json!({ "healthy": is_ready, "status": status });
        match told {
            Some(told) => document["process"] = told,
            None => document["text"] = body.into(),
        }
        write_json(out, &document)?;
    } else {
        write(out, &told.as_ref().and_then(lines).unwrap_or_else(|| crate::text::body(body.trim_end().as_bytes())))?;
    }
    if is_ready { Ok(()) } else { Err(Stop::Found(vec![format!("the process is not ready: it answered {status}")])) }
}

/// What the endpoint of the feature `http` tells, for a person; nothing where another one has answered.
fn lines(told: &Value) -> Option<String> {
    let text = |value: &Value| Some(printable(value.as_str()?).into_owned());
    let consumers = &told["consumers"];
    let (confirmed, expected) = (consumers["confirmed"].as_u64()?, consumers["expected"].as_u64()?);
    let mut lines = format!("{confirmed} of {expected} consumers confirmed\n");
    for subscription in told["subscriptions"].as_array()? {
        let (queue, state) = (text(&subscription["queue"])?, text(&subscription["state"])?);
        let since = text(&subscription["since"]).map_or_else(String::new, |since| format!(" since {since}"));
        let why = text(&subscription["why"]).filter(|why| !why.is_empty());
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        // writing to a string can't fail
        let _ = writeln!(lines, "{queue}: {state}{since}{why}");
    }
    Some(lines)
}

/// Host with port, and path.
fn parse(url: &str) -> Result<(&str, &str), Error> {
    let expected = || Error::new(ErrorKind::Invalid, "expected a URL such as `http://localhost:8080`");
    let rest = url.strip_prefix("http://").ok_or_else(expected)?;
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    if host.is_empty() || host.contains('@') || url.contains(char::is_whitespace) {
        return Err(expected());
    }
    Ok((host, if matches!(path, "" | "/") { PATH } else { path }))
}

/// HTTP 1.0, whose answers end with the connection. The endpoint is on a private address, so there is no TLS.
async fn ask(host: &str, path: &str) -> std::io::Result<String> {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port { host.to_owned() } else { format!("{host}:80") };
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_LIMIT).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_says_is_shown_as_it_is_and_steers_no_terminal() {
        let subscription = json!({ "queue": "billing.charge", "state": "retrying", "why": "no \"vhost\"\u{1b}[2J" });
        let told = json!({ "consumers": { "confirmed": 0, "expected": 1 }, "subscriptions": [subscription] });
        let expected = "0 of 1 consumers confirmed\nbilling.charge: retrying (no \"vhost\"\\u{1b}[2J)\n";
        assert_eq!(lines(&told).as_deref(), Some(expected));
    }
}
