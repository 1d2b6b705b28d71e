//! `dead show`: all that is known of a letter; of its body only when that is asked for.

use std::fmt::Write as _;
use std::io::Write;

use eda_core::HeaderValue;
use eda_core::transport::Letter;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Shelves;
use super::filter::Filter;
use crate::progress::Progress;
use crate::text::{BodyDocument, body, body_document, printable, time_document};
use crate::{Stop, write, write_json};

/// How many are in one document: anybody can give one id to many.
const SHOWN: usize = 100;

pub(super) async fn show(
    shelves: &Shelves<'_>,
    filter: &Filter,
    show_payload: bool,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let (mut shown, mut more) = (Vec::new(), 0_u64);
    let (found, seen) = shelves
        .look(&Progress::beside_lines("looking", shelves.count), filter, None, |letter| {
            if !json {
                return write(out, &text(&letter, show_payload));
            }
            if shown.len() < SHOWN {
                shown.push(document(&letter, show_payload));
            } else {
                more += 1;
            }
            Ok(())
        })
        .await?;
    if json {
        write_json(out, &Shown { letters: shown, more, others: seen.others })?;
    }
    if found == 0 { Err(filter.found_nothing(shelves.app, seen.of)) } else { Ok(()) }
}

/// What is said of it, by names that a person reads; without what nobody has said.
fn facts(letter: &Letter) -> Vec<(&'static str, Value)> {
    let (message, failure) = (&letter.message, letter.failure.clone().unwrap_or_default());
    let facts = [
        ("id", message.id.as_ref().map(ToString::to_string).into()),
        ("event", message.name.as_deref().into()),
        ("version", message.version.into()),
        ("source", message.source.as_deref().into()),
        ("published_at", time_document(message.time)),
        ("routing_key", (&*message.routing_key).into()),
        ("exchange", failure.exchange.into()),
        ("partition_key", message.partition_key.clone().into()),
        ("correlation_id", message.correlation_id.clone().into()),
        ("causation_id", message.causation_id.clone().into()),
        ("content_type", message.content_type.as_deref().into()),
        ("body_bytes", message.body.len().into()),
        ("queue", letter.queue.clone().into()),
        ("handler", failure.handler.into()),
        ("reason", failure.reason.into()),
        ("attempts", failure.attempt.into()),
        ("first_failed_at", time_document(failure.first_failed_at)),
        ("last_failed_at", time_document(failure.last_failed_at)),
        ("detail", failure.detail.into()),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

fn text(letter: &Letter, show_payload: bool) -> String {
    let mut text = String::new();
    let shown = |value: &Value| match value {
        Value::String(text) => printable(text).into_owned(),
        other => other.to_string(),
    };
    for (name, value) in facts(letter) {
        // writing to a string can't fail
        let _ = writeln!(text, "{:<16} {}", name.replace('_', " "), shown(&value));
    }
    for (name, value) in letter.message.headers.iter() {
        let _ = writeln!(text, "{:<16} {}: {}", "header", printable(name), shown(&header(value)));
    }
    if show_payload {
        text += "\n";
        text += &body(&letter.message.body);
    }
    text + "\n"
}

#[derive(Serialize)]
struct Shown {
    letters: Vec<Document>,
    /// How many others have the id, too.
    more: u64,
    /// How many others look at letters.
    others: u64,
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    facts: Map<String, Value>,
    headers: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<BodyDocument>,
}

fn document(letter: &Letter, show_payload: bool) -> Document {
    Document {
        facts: facts(letter).into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        headers: letter.message.headers.iter().map(|(name, value)| (name.to_owned(), header(value))).collect(),
        body: show_payload.then(|| body_document(&letter.message.body)),
    }
}

fn header(value: &HeaderValue) -> Value {
    match value {
        HeaderValue::Bool(value) => (*value).into(),
        HeaderValue::Int(number) => (*number).into(),
        HeaderValue::UInt(number) => (*number).into(),
        HeaderValue::Float(number) => (*number).into(),
        HeaderValue::Text(text) => text.clone().into(),
        HeaderValue::Bytes(bytes) => bytes.escape_ascii().to_string().into(),
        HeaderValue::Timestamp(seconds) => (*seconds).into(),
        HeaderValue::List(values) => values.iter().map(header).collect(),
        HeaderValue::Table(headers) => {
            headers.iter().map(|(name, value)| (name.to_owned(), header(value))).collect::<Map<_, _>>().into()
        }
        HeaderValue::Decimal { scale, value } => format!("{value}e-{scale}").into(),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use eda_core::{EventId, Message};

    use super::*;
    use crate::keeper::shelf::Shelf;

    #[tokio::test]
    async fn a_document_has_a_bounded_number_of_letters() {
        let message = Message { id: Some(EventId::from("7")), ..Message::new("order.created", "{}") };
        let shelf = Shelf::dead(vec![("billing.charge", message); SHOWN + 2]);
        let (_, told) = shelf.told(&["dead", "show", "7", "--json"]).await;
        let told: Value = serde_json::from_str(&told).expect("it is one document");
        assert_eq!((told["letters"].as_array().map(Vec::len), told["more"].as_u64()), (Some(SHOWN), Some(2)));
        let (_, told) = shelf.told(&["dead", "show", "7"]).await;
        assert_eq!(told.matches("id               7\n").count(), SHOWN + 2);
    }
}
