//! The cases, by what they are about.

pub(super) mod messages;
pub(super) mod routing;
pub(super) mod settling;
