//! What happens to a message that no queue is bound for.

use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

/// What happens to a message that no queue is bound for. In URLs it is `unrouted=park` or `unrouted=reject`.
///
/// ```
/// use eda_core::transport::Unrouted;
///
/// assert_eq!("reject".parse::<Unrouted>()?, Unrouted::Reject);
/// # Ok::<_, eda_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unrouted {
    /// It is parked, [so many](super::limits::UNROUTED_LIMIT) at most, oldest dropped first, and the publisher is told that
    /// all is well. On RabbitMQ that is in the queue `eda.unrouted`.
    #[default]
    Park,
    /// The publisher gets [`Unroutable`](ErrorKind::Unroutable).
    Reject,
}

impl FromStr for Unrouted {
    type Err = Error;

    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for any other word.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "park" => Ok(Self::Park),
            "reject" => Ok(Self::Reject),
            _ => {
                let text = format!("expected `unrouted` to be `park` or `reject`, found `{text}`");
                Err(Error::new(ErrorKind::Invalid, text))
            }
        }
    }
}
