//! Seeds: each is a world of its own, with services, publishers and faults, on one thread and a paused clock.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod arguments;
mod faults;
mod guest;
mod ledger;
mod orders;
mod progress;
mod saved;
mod seed;
mod services;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use self::arguments::Arguments;

/// A third of a life is spent in the allocator: small pieces, made by one task and given back by another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match Arguments::parse(&words) {
        Ok(arguments) => {
            silence_panics();
            if progress::run(&arguments) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Handlers panic on purpose, thousands of times.
fn silence_panics() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.payload().downcast_ref::<String>().map(String::as_str));
        if text != Some(orders::PANIC) {
            tell(panic);
        }
    }));
}
