//! The cases, by what they are about.

pub(super) mod closing;
pub(super) mod dead_letters;
pub(super) mod disconnected;
pub(super) mod messages;
pub(super) mod prefetch;
pub(super) mod receiving;
pub(super) mod refused;
pub(super) mod retries;
pub(super) mod routing;
pub(super) mod settling;
pub(super) mod shared;
pub(super) mod unrouted;
