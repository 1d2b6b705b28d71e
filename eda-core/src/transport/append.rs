//! The journal that a broker keeps for all services.

use async_trait::async_trait;

use crate::error::Result;

/// Takes lines of the journal that a broker keeps for all services. It is bounded: the oldest lines go when it is full.
#[async_trait]
pub trait Append: Send + Sync {
    /// Appends whole lines; resolves when the broker has taken responsibility for them. It never holds up what is published
    /// otherwise.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) where the broker did not answer in time, which is bounded;
    /// [`AccessRefused`](crate::ErrorKind::AccessRefused); [`Closed`](crate::ErrorKind::Closed) after the transport's end.
    ///
    /// # Cancel safety
    /// Cancelled, or after an error, the lines may or may not have been appended.
    async fn append(&self, lines: &[u8]) -> Result<()>;
}
