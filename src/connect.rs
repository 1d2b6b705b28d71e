//! The facade's one function: it picks a transport by the URL's scheme.

use eda_core::transport::memory::Memory;
use eda_core::{Broker, Error, ErrorKind, Result};

/// Connects to the broker of a URL.
///
/// | scheme | broker | feature |
/// |---|---|---|
/// | `memory://` | in this process, for tests and examples; each call makes a new one; `memory://?unrouted=reject` makes an event that nobody subscribes to an error | always there |
/// | `amqp://`, `amqps://` | RabbitMQ; options in `eda::rabbit::Config` | `rabbit`, `rabbit-tls` |
///
/// # Errors
/// [`Invalid`](ErrorKind::Invalid) where the URL can't be read, [`Unsupported`](ErrorKind::Unsupported) where its scheme
/// needs a feature that is not compiled in, and what the transport says where the broker can't be reached.
///
/// # Cancel safety
/// Cancelled, nothing stays connected.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> eda::Result {
/// let broker = eda::connect("memory://").await?;
/// # broker.close().await
/// # }
/// ```
pub async fn connect(url: &str) -> Result<Broker> {
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("memory") => Broker::new(memory(url)?).await,
        #[cfg(feature = "rabbit")]
        Some("amqp" | "amqps") => Broker::new(eda_rabbit::Rabbit::connect(url).await?).await,
        #[cfg(not(feature = "rabbit"))]
        Some(scheme @ ("amqp" | "amqps")) => {
            let feature = if scheme == "amqp" { "rabbit" } else { "rabbit-tls" };
            let text =
                format!("RabbitMQ is not compiled in: add `features = [\"{feature}\"]` to the dependency `eda-rs`");
            Err(Error::new(ErrorKind::Unsupported, text))
        }
        // what is no URL may be a secret, so only a scheme is repeated
        Some(scheme) => Err(Error::new(ErrorKind::Invalid, "expected a URL that begins with `memory://` or `amqp://`")
            .with("scheme", scheme)),
        None => Err(Error::new(ErrorKind::Invalid, "expected a URL such as `memory://` or `amqp://localhost`")),
    }
}

fn memory(url: &str) -> Result<Memory> {
    let rest = url.trim_start_matches("memory://").trim_start_matches('/');
    match rest.strip_prefix('?').and_then(|option| option.split_once('=')) {
        Some(("unrouted", unrouted)) => Ok(Memory::new().with_unrouted(unrouted.parse()?)),
        Some((option, _)) => Err(unexpected().with("option", option)),
        None if rest.is_empty() => Ok(Memory::new()),
        // what stands there may be a password
        None => Err(unexpected()),
    }
}

fn unexpected() -> Error {
    let text = "expected nothing after `memory://`, or `?unrouted=park`, or `?unrouted=reject`";
    Error::new(ErrorKind::Invalid, text)
}
