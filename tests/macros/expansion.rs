//! `docs/expansion.md` shows what is written for the main example.

use std::fs;
use std::path::Path;

#[test]
fn docs_show_what_is_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_to_string(root.join("docs/expansion.md")).unwrap();
    for name in ["order_created", "charge", "card_error", "billing"] {
        let recorded =
            fs::read_to_string(root.join("eda-macros/tests/snapshots").join(name).with_extension("rs")).unwrap();
        assert!(docs.contains(&recorded), "docs/expansion.md does not show:\n{recorded}");
    }
}

#[test]
fn the_readme_shows_the_same_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let [docs, readme] = ["docs/expansion.md", "README.md"].map(|file| fs::read_to_string(root.join(file)).unwrap());
    let handler = "#[handler(retries = 5, backoff = \"200ms..30s\")]\npub async fn charge(";
    assert!(docs.contains(handler) && readme.contains(handler));
}
