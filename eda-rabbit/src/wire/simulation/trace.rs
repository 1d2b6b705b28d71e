//! What happened, in order: always as a hash, and as text where somebody wants to read it.

use std::fmt::Write;
use std::time::Duration;

/// What happened on one run.
#[derive(Debug, Default)]
pub(super) struct Trace {
    hash: u64,
    lines: Option<String>,
}

impl Trace {
    pub(super) fn new(with_text: bool) -> Self {
        Self { hash: 0xCBF2_9CE4_8422_2325, lines: with_text.then(String::new) }
    }

    pub(super) fn note(&mut self, at: Duration, what: &str, numbers: [u64; 3], text: &str) {
        self.mix(&at.as_micros().to_le_bytes());
        self.mix(what.as_bytes());
        for number in numbers {
            self.mix(&number.to_le_bytes());
        }
        self.mix(text.as_bytes());
        if let Some(lines) = &mut self.lines {
            let [first, second, third] = numbers;
            // writing to a string does not fail
            let _ = writeln!(lines, "{:>12.3} {what:<16} {first:>4} {second:>3} {third:>6} {text}", at.as_secs_f64());
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn text(&self) -> &str {
        self.lines.as_deref().unwrap_or_default()
    }

    /// FNV-1a, over eight bytes at a time.
    fn mix(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.hash = (self.hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01B3);
            self.hash ^= self.hash >> 29;
        }
    }
}
