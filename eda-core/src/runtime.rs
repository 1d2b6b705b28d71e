//! Runs an app: the only place of this package that spawns tasks.
//!
//! One path for every delivery: receive → identify → decode → extract → call → publish what it returned → settle.

mod identify;
mod complete;
mod desk;
mod failed;
mod poll;
mod process;
mod line;
mod schedule;
mod consume;
mod signal;
mod table;
mod start;
mod running;
mod rehearsal;

pub use self::rehearsal::Rehearsal;
pub use self::running::Running;
