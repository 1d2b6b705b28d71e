//! What is told twice, and what is renamed.

#[cfg(target_os = "linux")]
mod renamed;

use super::*;

#[test]
fn lines_that_were_sent_twice_are_told_once() {
    let entry = |id: &str| {
        let line = format!(
            r#"{{"journal":1,"time":"2026-01-31T12:00:00Z","kind":"published","id":"{id}","outcome":"confirmed"}}"#
        );
        Entry::parse(line.as_bytes()).expect("it is a line")
    };
    let mut entries = ["a", "b", "a", "b"].map(entry).to_vec();
    keep_first(&mut entries);
    let ids: Vec<_> = entries.iter().filter_map(|entry| entry.id.as_deref()).collect();
    assert_eq!(ids, ["a", "b"]);
}

#[test]
fn dropped_lines_that_were_told_twice_are_counted_once() {
    let dropped = |second: u32, count: u32| {
        let head = format!(r#""journal":1,"time":"2026-01-31T12:00:0{second}Z","kind":"dropped""#);
        format!("{{{head},\"outcome\":\"dropped\",\"count\":{count}}}\n")
    };
    let journal = [dropped(0, 10), dropped(0, 10), dropped(0, 5), dropped(1, 10)].concat();
    let mut found = Found::default();
    found.lines(Reader::new(journal.as_bytes()), "a.journal", "7").expect("it is in memory");
    assert_eq!((found.missing(), found.lines), (25, 4));
}
