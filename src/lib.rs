//! Events and handlers for Rust services.

pub use eda_core::*;
#[cfg(feature = "macros")]
pub use eda_macros::*;

/// Everything that a service's source file needs.
pub mod prelude {
    pub use eda_core::*;
    #[cfg(feature = "macros")]
    pub use eda_macros::*;
}
