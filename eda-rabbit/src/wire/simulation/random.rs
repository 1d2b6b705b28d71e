//! Randomness that follows a seed.

use std::cell::RefCell;

/// `SplitMix64`: a generator of our own, so that a seed means the same on every machine and with every version.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.number() % end }
    }

    /// A number from `low` up to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True so many times of a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of them; `None` where there is none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(from.len() as u64);
        usize::try_from(at).ok().and_then(|at| from.get(at))
    }

    /// Another generator, whose numbers have nothing to do with this one's.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.number())
    }

    /// From 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "any number between 0 and 1 will do")]
    pub(crate) fn unit(&mut self) -> f64 {
        self.number() as f64 / u64::MAX as f64
    }
}

thread_local! {
    static JITTER: RefCell<Option<Random>> = const { RefCell::new(None) };
}

/// From here on the jitter of this thread follows a seed.
pub(super) fn seed_jitter(random: Random) {
    JITTER.with_borrow_mut(|jitter| *jitter = Some(random));
}

/// The next jitter on a thread where it follows a seed.
pub(crate) fn jitter() -> Option<f64> {
    JITTER.with_borrow_mut(|jitter| jitter.as_mut().map(Random::unit))
}
