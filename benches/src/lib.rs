//! What the framework costs beside a lapin program that is tuned by hand, in one run on one machine.
//!
//! `bench` starts a private broker and runs two programs in turn, each round a process of its own: `bench-framework`, a
//! service with the defaults on, and `bench-baseline`, the same work on lapin alone. Both put the same bytes on the wire.

pub mod driver;
pub mod event;
pub mod meter;
pub mod progress;
pub mod task;

/// Prints a line that the driver reads.
#[expect(clippy::print_stdout, reason = "programs for the terminal")]
pub fn say(line: &str) {
    println!("{line}");
}

/// Tells a person what went wrong.
#[expect(clippy::print_stderr, reason = "programs for the terminal")]
pub fn complain(line: &str) {
    eprintln!("{line}");
}
