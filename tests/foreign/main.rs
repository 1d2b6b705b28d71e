//! Producers and consumers that know nothing of this framework: Python programs with pika, as people write them.

#![expect(clippy::unused_async, reason = "a handler is an async function, whether it waits or not")]

mod queue_of_others;
mod exchange;
mod broken;
mod properties;
mod guide;
mod support;
