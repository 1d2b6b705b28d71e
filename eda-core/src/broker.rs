//! A connected transport.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::publisher::Publisher;
use crate::telemetry;
use crate::transport::{Publish, Transport};

/// A connected transport: what services run on and publishers publish to. Cloning is cheap and shares the connection.
#[derive(Clone)]
pub struct Broker {
    transport: Arc<dyn Transport>,
    publish: Arc<dyn Publish>,
}

impl Broker {
    /// Of a connected transport. `eda::connect(url)` does this for the transports that it knows.
    ///
    /// # Errors
    /// Where the transport can't give a publisher.
    ///
    /// # Cancel safety
    /// Cancelled, the transport is dropped, and its connection with it.
    pub async fn new(transport: impl Transport) -> Result<Self> {
        let publish = telemetry::watched(transport.publisher().await?);
        Ok(Self { transport: Arc::new(transport), publish })
    }

    /// A publisher for use outside of handlers. `source` names who publishes, usually the service.
    ///
    /// ```
    /// # async fn example(broker: eda_core::Broker, event: impl eda_core::Event) -> eda_core::Result {
    /// broker.publisher("web").publish(&event).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn publisher(&self, source: impl Into<Cow<'static, str>>) -> Publisher {
        Publisher::new(Arc::clone(&self.publish), source, None)
    }

    /// The transport.
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.transport
    }

    /// Ends the connection. Services that run on it should be shut down before.
    ///
    /// # Errors
    /// Where the broker was not told in time; the connection is gone all the same.
    ///
    /// # Cancel safety
    /// Cancelled, the connection ends with the last handle; call it again to wait for that.
    pub async fn close(&self) -> Result<()> {
        self.transport.close().await
    }

    pub(crate) fn publish(&self) -> &Arc<dyn Publish> {
        &self.publish
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("transport", &self.transport.describe()).finish_non_exhaustive()
    }
}
