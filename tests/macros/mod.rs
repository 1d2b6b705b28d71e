//! What the macros promise.

mod ui;
