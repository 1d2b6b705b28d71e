//! Limits that every transport keeps, so that what one accepts, all accept.

use std::time::Duration;

use crate::envelope;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{HeaderValue, Headers, Message};
use crate::topology::Subscription;

/// How many bytes a body may have: 1 MiB. Checked before sending and before decoding.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// How many bytes a routing key, a queue's name or a header's name may have: AMQP 0-9-1 §4.2.5.3, short strings.
pub const SHORT_TEXT_LIMIT: usize = 255;

/// How many bytes a service's name may have: what a transport makes for a service is called after it.
pub const SERVICE_LIMIT: usize = 200;

/// How many bytes all headers of a message may have, names and values: 64 KiB. AMQP carries them in one frame, 128 KiB
/// unless the broker is told otherwise, beside what the broker and a dead letter's reason add.
pub const HEADERS_LIMIT: usize = 64 * 1024;

/// How many headers a message may have, in whatever mode they come. A hundred is many already.
pub const HEADER_COUNT_LIMIT: usize = envelope::ATTRIBUTE_LIMIT;

/// How long a retry can wait: a day. A transport with fixed delays needs a longest one.
pub const DELAY_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How many messages that no queue was bound for are kept; the oldest is dropped first.
pub const UNROUTED_LIMIT: usize = 100_000;

/// Headers that steer a broker, or that the framework writes itself: never settable by who publishes.
const RESERVED: [&str; 8] = ["x-", "CC", "BCC", "cloudEvents_", "cloudEvents:", "ce-", "ce_", "eda-"];

/// Checks what every transport refuses before anything is sent.
///
/// # Errors
/// [`TooLarge`](ErrorKind::TooLarge) or [`Invalid`](ErrorKind::Invalid), with the limit and what was found.
pub fn check(message: &Message) -> Result {
    check_size(message)?;
    check_texts(message)?;
    check_names_of_ours(message)?;
    check_numbers(&message.headers)
}

/// Checks how large a message is: before it is sent, and before anything of one that arrived is read.
///
/// # Errors
/// [`TooLarge`](ErrorKind::TooLarge) with the limit and what was found.
pub fn check_size(message: &Message) -> Result {
    let too_large = |text| Err(Error::new(ErrorKind::TooLarge, text));
    let size = message.body.len();
    if size > BODY_LIMIT {
        let text = format!("the body has {size} bytes, over the limit of {BODY_LIMIT}: publish a reference instead");
        return too_large(text);
    }
    let count = message.headers.len();
    if count > HEADER_COUNT_LIMIT {
        return too_large(format!("there are over {HEADER_COUNT_LIMIT} headers: put them into the body"));
    }
    let keys = [&message.partition_key, &message.causation_id].into_iter().flatten().map(String::len);
    let size = size_of_headers(&message.headers) + keys.sum::<usize>();
    if size > HEADERS_LIMIT {
        let text = format!("the headers have {size} bytes, over the limit of {HEADERS_LIMIT}: put them into the body");
        return too_large(text);
    }
    Ok(())
}

/// Checks what not even a foreign producer can send: texts that AMQP keeps short, names in tables included.
///
/// # Errors
/// [`Invalid`](ErrorKind::Invalid) with the limit and what was found.
pub fn check_texts(message: &Message) -> Result {
    short_text("routing key", &message.routing_key)?;
    if let Some(id) = &message.id {
        short_length("id", id.text_len())?;
    }
    let texts = [
        ("event name", message.name.as_deref()),
        ("source", message.source.as_deref()),
        ("content type", message.content_type.as_deref()),
        ("correlation id", message.correlation_id.as_deref()),
    ];
    for (what, text) in texts {
        text.map_or(Ok(()), |text| short_text(what, text))?;
    }
    check_names(&message.headers)
}

/// What a publisher chooses is no place for what would begin a line or end a text elsewhere: CR, LF, NUL and their like.
fn check_names_of_ours(message: &Message) -> Result {
    let names = [
        ("routing key", Some(&*message.routing_key)),
        ("event name", message.name.as_deref()),
        ("source", message.source.as_deref()),
        ("content type", message.content_type.as_deref()),
    ];
    let names = names.into_iter().filter_map(|(what, name)| Some((what, name?)));
    let headers = message.headers.iter().map(|(name, _)| ("header name", name));
    names.chain(headers).try_for_each(|(what, name)| no_control(what, name))
}

fn no_control(what: &'static str, text: &str) -> Result {
    // nearly every name is of such letters, which need no look at what Unicode says
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || !text.contains(char::is_control) {
        return Ok(());
    }
    let text = format!("the {what} `{}` holds a control character: take it out", text.escape_debug());
    Err(Error::new(ErrorKind::Invalid, text))
}

fn check_names(headers: &Headers) -> Result {
    headers.iter().try_for_each(|(name, value)| {
        short_text("header name", name)?;
        check_names_within(value)
    })
}

fn check_names_within(value: &HeaderValue) -> Result {
    match value {
        HeaderValue::Table(headers) => check_names(headers),
        HeaderValue::List(values) => values.iter().try_for_each(check_names_within),
        _ => Ok(()),
    }
}

/// RabbitMQ ends the connection over a number that is none, and with it all that was on the way.
fn check_numbers(headers: &Headers) -> Result {
    let Some((name, _)) = headers.iter().find(|(_, value)| holds_no_number(value)) else { return Ok(()) };
    let text = format!("the header `{name}` holds a float that is infinite or no number: send it as text");
    Err(Error::new(ErrorKind::Invalid, text))
}

fn holds_no_number(value: &HeaderValue) -> bool {
    match value {
        HeaderValue::Float(number) => !number.is_finite(),
        HeaderValue::List(values) => values.iter().any(holds_no_number),
        HeaderValue::Table(headers) => headers.iter().any(|(_, value)| holds_no_number(value)),
        _ => false,
    }
}

fn size_of_headers(headers: &Headers) -> usize {
    headers.iter().map(|(name, value)| name.len() + size_of_value(value)).sum()
}

fn size_of_value(value: &HeaderValue) -> usize {
    // no number has more than eight bytes; the rest is what a value's type and length take
    8 + match value {
        HeaderValue::Text(text) => text.len(),
        HeaderValue::Bytes(bytes) => bytes.len(),
        HeaderValue::List(values) => values.iter().map(size_of_value).sum(),
        HeaderValue::Table(headers) => size_of_headers(headers),
        _ => 0,
    }
}

/// Checks that a message's own headers can't steer the broker.
///
/// # Errors
/// [`Invalid`](ErrorKind::Invalid) with the header.
pub fn check_headers(message: &Message) -> Result {
    let is_reserved = |name: &str| {
        RESERVED.iter().any(|reserved| match reserved.strip_suffix(['-', '_', ':']) {
            Some(_) => name.get(..reserved.len()).is_some_and(|start| start.eq_ignore_ascii_case(reserved)),
            None => name.eq_ignore_ascii_case(reserved),
        })
    };
    match message.headers.iter().find(|(name, _)| is_reserved(name)) {
        Some((name, _)) => {
            Err(Error::new(ErrorKind::Invalid, format!("the header name `{name}` is reserved: take another one")))
        }
        None => Ok(()),
    }
}

/// Checks what every transport refuses before anything is declared.
///
/// # Errors
/// [`Invalid`](ErrorKind::Invalid) where a name or a binding is none that a broker takes, a backoff too long, or a prefetch 0.
pub fn check_subscription(subscription: &Subscription) -> Result {
    let Subscription { service, queue, policy, .. } = subscription;
    if queue.is_empty() || (subscription.declare && queue.starts_with("amq.")) {
        let text = format!("`{queue}` is no name for a queue: it may neither be empty nor begin with `amq.`");
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    no_control("queue name", queue)?;
    no_control("service name", service)?;
    length("service name", service.len(), SERVICE_LIMIT)?;
    subscription.bindings.iter().try_for_each(|binding| no_control("binding", binding))?;
    if policy.prefetch == Some(0) {
        let text = "expected a prefetch greater than 0: nothing would ever be delivered, or without a bound";
        return Err(Error::new(ErrorKind::Invalid, text).with("queue", queue));
    }
    short_text("queue name with `.dead` behind it", &format!("{queue}.dead"))?;
    subscription.bindings.iter().try_for_each(|binding| short_text("binding", binding))?;
    policy.backoff.waits(policy.retries).try_for_each(check_delay)
}

/// Checks how long a retry is to wait.
///
/// # Errors
/// [`Invalid`](ErrorKind::Invalid) over the limit.
pub fn check_delay(wanted: Duration) -> Result {
    if wanted <= DELAY_LIMIT {
        return Ok(());
    }
    let found = humantime::format_duration(wanted);
    let text = format!("a retry can wait for a day at most, found {found}: shorten the backoff");
    Err(Error::new(ErrorKind::Invalid, text))
}

/// Checks a text that AMQP keeps short.
///
/// # Errors
/// [`Invalid`](ErrorKind::Invalid) with the limit and what was found.
pub fn short_text(what: &'static str, text: &str) -> Result {
    short_length(what, text.len())
}

fn short_length(what: &'static str, found: usize) -> Result {
    length(what, found, SHORT_TEXT_LIMIT)
}

fn length(what: &'static str, found: usize, limit: usize) -> Result {
    if found <= limit {
        return Ok(());
    }
    let text = format!("the {what} has {found} bytes, over the limit of {limit}");
    Err(Error::new(ErrorKind::Invalid, text))
}
