//! `tail`: events as they pass, taken from nobody.

use std::io::{Write, stderr};
use std::time::SystemTime;

use clap::Args;
use eda_core::transport::Operate;
use eda_core::{App, Error, ErrorKind, Message, envelope};
use serde::Serialize;
use serde_json::{Value, json};

use crate::command::Target;
use crate::keeper::unfolded;
use crate::names::{matches, overlap, unknown};
use crate::text::{BodyDocument, body_document, printable, time_document};
use crate::transports::{Transports, operator};
use crate::{Stop, json_line, write_while_read};

/// Which events.
#[derive(Args, Debug)]
pub(crate) struct TailOptions {
    /// Routing keys; `*` stands for one segment, `#` for any number.
    #[arg(default_value = "#")]
    pattern: String,
    /// Show bodies, too.
    #[arg(long)]
    show_payload: bool,
    /// End after so many events.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Follow every event of the broker, and not only those that this app's handlers take. An event that nobody takes is
    /// not parked while this runs, since RabbitMQ believes that it is wanted.
    #[arg(long)]
    all: bool,
}

pub(crate) async fn tail(
    app: &App,
    target: &Target,
    transports: &impl Transports,
    options: &TailOptions,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    check(app, options)?;
    let broker = transports.connect(target.url()?).await?;
    let followed = follow(app, operator(&broker)?, target.json, options, out).await;
    let closed = broker.close().await;
    followed?;
    Ok(closed?)
}

/// # Errors
/// Where nothing could ever match.
fn check(app: &App, options: &TailOptions) -> Result<(), Error> {
    let pattern = &options.pattern;
    let is_wild = |text: &str| text.contains(['*', '#']);
    if let Some(segment) = pattern.split('.').find(|segment| is_wild(segment) && !matches!(*segment, "*" | "#")) {
        let text = format!("expected `*` or `#` as a whole segment of the pattern, found `{segment}`");
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    let topology = app.topology()?;
    let mut taken = topology.subscriptions.iter().flat_map(|subscription| &subscription.bindings);
    if options.all || taken.any(|binding| overlap(pattern, binding)) {
        return Ok(());
    }
    let names = app.services().flat_map(|service| service.handlers).filter_map(|handler| handler.interest.name);
    let names: Vec<_> = names.collect();
    Err(unknown("handler of event", pattern, names.into_iter())
        .with("help", "`--all` follows events of other services"))
}

async fn follow(
    app: &App,
    operator: &dyn Operate,
    json: bool,
    options: &TailOptions,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let patterns = if options.all { vec![options.pattern.clone()] } else { taken(app, operator).await? };
    let mut tail = operator.tail(&patterns).await?;
    // whoever closed the stream wants to hear nothing
    let _ = writeln!(stderr(), "following `{}`, bound by {}; Ctrl-C ends", options.pattern, patterns.join(", "));
    let mut left = options.limit;
    while left != Some(0) {
        let message = unfolded(tail.next().await?);
        if matches(&options.pattern, &message.routing_key) {
            let text = if json { document(&message, options)? } else { line(&message, options) };
            if !write_while_read(out, &text)? {
                break;
            }
            left = left.map(|left| left - 1);
        }
    }
    Ok(())
}

/// What the app's queues are to be bound by: those events are wanted, whoever follows them. No broker tells what it has bound.
async fn taken(app: &App, operator: &dyn Operate) -> Result<Vec<String>, Error> {
    let topology = app.topology()?;
    let queues = operator.queues(&topology).await?;
    let exists = |queue: &str| queues.iter().any(|state| state.queue == queue);
    let bound = topology.subscriptions.iter().filter(|subscription| exists(&subscription.queue));
    let mut patterns: Vec<_> = bound.flat_map(|subscription| subscription.bindings.iter().cloned()).collect();
    patterns.sort_unstable();
    patterns.dedup();
    if patterns.is_empty() {
        let text =
            "no queue of this app is bound to events yet: run the service once, or follow all events with `--all`";
        return Err(Error::new(ErrorKind::NotFound, text));
    }
    Ok(patterns)
}

fn line(message: &Message, options: &TailOptions) -> String {
    let (version, id) = (message.version.unwrap_or(1), id(message));
    let name = message.name.as_deref().unwrap_or("?");
    let is_other = *message.routing_key != *name;
    let key = if is_other { format!(" by {}", printable(&message.routing_key)) } else { String::new() };
    let source = message.source.as_deref().map_or(String::new(), |source| format!(" from {}", printable(source)));
    let mut text = format!("{} {} v{version} {}{source}{key}\n", time(message), printable(name), printable(&id));
    if options.show_payload {
        for line in String::from_utf8_lossy(&message.body).lines() {
            text.extend(["  ", &printable(line), "\n"]);
        }
    }
    text
}

/// A line of JSON for each event.
fn document(message: &Message, options: &TailOptions) -> Result<String, Stop> {
    let facts = json!({
        "time": time_document(message.time),
        "event": message.name,
        "version": message.version,
        "id": message.id.as_ref().map(ToString::to_string),
        "source": message.source,
        "routing_key": message.routing_key,
        "correlation_id": message.correlation_id,
        "causation_id": message.causation_id,
    });
    let body = options.show_payload.then(|| body_document(&message.body));
    json_line(&Document { facts, body })
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    facts: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<BodyDocument>,
}

fn id(message: &Message) -> String {
    message.id.as_ref().map_or_else(|| "without id".to_owned(), ToString::to_string)
}

fn time(message: &Message) -> String {
    envelope::write_time(message.time.unwrap_or_else(SystemTime::now)).unwrap_or_else(|| "-".to_owned())
}

#[cfg(test)]
mod tests {
    use eda_core::EventId;

    use super::*;

    const BODY: &str = "{\n\t\"card\": \"4012\u{1b}[2J888888881881\"\r}";

    fn options(show_payload: bool) -> TailOptions {
        TailOptions { pattern: "#".into(), show_payload, limit: None, all: false }
    }

    fn json_of(message: &Message, show_payload: bool) -> String {
        document(message, &options(show_payload)).expect("it is a document")
    }

    #[test]
    fn what_nobody_has_said_is_null() {
        let odd = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000_000);
        let message = Message { time: Some(odd), ..Message::new("card.charged", "") };
        let found: Value = serde_json::from_str(&json_of(&message, false)).expect("a line is a document");
        for nothing in ["time", "event", "version", "id", "source", "correlation_id", "causation_id"] {
            assert_eq!(found.get(nothing), Some(&Value::Null), "{nothing}");
        }
    }

    #[test]
    fn a_body_is_shown_where_it_was_asked_for() {
        let message = Message::new("card.charged", BODY);
        for told in [line(&message, &options(false)), json_of(&message, false)] {
            assert!(told.contains("card.charged") && !told.contains("4012") && !told.contains("body"), "{told}");
        }
        assert!(json_of(&message, true).contains("4012"));
        let figures = Message::new("card.charged", "{ \"card\":\r\n 123456789012345678901 }");
        assert!(json_of(&figures, true).ends_with(",\"body\":{\"card\":123456789012345678901}}\n"));
        assert!(line(&message, &options(true)).ends_with("\n  {\n  \t\"card\": \"4012\\u{1b}[2J888888881881\"\\r}\n"));
    }

    #[test]
    fn a_stranger_begins_no_line_and_steers_no_terminal() {
        let forged = "a\n2026-11-23T08:54:00Z order.paid\r\u{1b}[2J\u{9b}31m";
        let message = Message {
            id: Some(EventId::from(forged)),
            name: Some(forged.to_owned().into()),
            source: Some(forged.to_owned().into()),
            ..Message::new(format!("b{forged}"), BODY)
        };
        for told in [line(&message, &options(false)), json_of(&message, false)] {
            assert_eq!(told.matches('\n').count(), 1, "{told}");
            assert!(told.ends_with('\n') && !told.trim_end().contains(char::is_control), "{told:?}");
        }
        let shown = line(&message, &options(true));
        assert!(shown.lines().skip(1).all(|line| line.starts_with("  ")), "{shown}");
        assert!(!shown.contains(|letter: char| letter.is_control() && !"\n\t".contains(letter)), "{shown:?}");
    }
}
