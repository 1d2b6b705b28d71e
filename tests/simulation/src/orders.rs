//! The events, and what each of them does to its handlers: all of it follows from the seed and the order's number.

use eda_core::{Event, event, json};
use eda_rabbit::simulation::Random;
use serde::{Deserialize, Serialize};

/// What handlers panic with.
pub(crate) const PANIC: &str = "a handler panics, as it was told";

/// What an order does to the handler that charges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Good,
    /// Fails so many times, then works.
    Fails(u32),
    /// Panics once, then works.
    Panics,
    /// Fails at every attempt.
    Poison,
    /// Fails for good at the first.
    Invalid,
}

impl Fate {
    pub(crate) fn is_poison(self) -> bool {
        matches!(self, Self::Poison | Self::Invalid)
    }
}

/// What follows from an order's number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) fate: Fate,
    pub(crate) is_paid: bool,
    /// How long the handler takes, in milliseconds.
    pub(crate) takes: u64,
    /// What the order is worth: only the right one is believed.
    pub(crate) check: u64,
}

impl Plan {
    pub(crate) fn of(seed: u64, order: u64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ order);
        let fate = match random.below(100) {
            0..80 => Fate::Good,
            80..90 => Fate::Fails(1 + u32::from(random.chance(30))),
            90..93 => Fate::Panics,
            93..96 => Fate::Poison,
            _ => Fate::Invalid,
        };
        let takes = match random.below(200) {
            0 => random.between(1_000, 8_000),
            1..40 => random.between(5, 200),
            _ => 0,
        };
        Self { fate, is_paid: random.chance(40), takes, check: random.number() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) order: u64,
    pub(crate) check: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Paid {
    pub(crate) order: u64,
    pub(crate) check: u64,
    pub(crate) parcels: u32,
}

impl Event for Order {
    const NAME: &'static str = "order.created";

    fn encode(&self) -> event::Encoded {
        json::encode(self)
    }

    fn decode(body: &[u8]) -> event::Decoded<Self> {
        json::decode(body)
    }
}

/// An event that nobody handles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stray {
    pub(crate) number: u64,
}

impl Event for Stray {
    const NAME: &'static str = "stray.seen";

    fn encode(&self) -> event::Encoded {
        json::encode(self)
    }

    fn decode(body: &[u8]) -> event::Decoded<Self> {
        json::decode(body)
    }
}

impl Event for Paid {
    const NAME: &'static str = "order.paid";

    fn encode(&self) -> event::Encoded {
        json::encode(self)
    }

    fn decode(body: &[u8]) -> event::Decoded<Self> {
        json::decode(body)
    }
}
