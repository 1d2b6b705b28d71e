//! What of a log may be kept.

use tracing::{Level, Metadata};

/// The packages between us and the network, with what each may say at most.
///
/// At TRACE the client writes the frames of the login, with the password as bytes, and at WARN the whole of a returned
/// message.
const CLIENT: [(&str, Level); 7] = [
    ("lapin::returned_messages", Level::ERROR),
    ("lapin", Level::WARN),
    ("amq_protocol", Level::WARN),
    ("amq_protocol_tcp", Level::WARN),
    ("amq_protocol_uri", Level::WARN),
    ("tcp_stream", Level::WARN),
    ("async_rs", Level::WARN),
];

/// Whether a line of the log can hold neither a password nor the body of a message: everything that this framework says,
/// and what its client says where nothing is wrong with that.
///
/// Unlike `RUST_LOG`, nobody can turn it off from outside. Put it before all layers that write:
///
/// ```
/// use tracing_subscriber::filter::filter_fn;
/// use tracing_subscriber::layer::SubscriberExt;
/// use tracing_subscriber::{EnvFilter, fmt, registry};
///
/// let log = registry()
///     .with(filter_fn(eda_rabbit::is_safe_to_log))
///     .with(EnvFilter::from_default_env())
///     .with(fmt::layer());
/// # drop(log);
/// ```
///
/// What a handler logs, and the texts of its errors, are its author's.
pub fn is_safe_to_log(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let is_of = |package: &str| {
        target.strip_prefix(package).is_some_and(|module| module.is_empty() || module.starts_with("::"))
    };
    let most = CLIENT.iter().find(|(package, _)| is_of(package)).map(|(_, most)| most);
    most.is_none_or(|most| metadata.level() <= most)
}
