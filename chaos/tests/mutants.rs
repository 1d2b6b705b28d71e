//! The checker must be able to fail: without any one of the framework's safeguards the run is red.
#![cfg(feature = "mutants")]

use std::process::Command;

#[test]
fn every_safeguard_is_missed() {
    let program = env!("CARGO_BIN_EXE_chaos-mutant");
    let output = Command::new(program).arg("mutants").output().expect("the program starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert_eq!(out.matches(" red: ").count(), 22, "eleven, each when it is over and at the end:\n{out}");
}
