//! Tests for apps that are built with `eda`, and for transports that carry them.

mod app;
pub mod conformance;

pub use self::app::{Delivered, Settled, TestApp, TestAppBuilder};
