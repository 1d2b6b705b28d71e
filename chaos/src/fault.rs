//! The kinds of faults, each with what is expected after it.

use std::fmt::Write;
use std::time::Duration;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fault {
    Reset,
    HalfClose,
    BlackHole,
    Deaf,
    Mute,
    Slow,
    Sliced,
    CutAfter,
    LateConfirms,
    Refused,
    SilentDoor,
    GarbageDoor,
    Flap,
    LongFlap,
    Stutter,
    Kill,
    Stop,
    Freeze,
    LongFreeze,
    CloseConnections,
    ConnectionLimit,
    MemoryAlarm,
    KilledWhileBlocked,
    StoppedWhileBlocked,
    StoppedTwice,
    StoppedWhileAway,
    DiskAlarm,
    PermissionRevoked,
    QueueFull,
    QueueDeleted,
    RetryGone,
    ConsumerKill,
    ConsumerStop,
    ConsumerFreeze,
    LateAcks,
    PublisherKill,
    LeaderKill,
    TwoDown,
    AllDown,
    Partition,
}

/// What is known of a kind: its name, its number in the catalogue, how many nodes it needs, within how many seconds
/// everyone is to make progress again, and what it does.
struct About(&'static str, &'static str, usize, u64, &'static str);

impl Fault {
    const ALL: [(Self, About); 40] = [
        (Self::Reset, About("reset", "F11", 1, 5, "a process's connections are reset")),
        (Self::HalfClose, About("half-close", "F12", 1, 5, "the broker's direction ends, the other one lives")),
        (Self::BlackHole, About("black-hole", "F13", 1, 25, "a process's connections swallow everything")),
        (Self::Deaf, About("deaf", "F14", 1, 25, "what the broker says is swallowed")),
        // RabbitMQ looks at each connection once in a heartbeat, and ends what has said nothing in two looks: after 16 to 24 s
        (Self::Mute, About("mute", "F15", 1, 35, "what the process says is swallowed")),
        (Self::Slow, About("slow", "F16", 1, 5, "500 ± 200 ms and 50 kB/s for 8 s")),
        (Self::Sliced, About("sliced", "F17", 1, 5, "one byte at a time for 5 s")),
        (Self::CutAfter, About("cut-after", "F18", 1, 5, "reset after so many bytes, in the middle of a frame")),
        (
            Self::LateConfirms,
            About(
                "late-confirms",
                "F34",
                1,
                5,
                "reset, and for 5 s confirms come 250 ms late, in order, behind the returns of what came after them",
            ),
        ),
        (Self::Refused, About("refused", "F08", 1, 7, "reset, and no connection for 5 s")),
        (Self::SilentDoor, About("silent-door", "F19", 1, 7, "reset, and connections that say nothing for 5 s")),
        (Self::GarbageDoor, About("garbage-door", "F19", 1, 7, "reset, and connections that say nonsense for 5 s")),
        (Self::Flap, About("flap", "F21", 1, 5, "five resets, 2 s apart")),
        (
            Self::LongFlap,
            About("long-flap", "F21", 1, 5, "forty resets of everyone, 3 s apart, with progress after each"),
        ),
        (
            Self::Stutter,
            About(
                "stutter",
                "F21",
                1,
                5,
                "no network for 3 s, so that all have much to do, then five resets, 300 ms apart",
            ),
        ),
        (Self::Kill, About("kill", "F01", 1, 5, "SIGKILL of a node, back after 1–4 s")),
        (Self::Stop, About("stop", "F05", 1, 7, "a node stops in good order and comes back")),
        (Self::Freeze, About("freeze", "F06", 1, 5, "SIGSTOP of a node for 8 s")),
        // who reconnects to a frozen broker waits for it, or has given up just before
        (Self::LongFreeze, About("long-freeze", "F06", 1, 7, "SIGSTOP of a node for 60 s")),
        (Self::CloseConnections, About("close-connections", "F07", 1, 5, "the broker closes all connections")),
        (
            Self::ConnectionLimit,
            About("connection-limit", "F33", 1, 7, "the broker closes all connections, and takes none for 4 s"),
        ),
        (Self::MemoryAlarm, About("memory-alarm", "F22", 1, 2, "memory alarm for 4 s")),
        (
            Self::KilledWhileBlocked,
            About(
                "killed-while-blocked",
                "F36",
                1,
                5,
                "SIGKILL of consumers whose retries, and what they returned, wait for the end of an alarm",
            ),
        ),
        (
            Self::StoppedWhileBlocked,
            About("stopped-while-blocked", "F38", 1, 5, "SIGTERM of a consumer that waits for the end of an alarm"),
        ),
        (
            Self::StoppedTwice,
            About("stopped-twice", "F38", 1, 5, "SIGTERM twice of a consumer that waits for the end of an alarm"),
        ),
        (
            Self::StoppedWhileAway,
            About("stopped-while-away", "F38", 1, 5, "SIGTERM of a consumer that reaches no broker"),
        ),
        (Self::DiskAlarm, About("disk-alarm", "F23", 1, 2, "disk alarm for 4 s")),
        (Self::PermissionRevoked, About("permission-revoked", "F09", 1, 7, "no permission to write for 4 s")),
        (
            Self::QueueFull,
            About("queue-full", "F24", 1, 5, "nobody takes from a queue for 5 s, and it takes nothing more"),
        ),
        (Self::QueueDeleted, About("queue-deleted", "F25", 1, 5, "an empty queue is deleted under its consumers")),
        (
            Self::RetryGone,
            About(
                "retry-gone",
                "F26",
                1,
                5,
                "the exchange behind the wait queues is deleted for 4 s; orphaned retries are given back",
            ),
        ),
        (Self::ConsumerKill, About("consumer-kill", "F35", 1, 5, "SIGKILL of a consumer, begun again")),
        (Self::ConsumerStop, About("consumer-stop", "F37", 1, 5, "SIGTERM of a consumer, begun again")),
        (Self::ConsumerFreeze, About("consumer-freeze", "F40", 1, 5, "SIGSTOP of a consumer for 8 s")),
        (
            Self::LateAcks,
            About("late-acks", "F29", 1, 5, "a consumer is done on a channel that is gone, and killed on the next one"),
        ),
        (Self::PublisherKill, About("publisher-kill", "F36", 1, 5, "SIGKILL of a publisher, begun again")),
        (
            Self::LeaderKill,
            About("leader-kill", "F02", 3, 10, "SIGKILL of the node that leads a queue, back after 4 s"),
        ),
        (Self::TwoDown, About("two-down", "F03", 3, 10, "two of three nodes killed, back after 5 s")),
        (Self::AllDown, About("all-down", "F04", 3, 7, "all nodes killed, back after 60 s")),
        (Self::Partition, About("partition", "F10", 3, 25, "a node that the others don't reach for 10 s")),
    ];

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().map(|(fault, _)| fault)
    }

    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let found = Self::all().find(|fault| fault.name() == name);
        found.ok_or_else(|| format!("no such kind of fault: {name}; they are:\n{}", list()))
    }

    pub(crate) fn name(self) -> &'static str {
        self.about().0
    }

    /// Its number in the catalogue of `docs/reliability.md`.
    pub(crate) fn row(self) -> &'static str {
        self.about().1
    }

    pub(crate) fn nodes(self) -> usize {
        self.about().2
    }

    /// Within this time after the fault, or after its end where it lasts, everyone is to make progress again.
    pub(crate) fn limit(self) -> Duration {
        Duration::from_secs(self.about().3)
    }

    /// Whether it needs brokers that know their queues; see [`Cluster::settle_down`](crate::cluster::Cluster::settle_down).
    pub(crate) fn kills_nodes(self) -> bool {
        matches!(self, Self::Kill | Self::LeaderKill | Self::TwoDown | Self::AllDown)
    }

    fn about(self) -> &'static About {
        let found = Self::ALL.iter().find(|(fault, _)| *fault == self);
        &found.expect("every kind is in the table").1
    }
}

/// All kinds, a line each.
pub(crate) fn list() -> String {
    let mut text = String::new();
    for (_, About(name, row, nodes, _, what)) in &Fault::ALL {
        let three = if *nodes > 1 { " (--nodes 3)" } else { "" };
        let _ = writeln!(text, "  {name:<20} {row}  {what}{three}");
    }
    text.trim_end().to_owned()
}
