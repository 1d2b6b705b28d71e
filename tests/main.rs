//! The facade's tests: one binary, one line for each module.

/// What the macros promise: the compiler's words, hygiene, and that what they write can be pasted.
mod macros;
