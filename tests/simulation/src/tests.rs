//! The program itself: seeds that are repeated, and what it is asked for.

use super::*;

#[test]
fn a_seed_is_a_whole_life() {
    silence_panics();
    for seed in 0..3 {
        let report = seed::run(seed, 300, false);
        let summary = report.outcome.expect("nothing is lost");
        assert_eq!(summary.confirmed, 300);
        assert!(report.tally.faults >= 20);
    }
}

#[cfg(tokio_unstable)]
#[test]
fn the_same_seed_twice_is_the_same_trace() {
    silence_panics();
    for seed in 0..20 {
        let (first, second) = (seed::run(seed, 300, true), seed::run(seed, 300, true));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.hash, second.hash, "seed {seed}");
    }
    assert_ne!(seed::run(1, 300, false).hash, seed::run(2, 300, false).hash);
}

#[test]
fn options_are_read() {
    let read = |words: &str| Arguments::parse(&words.split_whitespace().map(String::from).collect::<Vec<_>>());
    assert_eq!(read(""), Ok(Arguments::default()));
    let expected = Arguments { seeds: 1, first: 7, events: 50, trace: true };
    assert_eq!(read("--seeds 1 --first 7 --events 50 --trace"), Ok(expected));
    assert!(read("--seeds").is_err() && read("--more").is_err());
}
