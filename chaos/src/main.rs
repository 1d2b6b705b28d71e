//! The control of a run and its processes, with the framework as users have it.

use std::process::ExitCode;

fn main() -> ExitCode {
    eda_chaos::main()
}
