//! What a service's user may do, and that nobody else learns of its secrets: on a private node.

// a network that comes and goes
#[path = "../faults/proxy.rs"]
mod proxy;
// messages of somebody who means us harm
mod hostile;
// exactly these rights, and no others
mod permissions;
// the node, and a whole life of an event
mod support;
// the password, in whatever form
mod secrets;
// encrypted and verified, or not at all
#[cfg(feature = "tls")]
mod tls;
// what a URL can say
mod urls;
