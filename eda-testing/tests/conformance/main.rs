//! The conformance suite on transports that need no broker, and on transports that are broken on purpose.

// the memory transport
mod memory;
// what a setup leaves out
mod gaps;
// memory beyond a network that comes and goes, and the ways in which it can be broken
mod simulated;
// every case on the simulated broker, and what each fault breaks
mod broken;
// the table in docs/conformance.md
mod table;
