//! Several services in one process.

mod check;
mod info;
mod plan;

use std::sync::Arc;

use crate::error::Result;
use crate::journal::Journal;
use crate::service::{PreparedService, Service};
use crate::topology::Topology;
use crate::transport::Permit;

pub use self::info::{HandlerInfo, ServiceInfo};
pub(crate) use self::plan::{Plan, QueuePlan};

/// Several services in one process, started and stopped together. A [`Service`] alone needs none.
///
/// ```
/// use eda_core::{AnyEvent, App, Service};
///
/// let billing = Service::new("billing").on("log", |_: AnyEvent| async {});
/// let shipping = Service::new("shipping").on("log", |_: AnyEvent| async {});
/// let app = App::new().service(billing).service(shipping);
///
/// let topology = app.topology().expect("nothing stands in the way");
/// assert_eq!(topology.subscriptions[0].queue, "billing.log");
/// ```
#[derive(Default)]
pub struct App {
    services: Vec<PreparedService>,
    pub(crate) journal: Option<Arc<dyn Journal>>,
}

impl App {
    /// Without services.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service.
    #[must_use]
    pub fn service<S: Send + Sync + 'static>(mut self, service: Service<S>) -> Self {
        self.services.push(service.prepare());
        self
    }

    /// Has everything that its handlers take and publish written down; what is published elsewhere is, too, with
    /// [`Broker::journaled`](crate::Broker::journaled). A later journal takes the place of an earlier one, and of the
    /// broker's.
    #[must_use]
    pub fn journal(mut self, journal: impl Journal) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// Its services as tools see them, in the order in which they were added.
    ///
    /// ```
    /// use eda_core::{AnyEvent, App, Service};
    ///
    /// let app = App::new().service(Service::new("audit").on("log", |_: AnyEvent| async {}));
    /// let services: Vec<_> = app.services().collect();
    /// assert_eq!(services[0].handlers[0].queue, "audit.log");
    /// ```
    pub fn services(&self) -> impl Iterator<Item = ServiceInfo<'_>> {
        self.services.iter().map(ServiceInfo::new)
    }

    /// What the app needs at the broker, without connecting.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) with every problem at once, as [`start`](Self::start) gives it.
    pub fn topology(&self) -> Result<Topology> {
        self.plan().map(|plan| plan.topology)
    }

    /// The rights that the app needs at the broker, without connecting: `eda::rabbit::Config` of the URL gives the
    /// `rabbitmqctl set_permissions` of its user. An app without handlers has those of a program that only publishes.
    ///
    /// # Errors
    /// As [`topology`](Self::topology), and where the transport can't express it.
    pub fn permissions<P: Permit>(&self, transport: &P) -> Result<P::Permissions> {
        let publishing = || Topology { journal: self.is_journaled_at_broker(), ..Topology::default() };
        let topology = if self.services.is_empty() { publishing() } else { self.topology()? };
        transport.permissions(&topology)
    }

    pub(crate) fn plan(&self) -> Result<Plan> {
        let mut plan = plan::plan(&self.services)?;
        plan.topology.journal = self.is_journaled_at_broker();
        Ok(plan)
    }

    fn is_journaled_at_broker(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.is_at_broker())
    }
}

/// The service alone.
impl<S: Send + Sync + 'static> From<Service<S>> for App {
    fn from(service: Service<S>) -> Self {
        Self::new().service(service)
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.services.iter().map(|service| &service.name).collect();
        f.debug_struct("App").field("services", &names).finish_non_exhaustive()
    }
}
