//! Fuzz targets on stable Rust: what reads texts and bytes of strangers, under inputs that are made of committed ones.
//!
//! ```sh
//! cargo xtask fuzz --seconds 60                          # all targets, two at a time
//! cargo run -p eda-fuzz -- url --seconds 10 --seed 7     # one; the same seed tries the same inputs
//! cargo run -p eda-fuzz -- url --replay FILE             # one input
//! ```
//!
//! A target panics where something does not hold. What made it panic is written to a file; once mended, the file goes into
//! `fuzz/corpus`, which every `cargo test` tries. No input reaches the parsers of the client library: those are not ours.

mod mutate;
mod runner;
pub mod target;

pub use self::runner::{Failed, Fuzz, Report};
