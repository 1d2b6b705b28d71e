//! What the macros promise.

/// Handlers and events behave as written.
mod behaviour;
/// `docs/expansion.md` shows what is written.
mod expansion;
/// Names that mean something else in the user's code; the same file is compiled in edition 2021 by `tests/guest`.
#[allow(unreachable_pub, dead_code, reason = "a library in `tests/guest`")]
#[path = "../guest/src/hostile.rs"]
mod hostile;
/// What is written can be pasted.
mod pasted;
