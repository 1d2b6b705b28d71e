//! Where messages go, as traces and metrics call it.

/// Where messages go, in the words of the OpenTelemetry conventions for messaging.
///
/// ```
/// use eda_core::transport::Destination;
///
/// let destination = Destination::new("rabbitmq", "eda.events");
/// assert_eq!(destination.system, "rabbitmq");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// What kind of broker it is (`messaging.system`).
    pub system: &'static str,
    /// Through what of it messages are routed, such as an exchange or a topic; empty where there is nothing of the kind.
    pub exchange: &'static str,
}

impl Destination {
    /// Of a kind of broker, through this of it.
    pub const fn new(system: &'static str, exchange: &'static str) -> Self {
        Self { system, exchange }
    }
}

impl Default for Destination {
    /// What the conventions say for an unknown one.
    fn default() -> Self {
        Self::new("_OTHER", "")
    }
}
