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
    let mut failed = None;
    for message in emitted.0 {
        let name = message.name.clone().unwrap_or_default();
        match publish.hand_over(message).await {
            Ok(receipt) => receipts.push((name, receipt)),
            Err(error) => {
                failed = Some(error.with("event", name));
                break;
            }
        }
    }
    // all of them: who counts what was sent hears the broker's word on each
    for (name, receipt) in receipts {
        if let Err(error) = receipt.confirmed().await {
            failed.get_or_insert_with(|| error.with("event", name));
        }
    }
    failed.map_or(Ok(()), |error| Err(unpublished(error)))
}

fn unpublished(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::TooLarge | ErrorKind::Invalid | ErrorKind::Encode => Failure::permanent(error),
        _ => Failure::because(Reason::Unpublished, error),
    }
}
