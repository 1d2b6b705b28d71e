//! The runtime through its public interface, on the memory transport, with a paused clock.

// what all tests use: events, an app that is started, waiting for a condition
mod support;
// identify, decode, extract: what reaches which handler, and what becomes a dead letter at once
mod delivery;
// by what an event is known, and what its effects inherit
mod identity;
// returned events, publishers, ids
mod emit;
// many events at once
mod bulk;
// what is handled while events of others are not confirmed
mod ahead;
// retries, backoff, timeouts, panics
mod retry;
// what is told of a failure, and what is not
mod redact;
// what a tool is told before anything is sent again
mod rehearsal;
// what starting refuses, all at once
mod startup;
// drain, health, the end of a subscription
mod shutdown;
// what the end of a broker waits for
mod close;
// layers around the call
mod middleware;
// deliveries whose connection was lost
mod stale;
// handlers that block the thread that they run on
mod blocked;
// how many deliveries are handled at once
mod concurrency;
