//! The events of a run.

use eda::prelude::*;
use sha2::{Digest, Sha256};

use crate::ledger::Kind;

/// What publishers note and consumers take.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "chaos.noted")]
pub(super) struct Noted {
    pub(super) key: u32,
    pub(super) seq: u64,
    pub(super) what: What,
    pub(super) filler: String,
}

/// What a handler is to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum What {
    /// Take it.
    Take,
    /// Take it after a while.
    TakeSlowly,
    /// Fail at the first attempt.
    FailOnce,
    /// Fail for good.
    Refuse,
    /// Panic at the first attempt.
    PanicOnce,
}

/// What follows of some of them: a handler returns it, and another one takes it.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "chaos.passed")]
pub(super) struct Passed {
    /// The id of what was noted, in hexadecimal.
    pub(super) of: String,
    /// What was noted with it.
    pub(super) hash: u64,
}

/// An event of the same name, which no handler can read.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "chaos.noted")]
pub(super) struct Garbled {
    pub(super) seq: String,
}

/// An event that nobody is bound for.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(name = "chaos.shouted")]
pub(super) struct Shouted {
    pub(super) seq: u64,
}

impl Noted {
    /// The event of this number: what it is follows from the number alone.
    pub(super) fn number(seq: u64, key: u32) -> Self {
        let what = match seq % 200 {
            7 => What::Refuse,
            23 | 83 | 143 => What::FailOnce,
            183 => What::PanicOnce,
            _ if seq % 50 == 11 => What::TakeSlowly,
            _ => What::Take,
        };
        let length = usize::try_from(seq % 1_500).unwrap_or_default();
        Self { key, seq, what, filler: "x".repeat(length) }
    }

    pub(super) fn kind(&self) -> Kind {
        match self.what {
            What::Take | What::TakeSlowly => Kind::Good,
            What::FailOnce | What::PanicOnce => Kind::Flaky,
            What::Refuse => Kind::Poison,
        }
    }

    pub(super) fn hash(&self) -> u64 {
        sum(&format!("{} {} {:?} {}", self.key, self.seq, self.what, self.filler))
    }
}

impl Passed {
    /// Zero where it says none.
    pub(super) fn number(&self) -> u128 {
        u128::from_str_radix(&self.of, 16).unwrap_or_default()
    }
}

impl Garbled {
    pub(super) fn hash(&self) -> u64 {
        sum(&self.seq)
    }
}

/// What a body is of, where it says so, and what it holds, as its publisher has told it; zero where it is none of ours.
pub(crate) fn recognized(body: &[u8]) -> (Option<u128>, u64) {
    if let Ok(passed) = serde_json::from_slice::<Passed>(body) {
        return (Some(passed.number()), passed.hash);
    }
    let noted = serde_json::from_slice(body).map(|noted: Noted| noted.hash());
    let hash = noted.or_else(|_| serde_json::from_slice(body).map(|garbled: Garbled| garbled.hash()));
    (None, hash.unwrap_or_default())
}

/// The first eight bytes of the SHA-256.
fn sum(text: &str) -> u64 {
    Sha256::digest(text).iter().take(8).fold(0, |all, byte| (all << 8) | u64::from(*byte))
}
