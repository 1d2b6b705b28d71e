//! How long to wait before connecting again: full jitter, so that many clients do not come at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(5);

/// Waits of a random part of 100 ms, 200 ms, … up to 5 s, without an end.
pub(crate) struct Backoff {
    tries: u32,
    since: Option<Instant>,
    random: Box<dyn FnMut() -> f64 + Send>,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self::with_random(random)
    }

    /// `random` gives numbers from 0 to 1.
    pub(crate) fn with_random(random: impl FnMut() -> f64 + Send + 'static) -> Self {
        Self { tries: 0, since: None, random: Box::new(random) }
    }

    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    pub(crate) fn next(&mut self) -> Duration {
        let ceiling = FIRST.saturating_mul(1 << self.tries.min(16)).min(LAST);
        self.tries = self.tries.saturating_add(1);
        self.since.get_or_insert_with(Instant::now);
        ceiling.mul_f64((self.random)().clamp(0.0, 1.0))
    }

    /// Whether the first wait was not so long ago; always where there is no limit.
    pub(crate) fn is_within(&self, limit: Option<Duration>) -> bool {
        self.since.zip(limit).is_none_or(|(since, limit)| since.elapsed() < limit)
    }

    pub(crate) fn reset(&mut self) {
        (self.tries, self.since) = (0, None);
    }
}

/// The standard library seeds every hasher with fresh randomness; spreading clients needs no more.
#[expect(clippy::cast_precision_loss, reason = "any number between 0 and 1 will do")]
fn random() -> f64 {
    #[cfg(feature = "__simulation")]
    if let Some(jitter) = crate::wire::simulation::jitter() {
        return jitter;
    }
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_seconds_for_ever() {
        let mut backoff = Backoff::with_random(|| 1.0);
        let waits: Vec<_> = (0..8).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        for _ in 0..1_000 {
            backoff.next();
        }
        assert_eq!(backoff.next(), LAST);
        backoff.reset();
        assert_eq!(backoff.next(), FIRST);
    }

    #[test]
    fn jitter_is_full() {
        let mut backoff = Backoff::new();
        let waits: Vec<_> = (0..1_000).map(|_| backoff.next()).skip(10).collect();
        assert!(waits.iter().all(|wait| *wait <= LAST));
        let within =
            |low: u32, high: u32| waits.iter().any(|wait| *wait >= LAST / 10 * low && *wait < LAST / 10 * high);
        assert!((0..10).all(|tenth| within(tenth, tenth + 1)), "{waits:?}");
    }
    /// Clients of a broker that was away for ten seconds, each with its own randomness from one seed.
    #[test]
    fn two_hundred_clients_come_back_spread_out() {
        const AWAY: Duration = Duration::from_secs(10);
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut come = [0; 10];
        for _ in 0..200 {
            // SplitMix64 makes a seed for each, xorshift its numbers
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut seed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1;
            let mut backoff = Backoff::with_random(move || {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                f64::from(u32::try_from(seed >> 32).unwrap_or_default()) / f64::from(u32::MAX)
            });
            let mut at = Duration::ZERO;
            while at < AWAY {
                at += backoff.next();
            }
            let half_seconds = at.saturating_sub(AWAY).as_millis() / 500;
            come[usize::try_from(half_seconds).unwrap_or_default().min(9)] += 1;
        }
        let (peak, mean) = (come.into_iter().max().unwrap_or_default(), 200 / come.len());
        assert!(peak <= 3 * mean, "{come:?}");
        assert_eq!(come.into_iter().sum::<usize>(), 200);
    }
}
