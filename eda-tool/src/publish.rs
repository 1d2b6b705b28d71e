//! `publish`: one event from JSON, which is checked against its type first.

use std::borrow::Cow;
use std::io::{Read, Write, stdin};
use std::time::SystemTime;

use clap::Args;
use eda_core::transport::limits::BODY_LIMIT;
use eda_core::{App, Error, ErrorKind, EventInfo, Message};
use serde_json::json;

use crate::command::Target;
use crate::description::events;
use crate::names::unknown;
use crate::transports::{Transports, shared};
use crate::{Stop, write, write_json};

/// Which event.
#[derive(Args, Debug)]
pub(crate) struct PublishOptions {
    /// The event's name, such as `order.created`.
    event: String,
    /// Its body as JSON; `-` reads it from standard input.
    body: String,
    /// Which version of the event; the newest where it is not said.
    #[arg(long, value_name = "NUMBER")]
    event_version: Option<u32>,
    /// Check it, and publish nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn publish(
    app: &App,
    target: &Target,
    transports: &impl Transports,
    options: &PublishOptions,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let event = find(app, options)?;
    let mut message = checked(&event, &body(options)?)?;
    message.source = source(app, &event).map(Cow::Owned);
    message.time = Some(SystemTime::now());
    let id = message.id.as_ref().map(ToString::to_string).unwrap_or_default();
    let (name, version, key) = (event.name, event.version, message.routing_key.to_string());
    if !options.dry_run {
        let broker = transports.connect(target.url()?).await?;
        let sent = async {
            shared(&broker)?;
            broker.transport().publisher().await?.send(message).await
        };
        let receipt = sent.await;
        let confirmed = match receipt {
            Ok(receipt) => receipt.confirmed().await,
            Err(error) => Err(error),
        };
        let closed = broker.close().await;
        confirmed.and(closed)?;
    }
    if target.json {
        let document = json!({
            "event": name, "version": version, "id": id, "routing_key": key, "published": !options.dry_run
        });
        return write_json(out, &document);
    }
    let done = if options.dry_run { "this can be published as" } else { "published" };
    write(out, &format!("{done} {name} v{version} {id}\n"))
}

fn find(app: &App, options: &PublishOptions) -> Result<EventInfo, Error> {
    app.topology()?;
    let events = events(app);
    let versions: Vec<_> = events.iter().filter(|event| event.name == options.event).collect();
    let Some(newest) = versions.iter().max_by_key(|event| event.version) else {
        return Err(unknown("event", &options.event, events.iter().map(|event| event.name)));
    };
    let wanted = options.event_version.unwrap_or(newest.version);
    versions.iter().find(|event| event.version == wanted).map(|event| **event).ok_or_else(|| {
        let known: Vec<_> = versions.iter().map(|event| event.version.to_string()).collect();
        let text = format!("`{}` has no version {wanted}: there is {}", options.event, known.join(", "));
        Error::new(ErrorKind::Invalid, text)
    })
}

fn body(options: &PublishOptions) -> Result<Vec<u8>, Error> {
    if options.body == "-" { read(stdin()) } else { Ok(options.body.clone().into_bytes()) }
}

fn read(input: impl Read) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    // one more, so that what is too large is refused as such
    let read = input.take(BODY_LIMIT as u64 + 1).read_to_end(&mut body);
    read.map_err(|error| Error::new(ErrorKind::Invalid, "could not read standard input").caused_by(error))?;
    if body.len() > BODY_LIMIT {
        let text = format!("the body has over {BODY_LIMIT} bytes: publish a reference instead");
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    Ok(body)
}

fn checked(event: &EventInfo, body: &[u8]) -> Result<Message, Error> {
    event.codec.message(body).map_err(|error| {
        let text = format!("the body is no `{}` of version {}", event.name, event.version);
        Error::new(ErrorKind::Invalid, text).caused_by(error)
    })
}

/// Whoever publishes it, or else the first service.
fn source(app: &App, event: &EventInfo) -> Option<String> {
    let publishes = |service: &eda_core::app::ServiceInfo<'_>| {
        service.publishes.iter().chain(service.handlers.iter().flat_map(|handler| handler.emits)).any(|it| it == event)
    };
    let service = app.services().find(publishes).or_else(|| app.services().next());
    service.map(|service| service.name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_without_an_end_is_too_large() {
        let refused = read(std::io::repeat(b'1')).expect_err("it has no end");
        assert_eq!(refused.kind(), ErrorKind::TooLarge);
        assert!(read(std::io::repeat(b'1').take(BODY_LIMIT as u64)).is_ok_and(|body| body.len() == BODY_LIMIT));
    }
}
