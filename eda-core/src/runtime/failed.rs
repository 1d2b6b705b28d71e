//! What an attempt that failed is told as.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::failure::{Failure, cut};
use crate::service::Redact;
use crate::transport::Reason;

/// What becomes of a panic in a handler, or in what reads its event.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Failure::because(Reason::Panicked, format!("the handler panicked: {}", text.unwrap_or("with no text")))
}

/// What is told of a failure: in logs, beside the dead letter, and where it is rehearsed.
pub(super) fn detail(failure: &Failure, redact: Option<&Redact>) -> String {
    let shown = catch_unwind(AssertUnwindSafe(|| failure.text()))
        .unwrap_or_else(|_| "the error could not be shown: its `Display` panicked".to_owned());
    let redacted = match redact {
        // before it is cut, so that no half of a secret is left at the end
        Some(redact) => catch_unwind(AssertUnwindSafe(|| redact(shown)))
            .unwrap_or_else(|_| "the error is not shown: its redaction panicked".to_owned()),
        None => shown,
    };
    cut(redacted)
}
