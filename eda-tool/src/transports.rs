//! What the tool needs of the transports that a program was built with.

use std::future::Future;

use eda_core::transport::Operate;
use eda_core::{Broker, Error, ErrorKind, Result, Topology};
use serde::Serialize;

/// The transports that a program was built with, by URL. A function that connects is one, without permissions.
pub trait Transports {
    /// Connects to the broker of a URL.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) where it is away, and what else the transport says.
    ///
    /// # Cancel safety
    /// Cancelled, nothing stays connected.
    fn connect(&self, url: &str) -> impl Future<Output = Result<Broker>>;

    /// The rights that the URL's user needs at the broker for a topology, and for what else is wanted. Connects to nothing.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) where the broker knows no users.
    fn permissions(&self, url: &str, topology: &Topology, wanted: Wanted) -> Result<Rights> {
        let _ = (url, topology, wanted);
        Err(Error::new(ErrorKind::Unsupported, "this broker knows no users: expected a URL such as `amqp://localhost`"))
    }
}

/// What a user does beside what a topology says.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Publishes what the topology does not list.
    pub publishing: bool,
    /// Looks at what is kept, sends it back, and follows events.
    pub operating: bool,
}

/// The rights of a user at a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rights {
    /// The command that grants them.
    pub command: String,
    /// What may be declared, as an anchored regular expression.
    pub configure: String,
    /// What may be published to and bound, as an anchored regular expression.
    pub write: String,
    /// What may be consumed from and bound to, as an anchored regular expression.
    pub read: String,
}

/// What operators do at the broker.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) where there is nothing.
pub(crate) fn operator(broker: &Broker) -> Result<&dyn Operate> {
    broker.transport().operate().ok_or_else(|| {
        let text = "this broker has nothing for operators: expected a URL such as `amqp://localhost`";
        Error::new(ErrorKind::Unsupported, text).with("broker", broker.transport().describe())
    })
}

/// Why a command is of no use at a broker that other processes can't reach.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) there.
pub(crate) fn shared(broker: &Broker) -> Result<()> {
    if broker.transport().capabilities().persistent {
        return Ok(());
    }
    let text = "what this broker holds lives and ends within one process, so this command has nothing to do with a service \
                that runs: expected a URL such as `amqp://localhost`";
    Err(Error::new(ErrorKind::Unsupported, text).with("broker", broker.transport().describe()))
}

impl<C: Fn(String) -> F, F: Future<Output = Result<Broker>>> Transports for C {
    fn connect(&self, url: &str) -> impl Future<Output = Result<Broker>> {
        self(url.to_owned())
    }
}
