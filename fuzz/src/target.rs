//! What must hold for every input.

mod envelope;
mod headers;
mod routing_key;
mod url;

use std::borrow::Cow;

pub use self::envelope::envelope;
pub use self::headers::headers;
pub use self::routing_key::routing_key;
pub use self::url::url;

/// A target.
pub type Target = fn(&[u8]);

/// All of them, by the names of their folders in `fuzz/corpus`.
pub const ALL: [(&str, Target); 4] =
    [("envelope", envelope), ("headers", headers), ("url", url), ("routing_key", routing_key)];

/// An input as texts, divided by what no text of ours holds.
fn texts(input: &[u8]) -> Vec<Cow<'_, str>> {
    input.split(|byte| *byte == 0x1e).map(String::from_utf8_lossy).collect()
}
