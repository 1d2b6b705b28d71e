//! Routing keys and partition keys, made of an event's fields.

use std::borrow::Cow;
use std::fmt::{self, Display, Write};

/// A routing key or a partition key.
pub type Key<'a> = Cow<'a, str>;

/// The partition key of an event that may have none.
pub type OptionalKey<'a> = Option<Key<'a>>;

/// A field that can be in a key: text, a number, an id, and whatever else implements [`Display`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be in a key",
    label = "a key is made of text, numbers and ids: of what implements `Display`"
)]
pub trait KeyPart: Display {}

#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> KeyPart for T {}

/// Fills a template's gaps with fields: `parts` stands around them, one more than there are fields.
///
/// A field's text can't add a segment or a wildcard: what is no ASCII letter, digit, `_` or `-` is percent-encoded, and
/// an empty text becomes `%`. So the key always matches the event's [`BINDING`](crate::Event::BINDING).
///
/// ```
/// use eda_core::event::routing_key;
///
/// assert_eq!(routing_key(&["order.", ".created"], &[&"eu"]), "order.eu.created");
/// assert_eq!(routing_key(&["order.", ".created"], &[&"a.b#"]), "order.a%2Eb%23.created");
/// ```
pub fn routing_key(parts: &[&str], fields: &[&dyn KeyPart]) -> Key<'static> {
    let mut key = String::with_capacity(64);
    for (index, part) in parts.iter().enumerate() {
        key.push_str(part);
        if let Some(field) = fields.get(index) {
            push_segment(&mut key, field);
        }
    }
    Cow::Owned(key)
}

/// The partition key of a field.
pub fn partition_key(field: &(impl KeyPart + ?Sized)) -> OptionalKey<'static> {
    Some(Cow::Owned(field.to_string()))
}

fn push_segment(key: &mut String, field: &dyn KeyPart) {
    let start = key.len();
    // writing into a `String` fails only where the field's own `Display` does: what it wrote before stands
    let _ = write!(Segment(key), "{field}");
    if key.len() == start {
        key.push('%');
    }
}

struct Segment<'a>(&'a mut String);

impl Write for Segment<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => self.0.push(byte.into()),
                _ => write!(self.0, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}
