//! The RabbitMQ transport against a real broker: what the conformance suite can't say, since it is RabbitMQ's own.

// fresh names, an app on the broker, a foreign client beside it
mod support;
// with the rights of a service, and no others
#[path = "../security/user.rs"]
mod user;
// what RabbitMQ counts, and what somebody deletes
mod deliver;
// retries and dead letters: what is kept, what comes back, and when
mod fail;
// what operators look at and remove
mod keep;
// queues of others, messages of others
mod foreign;
// errors at the door, and other arguments
mod refuse;
// drain and close
mod close;
