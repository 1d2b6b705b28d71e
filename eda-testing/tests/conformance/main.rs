//! The conformance suite on the memory transport, and on transports that are broken on purpose.

// how the suite reaches the memory transport
mod memory;
