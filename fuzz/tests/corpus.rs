//! Every committed input, on every change; and the runner finds what it should.

use std::time::Duration;

use eda_fuzz::{Fuzz, target};

#[test]
fn every_committed_input_is_taken_well() {
    for (name, target) in target::ALL {
        let corpus = Fuzz::corpus(name).expect("it is committed");
        let count = corpus.len();
        let report = Fuzz { target, corpus, time: Duration::ZERO, seed: 0 }.run();
        let report = report.unwrap_or_else(|failed| panic!("{name}: {failed:?}"));
        assert!(count >= 4 && report.inputs == count as u64, "{name}: {report:?}");
    }
}

#[test]
fn every_target_goes_on_with_inputs_of_its_own() {
    for (name, target) in target::ALL {
        let corpus = Fuzz::corpus(name).expect("it is committed");
        let count = corpus.len() as u64;
        let report = Fuzz { target, corpus, time: Duration::from_millis(200), seed: 7 }.run();
        let report = report.unwrap_or_else(|failed| panic!("{name}: {failed:?}"));
        assert!(report.inputs > count + 10, "{name}: {report:?}");
    }
}

/// Does not hold where a text has a wildcard behind a dot.
fn broken(input: &[u8]) {
    assert!(!input.windows(2).any(|pair| pair == b".*"), "found it");
}

#[test]
fn a_target_that_is_broken_is_found_and_found_again() {
    let corpus = Fuzz::corpus("routing_key").expect("it is committed");
    let corpus: Vec<_> = corpus.into_iter().filter(|input| !input.windows(2).any(|pair| pair == b".*")).collect();
    let fuzz = Fuzz { target: broken, corpus, time: Duration::from_secs(60), seed: 1 };
    let failed = fuzz.run().expect_err("it is broken");
    assert_eq!(failed.why, "found it");
    assert_eq!(fuzz.run(), Err(failed.clone()), "the same seed tries the same inputs");
    let alone = Fuzz { corpus: vec![failed.input.clone()], time: Duration::ZERO, ..fuzz };
    assert_eq!(alone.run(), Err(failed));
}
