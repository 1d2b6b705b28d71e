//! Each poll of a handler: a panic becomes a failed attempt, and one that takes long is told of.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::middleware::Emitted;
use crate::transport::Reason;

/// A poll that takes longer has kept everything else on its thread waiting: other handlers, timers, perhaps heartbeats.
const LONG: Duration = Duration::from_millis(100);
/// A handler is told of once in this time at most.
const QUIET: Duration = Duration::from_secs(60);

/// The result of a call; a panic of the handler is a failure, and the worker lives on. `blocked` hears of a poll that took
/// long. The clock is the machine's: what blocks a thread stops the runtime's.
pub(super) async fn watched(
    call: impl Future<Output = Result<Emitted, Failure>>,
    blocked: impl Fn(Duration),
) -> Result<Emitted, Failure> {
    let mut call = pin!(call);
    std::future::poll_fn(move |context| {
        let began = Instant::now();
        let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)))
            .unwrap_or_else(|panic| Poll::Ready(Err(Failure::because(Reason::Panicked, panic_text(&*panic)))));
        let took = began.elapsed();
        if took > LONG {
            blocked(took);
        }
        polled
    })
    .await
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

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the handler panicked: {}", text.unwrap_or("with no text"))
}
