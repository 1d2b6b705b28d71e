//! The table of the documentation tells for each case whether a transport keeps it, or why it is skipped.

use eda_testing::conformance::{Options, Setup, cases};

const DOCUMENT: &str = include_str!("../../../docs/conformance.md");

/// Fails unless the transport's column holds what is so.
pub(crate) async fn check(transport: &str, setup: &dyn Setup) {
    let capabilities = setup.connect(&Options::default()).await.expect("the broker answers").capabilities();
    let mut header = Vec::new();
    let mut found = Vec::new();
    for line in DOCUMENT.lines() {
        if !line.starts_with('|') {
            header.clear();
            continue;
        }
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        if cells.contains(&"case") {
            header = cells;
        } else if let (Some(at), Some(case)) =
            (header.iter().position(|name| *name == transport), cells.iter().find(|cell| cell.starts_with('`')))
        {
            found.push(format!("{case}: {}", cells.get(at).unwrap_or(&"")));
        }
    }
    let row = |case: &eda_testing::conformance::Case| match case.gap(setup, capabilities) {
        None => format!("`{case}`: kept"),
        Some(why) => format!("`{case}`: {why}"),
    };
    let expected: Vec<_> = cases().iter().map(row).collect();
    assert_eq!(found, expected, "the column `{transport}` of docs/conformance.md");
}
