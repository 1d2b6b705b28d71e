//! Which rights an app needs at a broker that knows users.

use std::fmt::Display;

use crate::error::Result;
use crate::topology::Topology;

/// Knows without connecting which rights at the broker an app needs: the configuration of a transport whose broker has
/// users. What [`App::permissions`](crate::App::permissions) asks.
pub trait Permit {
    /// The rights. Shown, they are the commands that an operator runs.
    type Permissions: Display;

    /// The rights that are needed to declare this topology, to consume what it subscribes to and to publish what it emits,
    /// and no others.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) where the transport could not declare the topology.
    fn permissions(&self, topology: &Topology) -> Result<Self::Permissions>;
}
