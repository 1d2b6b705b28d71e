//! The events of the benches: 250 bytes of JSON each.

use eda::prelude::*;

/// The bytes of each body.
pub const BODY_BYTES: usize = 250;
/// The source that both programs publish as.
pub const SOURCE: &str = "bench";
/// Makes all numbers equally long.
const FIRST: u64 = 1_000_000_000_000_000;

/// What most works publish and consume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Event)]
#[event(name = "bench.order.placed")]
pub struct OrderPlaced {
    /// The place of the event in its run, or the nanosecond in which it was published.
    pub order_id: u64,
    /// Cents.
    pub amount: u64,
    /// Makes the body as long as it should be.
    pub note: String,
}

/// What the handler of the chain returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Event)]
#[event(name = "bench.order.paid")]
pub struct OrderPaid {
    /// As the order's.
    pub order_id: u64,
    /// Cents.
    pub amount: u64,
    /// As the order's.
    pub note: String,
}

impl OrderPlaced {
    /// The event of this number.
    pub fn new(number: u64) -> Self {
        Self { order_id: FIRST + number, amount: 4_200, note: note() }
    }

    /// What it was made of.
    pub fn number(&self) -> u64 {
        self.order_id - FIRST
    }

    /// What follows when it is paid.
    pub fn paid(self) -> OrderPaid {
        OrderPaid { order_id: self.order_id, amount: self.amount, note: self.note }
    }
}

fn note() -> String {
    const REST: usize = BODY_BYTES - r#"{"order_id":1000000000000000,"amount":4200,"note":""}"#.len();
    "n".repeat(REST)
}

/// Sixteen kinds of events, each with a body as [`OrderPlaced`] has it.
pub mod mixed {
    use eda::prelude::*;

    macro_rules! kinds {
        ($($kind:ident $name:literal)+) => {
            /// Their names.
            pub const NAMES: &[&str] = &[$($name),+];

            $(
                /// One of the sixteen.
                #[derive(Clone, Debug, Serialize, Deserialize, Event)]
                #[event(name = $name)]
                pub struct $kind {
                    /// The place of the event in its run.
                    pub order_id: u64,
                    /// Cents.
                    pub amount: u64,
                    /// Makes the body as long as it should be.
                    pub note: String,
                }
            )+
        };
    }

    kinds! {
        Mixed00 "bench.mixed.00"
        Mixed01 "bench.mixed.01"
        Mixed02 "bench.mixed.02"
        Mixed03 "bench.mixed.03"
        Mixed04 "bench.mixed.04"
        Mixed05 "bench.mixed.05"
        Mixed06 "bench.mixed.06"
        Mixed07 "bench.mixed.07"
        Mixed08 "bench.mixed.08"
        Mixed09 "bench.mixed.09"
        Mixed10 "bench.mixed.10"
        Mixed11 "bench.mixed.11"
        Mixed12 "bench.mixed.12"
        Mixed13 "bench.mixed.13"
        Mixed14 "bench.mixed.14"
        Mixed15 "bench.mixed.15"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_250_bytes() {
        for number in [0, 49_999, 3_600_000_000_000] {
            let event = OrderPlaced::new(number);
            assert_eq!(event.encode().expect("it is JSON").len(), BODY_BYTES);
            assert_eq!(event.number(), number);
        }
    }
}
