//! The facade's tests: one binary, one line for each module.

#![cfg(all(feature = "macros", feature = "json"))]

/// For `crate = "…"`: the name that `tests/guest` gives to its dependency.
extern crate eda as framework;

/// What `connect` makes of a URL.
mod connect;
/// What the guides say beside their programs.
#[cfg(feature = "rabbit")]
mod guides;
/// What the macros promise: the compiler's words, hygiene, and that what they write can be pasted.
mod macros;
