//! The driver: a private broker, both programs in turn, and a table.

use std::process::ExitCode;

fn main() -> ExitCode {
    eda_bench::driver::main()
}
