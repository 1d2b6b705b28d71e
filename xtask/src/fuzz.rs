//! `cargo xtask fuzz`: all fuzz targets, two at a time.

use std::sync::Mutex;
use std::thread::scope;

use crate::step::run as program;

/// How long each target is tried by `cargo xtask test`, in seconds.
pub(crate) const SECONDS: &str = "60";
const TARGETS: [&str; 4] = ["envelope", "headers", "url", "routing_key"];

/// `[--seconds N]`.
pub(crate) fn command(options: &[&str]) -> Result<(), String> {
    match options {
        [] => run(SECONDS),
        ["--seconds", seconds] if seconds.parse::<u32>().is_ok() => run(seconds),
        _ => Err("expected `cargo xtask fuzz`, or `cargo xtask fuzz --seconds 60`".to_owned()),
    }
}

/// Each target for so many seconds.
pub(crate) fn run(seconds: &str) -> Result<(), String> {
    program(&crate::cargo(), &["build", "--quiet", "--locked", "-p", "eda-fuzz"], &[])?;
    let waiting = Mutex::new(TARGETS.to_vec());
    let next = || waiting.lock().ok()?.pop();
    let work = || -> Result<(), String> {
        while let Some(target) = next() {
            let arguments = ["run", "--quiet", "--locked", "-p", "eda-fuzz", "--", target, "--seconds", seconds];
            program(&crate::cargo(), &arguments, &[])?;
        }
        Ok(())
    };
    scope(|scope| {
        let other = scope.spawn(work);
        let one = work();
        one.and(other.join().unwrap_or_else(|_| Err("a thread panicked".to_owned())))
    })
}
