//! What stands between a handler's success and the settlement: the events that it returned.
//!
//! This is the one step that an outbox replaces: there, the events and the mark that the delivery was seen are written
//! in the handler's own transaction, and a relay publishes them.

use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::middleware::Emitted;
use crate::transport::{Publish, Reason};

/// Publishes what a handler returned, in order, and waits until the broker has confirmed all of it.
///
/// # Errors
/// A transient failure: another attempt publishes the same ids again. A permanent one where no attempt can succeed.
pub(super) async fn complete(emitted: Emitted, publish: &dyn Publish) -> Result<(), Failure> {
    let mut receipts = Vec::with_capacity(emitted.0.len());
    for message in emitted.0 {
        let name = message.name.clone().unwrap_or_default();
        let receipt = publish.send(message).await.map_err(|error| unpublished(error.with("event", &name)))?;
        receipts.push((name, receipt));
    }
    for (name, receipt) in receipts {
        receipt.confirmed().await.map_err(|error| unpublished(error.with("event", name)))?;
    }
    Ok(())
}

fn unpublished(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::TooLarge | ErrorKind::Invalid | ErrorKind::Encode => Failure::permanent(error),
        _ => Failure::because(Reason::Unpublished, error),
    }
}
