//! Headers of a message: ordered pairs, with the value types that brokers know.

use bytes::Bytes;

/// The headers of a [`Message`](crate::Message), in the order in which they were added.
///
/// ```
/// use eda_core::{HeaderValue, Headers};
///
/// let headers = Headers::new().with("tenant", "acme").with("priority", 3);
/// assert_eq!(headers.text("tenant"), Some("acme"));
/// assert_eq!(headers.get("priority"), Some(&HeaderValue::Int(3)));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headers(Vec<(String, HeaderValue)>);

/// The value of a header. Foreign producers send every type that AMQP 0-9-1 (§4.2.1) has, so all are here.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderValue {
    /// Present, without a value.
    Null,
    /// True or false.
    Bool(bool),
    /// Any signed integer.
    Int(i64),
    /// An unsigned integer over the range of [`Int`](Self::Int).
    UInt(u64),
    /// Any floating-point number.
    Float(f64),
    /// A decimal number: `value` divided by ten to the power of `scale`.
    Decimal {
        /// The number of decimal digits.
        scale: u8,
        /// The digits.
        value: u32,
    },
    /// Text in UTF-8.
    Text(String),
    /// Bytes that are no text.
    Bytes(Bytes),
    /// Seconds since the Unix epoch.
    Timestamp(u64),
    /// Several values.
    List(Vec<HeaderValue>),
    /// Names and values.
    Table(Headers),
}

impl Headers {
    /// No headers.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets a header; an earlier one of the same name is replaced.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<HeaderValue>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(existing, _)| *existing == name) {
            Some((_, existing)) => *existing = value,
            None => self.0.push((name, value)),
        }
    }

    /// Sets a header and returns the headers.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<HeaderValue>) -> Self {
        self.insert(name, value);
        self
    }

    /// The value of a header.
    pub fn get(&self, name: &str) -> Option<&HeaderValue> {
        self.0.iter().find(|(existing, _)| existing == name).map(|(_, value)| value)
    }

    /// The value of a header that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(HeaderValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Takes a header out.
    pub fn remove(&mut self, name: &str) -> Option<HeaderValue> {
        let index = self.0.iter().position(|(existing, _)| existing == name)?;
        Some(self.0.remove(index).1)
    }

    /// All names and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many headers there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, V: Into<HeaderValue>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::new();
        for (name, value) in pairs {
            headers.insert(name, value);
        }
        headers
    }
}

impl From<&str> for HeaderValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for HeaderValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for HeaderValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for HeaderValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for HeaderValue {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for HeaderValue {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}
