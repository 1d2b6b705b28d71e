//! Which faults come, and when.

use std::time::Duration;

use eda_rabbit::simulation::{Fault, Random, Way};

const QUEUES: [&str; 3] = ["billing.charge", "audit.record", "shipping.ship"];
const OTHERS: [&str; 4] =
    ["billing.charge.dead", "eda.wait.billing.200", "eda.wait.billing.500", "eda.wait.billing.2000"];
const EXCHANGES: [&str; 5] = ["eda.events", "eda.retry", "eda.dead", "eda.wait.billing.200", "eda.unrouted"];

/// The faults of one seed.
pub(crate) struct Faults {
    random: Random,
    /// Whether somebody deletes what services need: then the broker drops messages, and the ledger knows which.
    deletes: bool,
}

impl Faults {
    pub(crate) fn new(random: Random, deletes: bool) -> Self {
        Self { random, deletes }
    }

    pub(crate) fn next(&mut self) -> Fault {
        let random = &mut self.random;
        let short = Duration::from_millis(random.between(50, 3_000));
        let long = Duration::from_millis(random.between(1_000, 45_000));
        let kinds = if self.deletes { 23 } else { 18 };
        let queue = random.pick(&QUEUES).copied().unwrap_or_default().to_owned();
        match random.below(kinds) {
            0..4 => Fault::Reset,
            4 => Fault::Crash(short),
            5 => Fault::Away(if random.chance(20) { long } else { short }),
            6 => Fault::Silence(Way::Both, long),
            7 => Fault::Silence(Way::Up, long),
            8 => Fault::Silence(Way::Down, long),
            9 => Fault::Block(if random.chance(30) { long } else { short }),
            10 => Fault::CancelConsumers(queue),
            11 => Fault::ConsumerTimeout(queue),
            12 => Fault::CloseChannel,
            13 => Fault::LoseConfirms(short),
            14 => Fault::DelayConfirms(if random.chance(30) { long } else { short }),
            15 => Fault::Nack(short),
            16 => Fault::Slow(random.between(10, 500)),
            17 => Fault::Slow(0),
            18 => Fault::DeleteQueue(queue),
            19 => Fault::DeleteQueue(random.pick(&OTHERS).copied().unwrap_or_default().to_owned()),
            20 => Fault::DeleteExchange(random.pick(&EXCHANGES).copied().unwrap_or_default().to_owned()),
            21 => Fault::DeleteQueueSilently(queue),
            _ => Fault::Unbind(queue),
        }
    }

    /// How long until the next.
    pub(crate) fn rest(&mut self) -> Duration {
        Duration::from_millis(self.random.between(100, 6_000))
    }
}
