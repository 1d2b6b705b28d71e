//! The guide shows these files, word for word and whole.

use std::fs;
use std::path::Path;

const GUIDE: &str = include_str!("../../../docs/guides/writing-a-transport.md");
/// The guide says only what a reader would write, too.
const OUR_OWN: &str = "guide.rs";

#[test]
fn the_guide_shows_every_line_and_no_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/directory");
    let mut blocks: Vec<_> = GUIDE.split("```rust\n").skip(1).map(|rest| rest.split("```").next()).collect();
    for file in fs::read_dir(folder).expect("the folder is there") {
        let path = file.expect("it can be read").path();
        if path.ends_with(OUR_OWN) {
            continue;
        }
        let mut rest = fs::read_to_string(&path).expect("it can be read").replace("mod guide;\n", "");
        blocks.retain(|block| {
            let block = block.expect("a block has an end");
            let found = rest.contains(block);
            if found {
                rest = rest.replacen(block, "", 1);
            }
            !found
        });
        assert_eq!(rest.trim(), "", "{} has lines that the guide does not show", path.display());
    }
    assert_eq!(blocks, [], "the guide shows lines that are in no file");
}
