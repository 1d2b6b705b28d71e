//! What comes for a consumer, as much at a time as there is.

use std::future::poll_fn;
use std::task::Poll;

use eda_core::{Error, Result};

use crate::wire::{Arrivals, Arrived};

/// How many deliveries are handed on at once.
const BURST: usize = 64;

/// All that is there, one at least; or also that nothing comes any more, and why.
pub(super) async fn next_burst(arrivals: &mut dyn Arrivals, burst: &mut Vec<Arrived>) -> Option<Option<Error>> {
    poll_fn(|context| {
        while burst.len() < BURST {
            match arrivals.poll_next(context) {
                Poll::Ready(Some(Ok(arrived))) => burst.push(arrived),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Some(error))),
                Poll::Ready(None) => return Poll::Ready(Some(None)),
                Poll::Pending if burst.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(None)
    })
    .await
}

/// `None` is the end.
pub(super) async fn next(arrivals: &mut dyn Arrivals) -> Option<Result<Arrived>> {
    poll_fn(|context| arrivals.poll_next(context)).await
}
