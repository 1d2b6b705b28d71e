//! A broker beyond a network, within the process: memory, behind a link that is cut and taken away. With a [`Fault`] it
//! breaks a promise.

// the ways to break it
mod fault;
// the link and the setup
mod link;
// the transport
mod transport;
// sends, and hears of it a moment later
mod publisher;
// consumes, over every loss of the link
mod consumer;
// settles
mod settler;

pub(crate) use self::fault::Fault;
pub(crate) use self::link::Simulated;
