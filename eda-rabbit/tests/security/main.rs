//! What a service's user may do, and that nobody else learns of its secrets: on a private node.

// exactly these rights, and no others
mod permissions;
// the node, and a whole life of an event
mod support;
// encrypted and verified, or not at all
#[cfg(feature = "tls")]
mod tls;
