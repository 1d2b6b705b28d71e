//! A connected transport.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::journal::{Journal, noted};
use crate::publisher::Publisher;
use crate::telemetry;
use crate::transport::{Publish, Transport};

/// A connected transport: what services run on and publishers publish to. Cloning is cheap and shares the connection.
#[derive(Clone)]
pub struct Broker {
    transport: Arc<dyn Transport>,
    /// As the transport gave it.
    plain: Arc<dyn Publish>,
    /// The same, or with the journal around it.
    publish: Arc<dyn Publish>,
    journal: Option<Arc<dyn Journal>>,
    /// Of all handles: what has to be written before the connection ends.
    waited_for: Arc<Mutex<Vec<Arc<dyn Journal>>>>,
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
        let (plain, transport) = (Arc::clone(&publish), Arc::new(transport));
        Ok(Self { transport, plain, publish, journal: None, waited_for: Arc::default() })
    }

    /// The same connection, and everything that is published through this handle, or handled by apps that are started on
    /// it, is written down. Handles that were cloned before do not write. A later journal takes the place of an earlier one.
    ///
    /// A journal is heard and never asked: where it fails or is slow, nothing else does or is.
    #[must_use]
    pub fn journaled(self, journal: impl Journal) -> Self {
        self.journaled_by(Arc::new(journal))
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

    /// Ends the connection. Services that run on it should be shut down before. What a journal at the broker has not written
    /// yet is written first, for some seconds at most.
    ///
    /// # Errors
    /// What a transport has to say of its end. Those of this project have nothing to say: what the broker did not hear in time ends with
    /// the connection.
    ///
    /// # Cancel safety
    /// Cancelled, the connection ends with the last handle; call it again to write what is not written, and to wait for the
    /// end.
    pub async fn close(&self) -> Result<()> {
        let journals = self.waited_for().clone();
        for journal in journals {
            journal.flush().await;
            // only now, so that a call after a cancelled one waits for it, too
            self.waited_for().retain(|known| !Arc::ptr_eq(known, &journal));
        }
        self.transport.close().await
    }

    pub(crate) fn journaled_by(self, journal: Arc<dyn Journal>) -> Self {
        journal.attach(&self.transport);
        if journal.is_at_broker() {
            let mut journals = self.waited_for();
            if !journals.iter().any(|known| Arc::ptr_eq(known, &journal)) {
                journals.push(Arc::clone(&journal));
            }
        }
        let publish = noted(Arc::clone(&self.plain), Arc::clone(&journal));
        Self { publish, journal: Some(journal), ..self }
    }

    fn waited_for(&self) -> MutexGuard<'_, Vec<Arc<dyn Journal>>> {
        self.waited_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn journal(&self) -> Option<&Arc<dyn Journal>> {
        self.journal.as_ref()
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
