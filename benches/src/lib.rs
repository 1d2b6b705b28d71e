//! What the framework costs beside a lapin program that is tuned by hand, in one run on one machine.
//!
//! `bench` starts a private broker and runs two programs in turn, each round a process of its own: `bench-framework`, a
//! service with the defaults on, and `bench-baseline`, the same work on lapin alone. Both put the same bytes on the wire.

pub mod driver;
pub mod event;
pub mod meter;
pub mod progress;
pub mod task;

/// The end of a program that is measured: its sample, or what went wrong. It runs in a task, as the requests of a server are: the
/// thread of `main` is none of the runtime's, and each wake goes over a border.
pub async fn end(running: tokio::task::JoinHandle<Result<String, String>>) -> std::process::ExitCode {
    match running.await.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(line) => {
            say(&line);
            std::process::ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&error);
            std::process::ExitCode::FAILURE
        }
    }
}

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
