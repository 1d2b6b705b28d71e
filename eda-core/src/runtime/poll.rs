//! A handler's call under its limits: one that takes too long fails, and a poll that takes long is told of.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::task::coop::unconstrained;
use tokio::time::sleep;

use super::desk::UnderWay;
use crate::failure::Failure;
use crate::middleware::Emitted;
use crate::transport::Reason;

/// A poll that takes longer has kept everything else on its thread waiting: other handlers, timers, perhaps heartbeats.
const LONG: Duration = Duration::from_millis(100);
/// A handler is told of once in this time at most.
const QUIET: Duration = Duration::from_secs(60);

/// The result of a call. `blocked` hears of a poll that took long. A call that takes longer than `limit` has failed; the
/// time counts from when the handler first waits, for a timer is made then only: most handlers that are quick never do.
pub(super) async fn watched(
    mut call: UnderWay<'_>,
    limit: Duration,
    blocked: impl Fn(Duration),
) -> Result<Emitted, Failure> {
    let mut deadline = pin!(None);
    poll_fn(|context| {
        let (polled, took) = call.poll(context);
        if took > LONG {
            blocked(took);
        }
        if polled.is_ready() {
            return polled;
        }
        if deadline.is_none() {
            // a handler that uses up its turn each time is held to the limit, too
            deadline.set(Some(unconstrained(sleep(limit))));
        }
        let Some(deadline) = deadline.as_mut().as_pin_mut() else { return Poll::Pending };
        deadline.poll(context).map(|()| Err(timed_out(limit)))
    })
    .await
}

fn timed_out(limit: Duration) -> Failure {
    let text = format!("the handler took longer than its timeout of {}", humantime::format_duration(limit));
    Failure::because(Reason::TimedOut, text)
}

/// When each handler was last told of.
#[derive(Default)]
pub(super) struct Told(Mutex<HashMap<&'static str, Instant>>);

impl Told {
    /// Whether this handler is to be told of now.
    pub(super) fn is_due(&self, handler: &'static str) -> bool {
        let now = Instant::now();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.get(handler).is_none_or(|last| now.duration_since(*last) >= QUIET);
        if is_due {
            told.insert(handler, now);
        }
        is_due
    }
}
