//! The same with a framework in which `EDA_MUTANT` names a safeguard to leave out.

use std::process::ExitCode;

fn main() -> ExitCode {
    eda_chaos::main()
}
