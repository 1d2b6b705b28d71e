//! Headers of strangers, and ours on their way to RabbitMQ and back.

use std::collections::BTreeMap;

use eda_core::transport::limits;
use eda_core::{HeaderValue, Headers, Message};

use super::texts;

/// Headers are a map that remembers its order; those that the limits allow arrive as they were sent.
///
/// # Panics
/// Where that does not hold.
pub fn headers(input: &[u8]) {
    let (mut headers, mut model) = (Headers::new(), BTreeMap::new());
    for pair in texts(input).chunks_exact(2) {
        let value = value(&pair[1], 0);
        headers.insert(pair[0].clone(), value.clone());
        model.insert(pair[0].clone().into_owned(), value);
    }
    assert_eq!(shown(&sorted(&headers)), shown(&model));
    let mut message = Message::new("a.key", "");
    message.headers = headers;
    if limits::check(&message).is_ok() && limits::check_headers(&message).is_ok() {
        let back = eda_rabbit::there_and_back(&message);
        assert_eq!(sorted(&back.headers), model);
        assert_eq!(Message { headers: Headers::new(), ..back }, Message::new("a.key", ""));
    }
    let names: Vec<_> = model.keys().cloned().collect();
    for name in names {
        assert_eq!(shown(&message.headers.remove(&name)), shown(&model.remove(&name)));
        assert_eq!(message.headers.get(&name), None);
    }
    assert!(message.headers.is_empty());
}

/// A number that is none is not equal to itself; what is shown of it is.
fn shown(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

fn sorted(headers: &Headers) -> BTreeMap<String, HeaderValue> {
    headers.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

/// Its first letter says the type.
fn value(text: &str, depth: usize) -> HeaderValue {
    let mut letters = text.chars();
    let kind = letters.next().unwrap_or('n');
    let rest = letters.as_str();
    match kind {
        'n' => HeaderValue::Null,
        'b' => HeaderValue::Bool(rest.is_empty()),
        'i' => HeaderValue::Int(rest.parse().unwrap_or(i64::MIN)),
        'f' => HeaderValue::Float(rest.parse().unwrap_or(f64::MAX)),
        'd' => HeaderValue::Decimal { scale: 2, value: rest.parse().unwrap_or(u32::MAX) },
        's' => HeaderValue::Timestamp(rest.parse().unwrap_or(u64::MAX)),
        'y' => HeaderValue::Bytes(rest.as_bytes().to_vec().into()),
        'l' if depth < 8 => HeaderValue::List(rest.split('|').map(|part| value(part, depth + 1)).collect()),
        't' if depth < 8 => HeaderValue::Table(Headers::new().with("inner", value(rest, depth + 1))),
        _ => HeaderValue::Text(text.to_owned()),
    }
}
