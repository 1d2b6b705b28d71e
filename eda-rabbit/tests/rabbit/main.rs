//! The RabbitMQ transport against a real broker.

// fresh names, an app on the broker, a foreign client beside it
mod support;
// publish, receive, settle
mod deliver;
// retries and dead letters: what is kept, what comes back, and when
mod fail;
// events that nobody subscribes to
mod unrouted;
// queues of others, messages of others
mod foreign;
// errors at the door, and other arguments
mod refuse;
// drain and close
mod close;
