//! The error of every operation: what kind, what happened, with what, because of what.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The result of every operation of this framework; `fn main() -> eda::Result` is enough for a service.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Why an operation failed: a [kind](ErrorKind) that a program acts on, and a message that a person reads.
///
/// `Display` is one line without the cause; `Debug` is the report that `fn main() -> eda::Result` prints:
/// the message, the context, and the chain of causes, a line each.
///
/// ```
/// use eda_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Unavailable, "could not reach the broker").with("url", "amqp://localhost:5672");
/// assert_eq!(error.kind(), ErrorKind::Unavailable);
/// assert_eq!(error.to_string(), "could not reach the broker (url: amqp://localhost:5672)");
/// ```
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    context: Vec<(&'static str, String)>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What a caller may do about an [`Error`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The program or its configuration is wrong: change it.
    Invalid,
    /// The transport lacks an ability that the program asks for: ask for less, or take another transport.
    Unsupported,
    /// The broker could not be reached in time and took nothing over: try again later.
    Unavailable,
    /// The message was sent, but the broker's word did not come in time: it may or may not have been taken over.
    /// Send it again *with the same id*.
    Unconfirmed,
    /// The broker has no queue for the message, and unrouted messages are rejected.
    Unroutable,
    /// The broker refused the message until its time was over: a queue is full, or the broker is in trouble. Try again
    /// later, with the same id: other queues may have it.
    Rejected,
    /// The message is over the size limit: send less, or a reference.
    TooLarge,
    /// User name, password or a permission is wrong: ask whoever runs the broker.
    AccessRefused,
    /// Something that must exist at the broker does not: a virtual host, or a queue that is not ours to declare.
    NotFound,
    /// Something of that name exists at the broker, but with other properties.
    Conflict,
    /// An event could not be written as a body.
    Encode,
    /// The connection, publisher or subscription was closed by this program.
    Closed,
    /// The broker or its client did something that this framework does not expect: report it.
    Internal,
}

impl ErrorKind {
    /// The word for it in traces and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
            Self::Unconfirmed => "unconfirmed",
            Self::Unroutable => "unroutable",
            Self::Rejected => "rejected",
            Self::TooLarge => "too-large",
            Self::AccessRefused => "access-refused",
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::Encode => "encode",
            Self::Closed => "closed",
            Self::Internal => "internal",
        }
    }
}

impl Error {
    /// An error of a kind; the message is a lowercase fragment that says what was expected, what was found and what to do.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), context: Vec::new(), source: None }
    }

    /// Adds a fact that helps to find the cause; never a secret or a payload. One that it has already is not added again.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        let fact = (name, value.to_string());
        if !self.context.contains(&fact) {
            self.context.push(fact);
        }
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// A fact that was added: of an event that was not confirmed, `id`.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.context.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// What a caller may do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (index, (name, value)) in self.context.iter().enumerate() {
            write!(f, "{}{name}: {value}", if index == 0 { " (" } else { ", " })?;
        }
        f.write_str(if self.context.is_empty() { "" } else { ")" })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (name, value) in &self.context {
            write!(f, "\n  {name}: {value}")?;
        }
        texts(self).into_iter().skip(1).try_for_each(|cause| write!(f, "\n  because: {cause}"))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// The texts of an error and its causes, outermost first. Some errors say the text of their cause themselves, behind a colon
/// or as their own: it is not said twice.
pub(crate) fn texts(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        let is_said = |last: &String| *last == text || last.ends_with(&format!(": {text}"));
        if !texts.last().is_some_and(is_said) {
            texts.push(text);
        }
        cause = error.source();
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_not_said_twice() {
        let io = || std::io::Error::other("refused");
        let repeating = Error::new(ErrorKind::Unavailable, "IO error: refused").caused_by(io());
        assert_eq!(
            format!("{:?}", Error::new(ErrorKind::Unavailable, "away").caused_by(repeating)),
            "away\n  because: IO error: refused"
        );
        assert_eq!(texts(&Error::new(ErrorKind::Unavailable, "away").caused_by(io())), ["away", "refused"]);
        assert_eq!(texts(&Error::new(ErrorKind::Unavailable, "it was refused").caused_by(io())).len(), 2, "by chance");
        assert_eq!(texts(&Error::new(ErrorKind::Unavailable, "refused").caused_by(io())), ["refused"]);
    }
}
