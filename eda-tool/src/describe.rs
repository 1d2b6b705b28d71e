//! `describe`: services, handlers and events for a person, or as a document.

use std::fmt::{self, Display};
use std::io::Write;
use std::time::Duration;

use eda_core::App;

use crate::description::{Description, EventDescription, EventRef, HandlerDescription, PolicyDescription};
use crate::{Stop, write};

pub(crate) fn describe(app: &App, json: bool, out: &mut dyn Write) -> Result<(), Stop> {
    let description = Description::of(app)?;
    let text = if json { description.to_json()? } else { Told(&description).to_string() };
    write(out, &text)
}

/// For a person.
struct Told<'a>(&'a Description);

impl Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for service in &self.0.services {
            writeln!(f, "service {}", service.name)?;
            if !service.publishes.is_empty() {
                writeln!(f, "  publishes  {}", list(&service.publishes))?;
            }
            service.handlers.iter().try_for_each(|told| handler(told, f))?;
            writeln!(f)?;
        }
        writeln!(f, "events")?;
        self.0.events.iter().try_for_each(|told| event(told, f))
    }
}

fn handler(handler: &HandlerDescription, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "  handler {}  {}:{}", handler.name, handler.file, handler.line)?;
    for line in handler.doc.lines() {
        writeln!(f, "    {line}")?;
    }
    let takes = match (&handler.takes, &handler.binding) {
        (Some(event), _) => event.to_string(),
        (None, Some(pattern)) => format!("whatever matches {pattern}"),
        (None, None) => "whatever comes".to_owned(),
    };
    writeln!(f, "    takes   {takes}{}", accepts(handler))?;
    if !handler.emits.is_empty() {
        writeln!(f, "    emits   {}", list(&handler.emits))?;
    }
    let foreign = if handler.binding.is_none() { ", declared by others" } else { "" };
    writeln!(f, "    queue   {}{foreign}", handler.queue)?;
    writeln!(f, "    policy  {}", Policy(&handler.policy))
}

fn event(event: &EventDescription, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let EventDescription { name, version, doc, binding } = event;
    let key = if binding == name { String::new() } else { format!("  routing key {binding}") };
    writeln!(f, "  {name} v{version}{key}")?;
    doc.lines().try_for_each(|line| writeln!(f, "    {line}"))
}

fn accepts(handler: &HandlerDescription) -> String {
    if handler.accepts.is_empty() { String::new() } else { format!(", also as {}", handler.accepts.join(", ")) }
}

fn list(events: &[EventRef]) -> String {
    let events: Vec<_> = events.iter().map(ToString::to_string).collect();
    events.join(", ")
}

struct Policy<'a>(&'a PolicyDescription);

impl Display for Policy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PolicyDescription { retries, backoff_first_ms, backoff_last_ms, timeout_ms, concurrency, prefetch } =
            self.0;
        let time = |millis: &u64| humantime::format_duration(Duration::from_millis(*millis));
        match retries {
            0 => write!(f, "no retries")?,
            _ => write!(f, "{retries} retries after {} to {}", time(backoff_first_ms), time(backoff_last_ms))?,
        }
        write!(f, ", {} for an attempt, {concurrency} at a time", time(timeout_ms))?;
        prefetch.map_or(Ok(()), |prefetch| write!(f, ", prefetch {prefetch}"))
    }
}
