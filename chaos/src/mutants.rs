//! Safeguards of the framework, and the run that is red without each.

/// A safeguard that `EDA_MUTANT` leaves out, the faults under which that shows, and as what.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// What it is called.
    pub safeguard: &'static str,
    /// The kinds of faults, as `--faults` takes them.
    pub faults: &'static str,
    /// The sum that is off, as [`Report::off`](crate::Report::off) names it.
    pub shows_as: &'static str,
}

/// One for each safeguard.
pub const ALL: &[Mutant] = &[
    Mutant { safeguard: "handle-before-ack", faults: "consumer-kill", shows_as: "lost" },
    Mutant { safeguard: "confirms", faults: "reset,refused", shows_as: "lost" },
    Mutant { safeguard: "returns", faults: "reset", shows_as: "lost" },
    Mutant { safeguard: "returns-by-id", faults: "reset", shows_as: "lost" },
    Mutant { safeguard: "durable-queues", faults: "stop", shows_as: "lost" },
    Mutant { safeguard: "prefetch", faults: "reset", shows_as: "trouble" },
    Mutant { safeguard: "at-least-once", faults: "retry-gone", shows_as: "lost" },
    Mutant { safeguard: "copy-before-ack", faults: "reset,consumer-kill", shows_as: "lost" },
    Mutant { safeguard: "generations", faults: "reset,close-connections", shows_as: "lost" },
    Mutant { safeguard: "resume", faults: "queue-deleted", shows_as: "trouble" },
];
